//! What the bot says: a pure function of the script, what it knows, and what it heard.

use serde_json::Value;

use super::matching;
use super::memory::{Handover, Known, Reply, Turn};
use super::script::{Kind, Script, Text, Topic};
use crate::control::Epoch;
use crate::wire::Timestamp;

/// What the bot heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// Words.
    Text(String),
    /// A quick reply or button of its own.
    Choice(String),
    /// A message without words: a picture, a sticker.
    Wordless,
}

/// What a choice of a topic carries.
const TOPIC: &str = "baton:topic:";

/// The payload of Get Started.
const GET_STARTED: &str = "GET_STARTED";

impl Heard {
    /// Reads an item of the `messaging` channel. `None`: nothing the bot answers.
    pub fn read(item: &Value) -> Option<Self> {
        let words = |value: &Value| value.as_str().map(str::to_owned);
        if let Some(message) = item.get("message") {
            let unanswerable = ["is_echo", "is_deleted"].iter().any(|key| message.get(key).and_then(Value::as_bool) == Some(true));
            if unanswerable {
                return None;
            }
            let choice = message.pointer("/quick_reply/payload").and_then(words).filter(|payload| payload.starts_with(TOPIC));
            return Some(match (choice, message.get("text").and_then(words)) {
                (Some(payload), _) => Self::Choice(payload),
                (None, Some(text)) => Self::Text(text),
                (None, None) => Self::Wordless,
            });
        }
        let postback = item.get("postback")?;
        Some(match (postback.get("payload").and_then(words), postback.get("title").and_then(words)) {
            (Some(payload), _) if payload.starts_with(TOPIC) || payload == GET_STARTED => Self::Choice(payload),
            (_, Some(title)) => Self::Text(title),
            (Some(payload), None) => Self::Choice(payload),
            (None, None) => Self::Wordless,
        })
    }
}

/// Decides what to do, and what is known afterwards.
pub(super) fn answer(script: &Script, known: &Known, heard: &Heard, epoch: Epoch, now: Timestamp) -> (Known, Turn) {
    let mut talk = Talk { script, known: known.clone(), turn: Turn::default(), now };
    talk.hear_language(heard);
    let returning = known.epoch != Some(epoch);
    if returning {
        talk.known.topic = None;
        talk.known.misunderstood = 0;
        talk.known.epoch = Some(epoch);
        talk.say(&script.texts.greeting);
    }
    talk.respond(heard, returning);
    (talk.known, talk.turn)
}

struct Talk<'a> {
    script: &'a Script,
    known: Known,
    turn: Turn,
    now: Timestamp,
}

impl Talk<'_> {
    fn hear_language(&mut self, heard: &Heard) {
        let Heard::Text(text) = heard else { return };
        let told = matching::language(self.script, text).or_else(|| {
            // A keyword tells the language only while nothing else has: many are the same in several.
            self.known.language.is_none().then(|| matching::topic(self.script, text).map(|(_, language)| language)).flatten()
        });
        if let Some(language) = told {
            self.known.language = Some(language.to_owned());
        }
    }

    fn respond(&mut self, heard: &Heard, returning: bool) {
        let script = self.script;
        let topic = match heard {
            Heard::Choice(payload) => payload.strip_prefix(TOPIC).and_then(|name| script.topics.iter().find(|topic| topic.name == name)),
            Heard::Text(text) => {
                let found = matching::topic(script, text).map(|(topic, _)| topic);
                // While it asks for something, only a wish for a person interrupts: an answer may well contain a keyword.
                match self.asking() {
                    Some(_) if found.is_none_or(|topic| !topic.hand_over || !topic.ask.is_empty()) => return self.take_answer(text),
                    _ => found,
                }
            }
            Heard::Wordless => None,
        };
        match topic {
            Some(topic) => self.begin(topic),
            None if returning || matches!(heard, Heard::Choice(_)) => self.menu(),
            None => self.misunderstand(),
        }
    }

    fn asking(&self) -> Option<&Topic> {
        let name = self.known.topic.as_deref()?;
        self.script.topics.iter().find(|topic| topic.name == name)
    }

    fn begin(&mut self, topic: &Topic) {
        self.known.misunderstood = 0;
        self.known.topic = Some(topic.name.clone());
        self.go_on(topic);
    }

    /// Asks the next open question of a topic, or finishes it.
    fn go_on(&mut self, topic: &Topic) {
        let script = self.script;
        let open = topic.ask.iter().find(|name| !self.known.answers.contains_key(*name)).and_then(|name| script.questions.get(name));
        if let Some(question) = open {
            self.say(&question.ask);
            return;
        }
        self.known.topic = None;
        if let Some(answer) = &topic.answer {
            self.say(answer);
        }
        if topic.hand_over {
            self.hand_over(topic.reason.as_ref());
        } else {
            self.menu();
        }
    }

    fn take_answer(&mut self, text: &str) {
        let script = self.script;
        let Some(topic) = self.asking().cloned() else { return };
        let Some(name) = topic.ask.iter().find(|name| !self.known.answers.contains_key(*name)) else { return self.go_on(&topic) };
        let Some(question) = script.questions.get(name) else { return };
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let answer = match question.kind {
            Kind::Text => Some(text.trim().chars().take(100).collect::<String>()).filter(|answer| !answer.is_empty()),
            Kind::Number => (digits.len() >= question.min_digits.max(1) && digits.len() <= 30).then_some(digits),
        };
        match answer {
            Some(answer) => {
                self.known.misunderstood = 0;
                self.known.answers.insert(name.clone(), answer);
                self.go_on(&topic);
            }
            None => {
                self.known.misunderstood += 1;
                if self.known.misunderstood >= script.bot.misunderstandings {
                    self.hand_over(topic.reason.as_ref());
                } else {
                    self.say(&script.texts.bad_answer);
                    self.say(&question.ask);
                }
            }
        }
    }

    fn misunderstand(&mut self) {
        self.known.misunderstood += 1;
        if self.known.misunderstood >= self.script.bot.misunderstandings {
            self.hand_over(None);
        } else {
            let text = self.text(&self.script.texts.not_understood);
            let choices = self.choices();
            self.turn.replies.push(Reply { text, choices });
        }
    }

    fn hand_over(&mut self, reason: Option<&Text>) {
        let script = self.script;
        self.known.topic = None;
        self.known.misunderstood = 0;
        self.say(if script.hours.open(self.now) { &script.texts.handover } else { &script.texts.away });
        let reason = reason.map_or_else(|| NOT_UNDERSTOOD.to_owned(), |reason| self.text(reason));
        self.turn.handover = Some(Handover { reason, answers: self.known.answers.clone() });
    }

    fn menu(&mut self) {
        let text = self.text(&self.script.texts.menu);
        let choices = self.choices();
        self.turn.replies.push(Reply { text, choices });
    }

    fn choices(&self) -> Vec<(String, String)> {
        let language = self.language();
        let shown = self.script.topics.iter().filter(|topic| !topic.hidden);
        shown.map(|topic| (self.script.say(&topic.label, language).to_owned(), format!("{TOPIC}{}", topic.name))).collect()
    }

    fn say(&mut self, text: &Text) {
        let text = self.text(text);
        self.turn.replies.push(Reply { text, choices: Vec::new() });
    }

    fn language(&self) -> &str {
        self.known.language.as_deref().unwrap_or_else(|| self.script.first_language())
    }

    /// A text with what is known filled in.
    fn text(&self, text: &Text) -> String {
        let mut words = self.script.say(text, self.language()).to_owned();
        for (name, answer) in &self.known.answers {
            words = words.replace(&format!("{{{name}}}"), answer);
        }
        if words.contains("{next_opening}") {
            words = words.replace("{next_opening}", &self.next_opening());
        }
        words
    }

    fn next_opening(&self) -> String {
        self.script.hours.next_opening(self.now).map_or_else(String::new, |(date, time)| {
            let form = if self.language() == "de" { "%d.%m., %H:%M Uhr" } else { "%d/%m at %H:%M" };
            date.to_datetime(time).strftime(form).to_string()
        })
    }
}

/// The reason of a handover that nobody asked for.
const NOT_UNDERSTOOD: &str = "The bot did not understand";

#[cfg(test)]
mod tests;
