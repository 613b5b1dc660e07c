//! How what was found is shown: the words around it, with what was looked for marked.

use super::query::{Phrase, Query};
use super::words::{Word, words};

/// Letters shown of a line, and how many of them before the first thing that was looked for.
const SHOWN: usize = 220;
const BEFORE: usize = 50;

/// A piece of text, marked or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The words.
    pub text: String,
    /// It was looked for.
    pub marked: bool,
}

/// A text around what was looked for.
pub fn excerpt(text: &str, query: &Query) -> Vec<Piece> {
    let found = places(&words(text), &query.phrases);
    let first = found.iter().map(|place| place.start).min().unwrap_or_default();
    let (from, until) = (start(text, first), end(text, first));
    let mut pieces = Vec::new();
    let mut push = |range: std::ops::Range<usize>, marked: bool| {
        let text = on_one_line(text.get(range).unwrap_or_default());
        if !text.is_empty() {
            pieces.push(Piece { text, marked });
        }
    };
    let mut at = from;
    for place in found.into_iter().filter(|place| place.end <= until) {
        if place.start >= at {
            push(at..place.start, false);
            at = place.end;
            push(place, true);
        }
    }
    push(at..until, false);
    let dots = |pieces: &mut Vec<Piece>, index| pieces.insert(index, Piece { text: "…".to_owned(), marked: false });
    if from > 0 {
        dots(&mut pieces, 0);
    }
    if until < text.len() {
        let last = pieces.len();
        dots(&mut pieces, last);
    }
    pieces
}

/// A name, with what was looked for marked.
pub fn marked(text: &str, query: &Query) -> Vec<Piece> {
    excerpt(&text.chars().take(SHOWN - BEFORE).collect::<String>(), query)
}

/// Lines become spaces: an excerpt is one paragraph.
fn on_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for letter in text.chars() {
        if !letter.is_whitespace() {
            line.push(letter);
        } else if !line.ends_with(' ') {
            line.push(' ');
        }
    }
    line
}

/// The last beginning of a word not far before a place.
fn start(text: &str, place: usize) -> usize {
    let before: Vec<usize> = text.get(..place).unwrap_or_default().char_indices().map(|(at, _)| at).collect();
    if before.len() <= BEFORE {
        return 0;
    }
    let from = before.get(before.len() - BEFORE).copied().unwrap_or_default();
    let skipped = text.get(from..place).and_then(|near| near.find(char::is_whitespace)).map_or(0, |space| space + 1);
    if text.is_char_boundary(from + skipped) { from + skipped } else { from }
}

fn end(text: &str, place: usize) -> usize {
    let rest = text.get(place..).unwrap_or_default();
    rest.char_indices().nth(SHOWN - BEFORE).map_or(text.len(), |(at, _)| place + at)
}

/// Where the phrases stand, in order and apart from each other.
fn places(words: &[Word], phrases: &[Phrase]) -> Vec<std::ops::Range<usize>> {
    let mut places: Vec<std::ops::Range<usize>> = Vec::new();
    for phrase in phrases {
        for run in words.windows(phrase.words.len().max(1)) {
            if !stands(run, phrase) {
                continue;
            }
            if let (Some(first), Some(last)) = (run.first(), run.last()) {
                places.push(first.place.start..last.place.end);
            }
        }
    }
    places.sort_by_key(|place| (place.start, std::cmp::Reverse(place.end)));
    places
}

fn stands(run: &[Word], phrase: &Phrase) -> bool {
    let last = phrase.words.len().saturating_sub(1);
    run.iter().zip(&phrase.words).enumerate().all(|(index, (word, wanted))| {
        if index == last && phrase.goes_on { word.folded.starts_with(wanted.as_str()) } else { word.folded == *wanted }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str, typed: &str) -> String {
        let pieces = excerpt(text, &Query::parse(typed));
        pieces.iter().map(|piece| if piece.marked { format!("[{}]", piece.text) } else { piece.text.clone() }).collect()
    }

    #[test]
    fn what_was_looked_for_is_marked_as_it_was_written() {
        assert_eq!(shown("Die Grüße kamen an", "grusse"), "Die [Grüße] kamen an");
        assert_eq!(shown("HC-20931, hc 20 and HC-2093155", "hc-20931"), "[HC-20931], hc 20 and [HC-2093155]");
        assert_eq!(shown("on my  way\nhome", "\"my way\" home"), "on [my way] [home]");
        assert_eq!(shown("nothing here", "else"), "nothing here");
    }

    #[test]
    fn long_texts_are_cut_around_it() {
        let text = format!("{} needle {}", "hay ".repeat(100), "hay ".repeat(100));
        let shown = shown(&text, "needle");
        assert!(shown.starts_with('…') && shown.ends_with('…') && shown.contains("[needle]") && shown.chars().count() < 240, "{shown}");
    }

    proptest! {
        #[test]
        fn an_excerpt_says_nothing_that_the_text_does_not(text in ".{0,400}", typed in "[a-z]{1,3}( [a-z]{1,3})?") {
            let all = text.split_whitespace().collect::<String>();
            for piece in excerpt(&text, &Query::parse(&typed)) {
                let bare = piece.text.split_whitespace().collect::<String>();
                prop_assert!(bare == "…" || all.contains(&bare), "{bare:?} in {all:?}");
            }
        }
    }
}
