//! Words as the search knows them: small letters without accents, so that `muller` finds `Müller` whatever the language of the database.

use std::ops::Range;

use serde_json::Value;

/// A longer word is known by its beginning.
const WORD_CHARS: usize = 40;

/// The index knows beginnings of words of these lengths. A shorter word it knows as it is.
const BEGINNINGS: [usize; 2] = [3, 5];

/// Words of one line that are known; the rest is not found.
const WORDS: usize = 400;

/// Letters that are others with a mark, or several in one.
const PLAIN: [(&str, &str); 24] = [
    ("äàáâãåāăą", "a"),
    ("çćĉċč", "c"),
    ("ďđð", "d"),
    ("ëèéêēĕėęě", "e"),
    ("ĝğġģ", "g"),
    ("ĥħ", "h"),
    ("ïìíîĩīĭįı", "i"),
    ("ĵ", "j"),
    ("ķ", "k"),
    ("ĺļľŀł", "l"),
    ("ñńņňŋ", "n"),
    ("öòóôõøōŏő", "o"),
    ("ŕŗř", "r"),
    ("śŝşšș", "s"),
    ("ţťŧț", "t"),
    ("üùúûũūŭůűų", "u"),
    ("ŵ", "w"),
    ("ýÿŷ", "y"),
    ("źżž", "z"),
    ("ß", "ss"),
    ("æ", "ae"),
    ("œ", "oe"),
    ("þ", "th"),
    ("ĳ", "ij"),
];

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// As the search knows it.
    pub folded: String,
    /// Where it stands, in bytes.
    pub place: Range<usize>,
}

/// The words of a text, in order.
pub fn words(text: &str) -> Vec<Word> {
    let mut found: Vec<Word> = Vec::new();
    let mut open = false;
    for (at, letter) in text.char_indices() {
        let end = at + letter.len_utf8();
        if is_mark(letter) {
            if let Some(word) = found.last_mut().filter(|_| open) {
                word.place.end = end;
            }
            continue;
        }
        if !letter.is_alphanumeric() {
            open = false;
            continue;
        }
        let alone = is_a_word(letter);
        if !open || alone {
            found.push(Word { folded: String::new(), place: at..end });
        }
        open = !alone;
        if let Some(word) = found.last_mut() {
            word.place.end = end;
            if word.folded.chars().count() < WORD_CHARS {
                fold(letter, &mut word.folded);
            }
        }
    }
    found
}

/// Marks that stand on the letter before them.
const fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}')
}

/// Scripts that put no space between words: every sign is one.
const fn is_a_word(letter: char) -> bool {
    matches!(letter, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

fn fold(letter: char, into: &mut String) {
    for small in letter.to_lowercase().filter(|small| !is_mark(*small)) {
        match PLAIN.iter().find(|(marked, _)| marked.contains(small)) {
            Some((_, plain)) => into.push_str(plain),
            None => into.push(small),
        }
    }
}

/// The words of a text with a space before and after each.
pub fn spaced(words: &[Word]) -> String {
    let mut text = String::from(" ");
    for word in words.iter().take(WORDS) {
        text.push_str(&word.folded);
        text.push(' ');
    }
    text
}

/// What the index is told of a word.
pub fn index_terms(word: &str) -> impl Iterator<Item = String> + '_ {
    let length = word.chars().count();
    let beginnings = BEGINNINGS.into_iter().filter(move |wanted| *wanted <= length).map(|wanted| word.chars().take(wanted).collect());
    let whole = (length < BEGINNINGS[0]).then(|| word.to_owned());
    beginnings.chain(whole)
}

/// What the index is asked about a word, or a beginning of one: the most that it knows.
pub fn asked_term(word: &str) -> String {
    index_terms(word).max_by_key(|term| term.chars().count()).unwrap_or_default()
}

/// Whether the index can find the longer words that begin like this one.
pub fn may_go_on(word: &str) -> bool {
    word.chars().count() >= BEGINNINGS[0]
}

/// All terms of a line.
pub fn terms(words: &[Word]) -> Vec<String> {
    words.iter().take(WORDS).flat_map(|word| index_terms(&word.folded)).filter(|term| !term.is_empty()).collect()
}

/// The term for a beginning that is too short for [`index_terms`].
pub fn short_term(beginning: &str) -> String {
    format!("b:{beginning}")
}

/// What the index is told of people besides: the first one and two letters of each word. Beside a name they are asked for while somebody types on.
pub fn short_terms(words: &[Word]) -> impl Iterator<Item = String> + '_ {
    words.iter().take(WORDS).flat_map(|word| {
        let letters = word.folded.chars().count();
        (1..BEGINNINGS[0])
            .filter(move |length| *length <= letters)
            .map(|length| short_term(&word.folded.chars().take(length).collect::<String>()))
    })
}

/// What somebody can look for in a row of the log; `None` for rows that say nothing to people.
pub fn text_of(kind: &str, payload: &str) -> Option<String> {
    let item: Value = serde_json::from_str(payload).ok()?;
    let mut texts: Vec<&str> = Vec::new();
    match kind {
        "message" | "echo" => {
            let message = item.get("message")?;
            collect(message, &["/text"], &mut texts);
            let listed = message.get("attachments").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            for attachment in listed.iter().chain(message.get("attachment")) {
                collect(attachment, &["/title", "/payload/title", "/payload/text"], &mut texts);
                let cards = attachment.pointer("/payload/elements").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                cards.iter().for_each(|card| collect(card, &["/title", "/subtitle"], &mut texts));
            }
        }
        "postback" => collect(&item, &["/postback/title"], &mut texts),
        "edit" => collect(&item, &["/message_edit/text"], &mut texts),
        "note" => collect(&item, &["/text"], &mut texts),
        _ => return None,
    }
    (!texts.is_empty()).then(|| texts.join(" · "))
}

fn collect<'a>(value: &'a Value, pointers: &[&str], texts: &mut Vec<&'a str>) {
    texts.extend(
        pointers.iter().filter_map(|pointer| value.pointer(pointer)).filter_map(Value::as_str).filter(|text| !text.trim().is_empty()),
    );
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn folded(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.folded).collect()
    }

    #[test]
    fn words_lose_capitals_and_accents() {
        assert_eq!(folded("Grüße, ÉTÉ! e\u{301}te\u{301} HC-20931"), ["grusse", "ete", "ete", "hc", "20931"]);
        assert_eq!(folded("咖啡 kaffee"), ["咖", "啡", "kaffee"]);
        assert_eq!(folded("İstanbul Łódź straße"), ["istanbul", "lodz", "strasse"]);
        assert_eq!(folded("😀 — … \u{301}"), Vec::<String>::new());
    }

    #[test]
    fn a_beginning_is_asked_for_as_the_index_knows_it() {
        assert_eq!(index_terms("versand").collect::<Vec<_>>(), ["ver", "versa"]);
        assert_eq!(index_terms("ok").collect::<Vec<_>>(), ["ok"]);
        assert_eq!((asked_term("versa"), asked_term("vers"), asked_term("ve")), ("versa".into(), "ver".into(), "ve".into()));
    }

    #[test]
    fn people_are_known_by_their_first_letters_too() {
        let of = |text: &str| short_terms(&words(text)).collect::<Vec<_>>();
        assert_eq!(of("Mia Wöng 7"), ["b:m", "b:mi", "b:w", "b:wo", "b:7"]);
        assert_eq!(of("…"), Vec::<String>::new());
    }

    #[test]
    fn only_what_people_read_is_found() {
        assert_eq!(text_of("message", r#"{"message":{"text":"hi","mid":"m_secret"}}"#).as_deref(), Some("hi"));
        assert_eq!(text_of("read", r#"{"read":{"watermark":1}}"#), None);
        assert_eq!(text_of("message", "broken"), None);
        let card = r#"{"message":{"attachments":[{"type":"template","payload":{"elements":[{"title":"Mug","subtitle":"blue"}]}}]}}"#;
        assert_eq!(text_of("echo", card).as_deref(), Some("Mug · blue"));
    }

    proptest! {
        #[test]
        fn words_are_where_they_say_and_hold_nothing_that_sql_reads(text in ".{0,200}") {
            let mut last = 0;
            for word in words(&text) {
                prop_assert!(word.place.start >= last && text.get(word.place.clone()).is_some());
                last = word.place.end;
                prop_assert!(word.folded.chars().all(char::is_alphanumeric), "{:?}", word.folded);
            }
        }

        #[test]
        fn whatever_begins_a_word_is_among_its_terms(word in "[a-z0-9äöü]{3,12}", kept in 3_usize..12) {
            let Some(word) = folded(&word).pop() else { return Ok(()) };
            let beginning: String = word.chars().take(kept).collect();
            prop_assert!(index_terms(&word).any(|term| term == asked_term(&beginning)), "{word} {beginning}");
        }
    }
}
