//! Recognises what a customer means: by keyword, whatever the case, with room for typos.

use super::script::{Script, Topic};

/// Words shorter than this must be spelled right.
const TOLERANT_FROM: usize = 4;

/// Words of at least this length may have two typos.
const TWO_TYPOS_FROM: usize = 8;

/// The topic that a text speaks of, and the language of the keyword that told. The longest keyword wins, an exact one before a misspelt one.
pub(super) fn topic<'a>(script: &'a Script, text: &str) -> Option<(&'a Topic, &'a str)> {
    let words = words(text);
    let mut best: Option<(Score, &Topic, &str)> = None;
    for topic in &script.topics {
        for (language, keyword) in spoken(topic) {
            let Some(score) = score(&words, keyword) else { continue };
            if best.as_ref().is_none_or(|(known, ..)| score > *known) {
                best = Some((score, topic, language));
            }
        }
    }
    best.map(|(_, topic, language)| (topic, language))
}

/// The language a text is in, by the script's hints; none when nothing or several tell equally.
pub(super) fn language<'a>(script: &'a Script, text: &str) -> Option<&'a str> {
    let words = words(text);
    let mut counts: Vec<(usize, &str)> = script
        .hints
        .iter()
        .map(|(language, hints)| (words.iter().filter(|word| hints.iter().any(|hint| fold(hint) == **word)).count(), language.as_str()))
        .collect();
    counts.sort_by(|a, b| b.cmp(a));
    match counts.as_slice() {
        [(0, _), ..] | [] => None,
        [(first, _), (second, _), ..] if first == second => None,
        [(_, language), ..] => Some(language),
    }
}

/// Every keyword of a topic with its language; its label is one as well.
fn spoken(topic: &Topic) -> impl Iterator<Item = (&str, &str)> {
    let keywords = topic.keywords.iter().flat_map(|(language, all)| all.iter().map(move |keyword| (language.as_str(), keyword.as_str())));
    let labels = topic.label.iter().map(|(language, label)| (language.as_str(), label.as_str()));
    keywords.chain(labels)
}

/// How well a keyword is met: (characters of the keyword, spelled right).
type Score = (usize, bool);

fn score(words: &[String], keyword: &str) -> Option<Score> {
    let wanted: Vec<String> = self::words(keyword);
    if wanted.is_empty() {
        return None;
    }
    let length = wanted.iter().map(|word| word.chars().count()).sum();
    words
        .windows(wanted.len())
        .filter_map(|window| {
            let pairs = || window.iter().zip(&wanted);
            pairs().all(|(word, wanted)| alike(word, wanted)).then(|| (length, pairs().all(|(word, wanted)| word == wanted)))
        })
        .max_by_key(|(_, exact)| *exact)
}

fn alike(word: &str, wanted: &str) -> bool {
    let length = wanted.chars().count();
    let room = if length >= TWO_TYPOS_FROM { 2 } else { usize::from(length >= TOLERANT_FROM) };
    word == wanted || (room > 0 && strsim::damerau_levenshtein(word, wanted) <= room)
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(fold).collect()
}

/// Lower case, and German letters as people without them write.
fn fold(word: &str) -> String {
    let mut folded = String::with_capacity(word.len());
    for c in word.chars().flat_map(char::to_lowercase) {
        match c {
            'ä' => folded.push_str("ae"),
            'ö' => folded.push_str("oe"),
            'ü' => folded.push_str("ue"),
            'ß' => folded.push_str("ss"),
            other => folded.push(other),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn keywords_are_met_in_any_case_and_with_typos() {
        let script = Script::built_in().unwrap();
        for (text, name) in [
            ("When do you OPEN?", "hours"),
            ("oeffnungszeiten?", "hours"),
            ("Öffnungzeiten bitte", "hours"),
            ("I want to talk to a real person", "person"),
            ("humna please", "person"),
            ("Bestelung 12345", "order"),
            ("is my order there yet", "order"),
            ("shippping costs", "delivery"),
            ("Talk to a person", "person"),
        ] {
            let found = topic(&script, text).map(|(topic, _)| topic.name.as_str());
            assert_eq!(found, Some(name), "{text}");
        }
        for text in ["", "lorem ipsum", "☕☕☕", "war"] {
            assert!(topic(&script, text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_language_is_told_by_the_words() {
        let script = Script::built_in().unwrap();
        assert_eq!(language(&script, "Hallo, wo ist mein Paket?"), Some("de"));
        assert_eq!(language(&script, "hi, where is my package"), Some("en"));
        assert_eq!(language(&script, "12345"), None);
    }
}
