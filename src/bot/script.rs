//! The script: a readable TOML file, checked whole when it is loaded.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::hours::{Exception, Hours, Week};

/// A text in every language of the script.
pub(super) type Text = BTreeMap<String, String>;

/// What is wrong with a script, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the bot's script, {}{message}", .line.map(|line| format!("line {line}: ")).unwrap_or_default())]
pub struct BadScript {
    /// Line, from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong, in plain words.
    pub message: String,
}

/// What the bot knows, says and asks.
#[derive(Debug, Clone)]
pub struct Script {
    pub(super) bot: About,
    pub(super) hints: BTreeMap<String, Vec<String>>,
    pub(super) hours: Hours,
    pub(super) texts: Texts,
    pub(super) questions: BTreeMap<String, Question>,
    pub(super) topics: Vec<Topic>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    bot: About,
    #[serde(default)]
    hints: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    hours: Week,
    #[serde(default)]
    exceptions: Vec<Exception>,
    texts: Texts,
    #[serde(default)]
    questions: BTreeMap<String, Question>,
    topics: Vec<Topic>,
}

/// `[bot]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct About {
    pub languages: Vec<String>,
    pub time_zone: String,
    #[serde(default = "two")]
    pub misunderstandings: u32,
    #[serde(default)]
    pub grant_requests: bool,
}

const fn two() -> u32 {
    2
}

/// `[texts.…]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Texts {
    pub greeting: Text,
    pub menu: Text,
    pub not_understood: Text,
    pub handover: Text,
    pub away: Text,
    pub bad_answer: Text,
}

/// `[questions.…]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    pub kind: Kind,
    #[serde(default)]
    pub min_digits: usize,
    pub ask: Text,
}

/// What an answer must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// Any words.
    Text,
    /// Digits, with whatever stands around them.
    Number,
}

/// `[[topics]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Topic {
    pub name: String,
    pub label: Text,
    #[serde(default)]
    pub keywords: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub answer: Option<Text>,
    #[serde(default)]
    pub ask: Vec<String>,
    #[serde(default)]
    pub hand_over: bool,
    #[serde(default)]
    pub reason: Option<Text>,
    #[serde(default)]
    pub hidden: bool,
}

/// Longest title of a quick reply, in characters (protocol page, section 3.3).
const TITLE: usize = 20;

/// Most quick replies in a message.
const QUICK_REPLIES: usize = 13;

/// Longest text of a message, in characters.
const MESSAGE: usize = 2000;

impl Script {
    /// The script that comes with Baton.
    ///
    /// # Errors
    /// Never in a released program: a test loads it.
    pub fn built_in() -> Result<Self, BadScript> {
        Self::parse(include_str!("script.toml"))
    }

    /// Reads and checks a script.
    ///
    /// # Errors
    /// [`BadScript`] with the line and what is wrong there.
    pub fn parse(text: &str) -> Result<Self, BadScript> {
        let file: File = toml::from_str(text).map_err(|error| BadScript {
            line: error.span().map(|span| line_of(text, span.start)),
            message: error.message().trim().to_owned(),
        })?;
        let hours = Hours::new(&file.bot.time_zone, &file.hours, &file.exceptions).map_err(|(word, message)| at(text, &word, message))?;
        let script = Self { bot: file.bot, hints: file.hints, hours, texts: file.texts, questions: file.questions, topics: file.topics };
        script.check(text)?;
        Ok(script)
    }

    fn check(&self, text: &str) -> Result<(), BadScript> {
        if self.bot.languages.is_empty() {
            return Err(at(text, "languages", "at least one language is needed".into()));
        }
        if self.bot.misunderstandings == 0 {
            return Err(at(text, "misunderstandings", "misunderstandings must be at least 1".into()));
        }
        let texts = &self.texts;
        for (name, one) in [
            ("texts.greeting", &texts.greeting),
            ("texts.menu", &texts.menu),
            ("texts.not_understood", &texts.not_understood),
            ("texts.handover", &texts.handover),
            ("texts.away", &texts.away),
            ("texts.bad_answer", &texts.bad_answer),
        ] {
            self.check_text(text, name, one, MESSAGE)?;
        }
        for (name, question) in &self.questions {
            self.check_text(text, &format!("questions.{name}"), &question.ask, MESSAGE)?;
        }
        self.check_topics(text)
    }

    fn check_topics(&self, text: &str) -> Result<(), BadScript> {
        if self.topics.iter().filter(|topic| !topic.hidden).count() > QUICK_REPLIES {
            return Err(at(text, "topics", format!("more than {QUICK_REPLIES} topics are shown; hide some with hidden = true")));
        }
        if !self.topics.iter().any(|topic| topic.hand_over) {
            return Err(at(text, "topics", "no topic hands over to a person (hand_over = true)".into()));
        }
        let mut names = std::collections::BTreeSet::new();
        for topic in &self.topics {
            let place = format!("name = \"{}\"", topic.name);
            if !names.insert(&topic.name) {
                return Err(last(text, &place, format!("the topic {} is there twice", topic.name)));
            }
            self.check_text(text, &place, &topic.label, TITLE)?;
            for one in [&topic.answer, &topic.reason].into_iter().flatten() {
                self.check_text(text, &place, one, MESSAGE)?;
            }
            if topic.answer.is_none() && !topic.hand_over {
                return Err(at(text, &place, format!("the topic {} neither answers nor hands over", topic.name)));
            }
            if let Some(unknown) = topic.ask.iter().find(|name| !self.questions.contains_key(*name)) {
                return Err(at(
                    text,
                    &format!("\"{unknown}\""),
                    format!("the topic {} asks {unknown}, but there is no [questions.{unknown}]", topic.name),
                ));
            }
        }
        Ok(())
    }

    fn check_text(&self, text: &str, place: &str, one: &Text, longest: usize) -> Result<(), BadScript> {
        for language in &self.bot.languages {
            let Some(words) = one.get(language) else {
                return Err(at(text, place, format!("{place} has no text in {language}")));
            };
            let length = words.chars().count();
            if length > longest {
                return Err(at(text, words, format!("this text has {length} characters, at most {longest} fit")));
            }
        }
        match one.keys().find(|language| !self.bot.languages.contains(language)) {
            Some(other) => Err(at(text, place, format!("{place} has a text in {other}, which is not among the languages"))),
            None => Ok(()),
        }
    }

    /// A text in a language; the first language's where there is none.
    pub(super) fn say<'a>(&'a self, text: &'a Text, language: &str) -> &'a str {
        text.get(language).or_else(|| self.bot.languages.first().and_then(|first| text.get(first))).map_or("", String::as_str)
    }

    /// The language spoken until the customer's words tell another.
    pub(super) fn first_language(&self) -> &str {
        self.bot.languages.first().map_or("en", String::as_str)
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// A complaint at the first place that reads so.
fn at(text: &str, place: &str, message: String) -> BadScript {
    BadScript { line: text.find(place).map(|offset| line_of(text, offset)), message }
}

/// A complaint at the last place that reads so.
fn last(text: &str, place: &str, message: String) -> BadScript {
    BadScript { line: text.rfind(place).map(|offset| line_of(text, offset)), message }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn complaint(change: impl Fn(&str) -> String) -> String {
        Script::parse(&change(include_str!("script.toml"))).unwrap_err().to_string()
    }

    #[test]
    fn the_built_in_script_is_sound() {
        let script = Script::built_in().unwrap();
        assert_eq!(script.bot.languages, ["en", "de"]);
        assert!(script.topics.iter().any(|topic| topic.hand_over));
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        let missing = complaint(|text| text.replacen("de = \"Öffnungszeiten\"\n", "", 1));
        assert!(missing.contains("has no text in de"), "{missing}");
        let broken = complaint(|text| text.replacen("misunderstandings = 2", "misunderstandings = two", 1));
        assert!(broken.starts_with("the bot's script, line 8: "), "{broken}");
        let unknown = complaint(|text| text.replacen("hand_over = true", "handover = true", 1));
        assert!(unknown.contains("unknown field `handover`") && unknown.contains("line "), "{unknown}");
        let asked = complaint(|text| text.replacen("ask = [\"name\", ", "ask = [\"nickname\", ", 1));
        assert!(asked.contains("there is no [questions.nickname]"), "{asked}");
        let long = complaint(|text| text.replacen("en = \"Delivery\"", "en = \"Delivery to all the islands\"", 1));
        assert!(long.contains("line 88: this text has 27 characters, at most 20 fit"), "{long}");
        let hours = complaint(|text| text.replacen("09:00-12:30", "9 to noon", 1));
        assert!(hours.contains("9 to noon") && hours.contains("line 19"), "{hours}");
        let zone = complaint(|text| text.replacen("Europe/Berlin", "Europe/Atlantis", 1));
        assert!(zone.contains("Europe/Atlantis") && zone.contains("line 6"), "{zone}");
    }
}
