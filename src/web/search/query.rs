//! What somebody typed into the search box: words, words in quotation marks, and operators such as `from:anna`.

use super::words::{asked_term, may_go_on, words};

/// Longest text that is read, in characters.
pub const LONGEST: usize = 400;

/// Most things that are looked for at once.
const MOST: usize = 16;

/// What narrows a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// Who wrote it.
    From,
    /// On which Page.
    Page,
    /// Who holds the conversation.
    Owner,
    /// Which tag the conversation carries.
    Tag,
    /// Written before this day.
    Before,
    /// Written on this day or later.
    After,
}

impl Operator {
    /// All of them, in the order in which they are explained.
    pub const ALL: [Self; 6] = [Self::From, Self::Page, Self::Owner, Self::Tag, Self::Before, Self::After];

    /// As it is typed, in every language.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::From => "from",
            Self::Page => "page",
            Self::Owner => "owner",
            Self::Tag => "tag",
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

/// Words that stand together. The last one may go on, unless it is too short or was quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase {
    /// The words as the search knows them.
    pub words: Vec<String>,
    /// The last word may be longer.
    pub goes_on: bool,
}

impl Phrase {
    fn read(text: &str, quoted: bool) -> Option<Self> {
        let words: Vec<String> = words(text).into_iter().map(|word| word.folded).filter(|word| !word.is_empty()).collect();
        let goes_on = !quoted && words.last().is_some_and(|last| may_go_on(last));
        (!words.is_empty()).then_some(Self { words, goes_on })
    }

    /// What the index is asked.
    pub fn terms(&self) -> impl Iterator<Item = String> + '_ {
        self.words.iter().map(|word| asked_term(word))
    }

    /// What the words of a line look like that holds it. Words are letters and digits: nothing in it means anything to LIKE.
    pub fn pattern(&self) -> String {
        format!("% {}{}%", self.words.join(" "), if self.goes_on { "" } else { " " })
    }
}

/// What is looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// What the text must hold: all of it, in any order.
    pub phrases: Vec<Phrase>,
    /// What narrows it, in the order of typing.
    pub narrowed: Vec<(Operator, String)>,
}

impl Query {
    /// Reads what was typed. Everything means something: what is no operator is text.
    pub fn parse(typed: &str) -> Self {
        let typed: String = typed.chars().take(LONGEST).collect();
        let mut query = Self::default();
        for piece in pieces(&typed).into_iter().take(MOST) {
            match piece.operator() {
                Some((operator, value)) => query.narrowed.push((operator, value)),
                None => query.phrases.extend(Phrase::read(&piece.text, piece.quoted)),
            }
        }
        query
    }

    /// Whether nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.phrases.is_empty() && self.narrowed.is_empty()
    }
}

/// What stands between two spaces, or in quotation marks.
#[derive(Debug, Default)]
struct Piece {
    text: String,
    /// It began with a quotation mark.
    quoted: bool,
}

impl Piece {
    fn operator(&self) -> Option<(Operator, String)> {
        if self.quoted {
            return None;
        }
        let (name, value) = self.text.split_once(':')?;
        let operator = Operator::ALL.into_iter().find(|operator| operator.as_str().eq_ignore_ascii_case(name))?;
        let value = value.trim();
        (!value.is_empty()).then(|| (operator, value.to_owned()))
    }
}

fn is_quote(letter: char) -> bool {
    matches!(letter, '"' | '“' | '”' | '„' | '«' | '»')
}

fn pieces(typed: &str) -> Vec<Piece> {
    let mut all: Vec<Piece> = Vec::new();
    let mut piece = Piece::default();
    let mut inside = false;
    for letter in typed.chars() {
        if is_quote(letter) {
            inside = !inside;
            piece.quoted |= inside && piece.text.is_empty();
            if !inside && piece.quoted {
                all.push(std::mem::take(&mut piece));
            }
        } else if letter.is_whitespace() && !inside {
            all.push(std::mem::take(&mut piece));
        } else {
            piece.text.push(letter);
        }
    }
    all.push(piece);
    all.retain(|piece| !piece.text.trim().is_empty());
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(typed: &str) -> (Vec<String>, Vec<(Operator, String)>) {
        let query = Query::parse(typed);
        (query.phrases.iter().map(Phrase::pattern).collect(), query.narrowed)
    }

    #[test]
    fn words_phrases_and_operators() {
        let narrowed =
            |pairs: &[(Operator, &str)]| pairs.iter().map(|(operator, value)| (*operator, (*value).to_owned())).collect::<Vec<_>>();
        assert_eq!(read("Parcel HC-20931"), (vec!["% parcel%".into(), "% hc 20931%".into()], vec![]));
        assert_eq!(read("\"on my way\" ok"), (vec!["% on my way %".into(), "% ok %".into()], vec![]));
        assert_eq!(
            read("from:\"Anna Berg\" BEFORE:2026-06-01 late"),
            (vec!["% late%".into()], narrowed(&[(Operator::From, "Anna Berg"), (Operator::Before, "2026-06-01")]))
        );
        // What is no operator is text: an unknown name, one without a value, a web address, a quotation.
        for (typed, pattern) in [
            ("colour:red", "% colour red%"),
            ("from:", "% from%"),
            ("https://a.example", "% https a example%"),
            ("\"from:anna\"", "% from anna %"),
        ] {
            assert_eq!(read(typed), (vec![pattern.into()], vec![]), "{typed}");
        }
        assert!(Query::parse("  … \"\" ! ").is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_nothing_of_it_means_anything_to_sql(typed in "[\\p{Any}\"':%_\\\\]{0,450}") {
            let query = Query::parse(&typed);
            prop_assert!(query.phrases.len() + query.narrowed.len() <= MOST);
            for phrase in &query.phrases {
                let bare = phrase.pattern();
                let inner = bare.trim_matches('%');
                prop_assert!(inner.chars().all(|letter| letter.is_alphanumeric() || letter == ' '), "{bare}");
                prop_assert!(phrase.terms().all(|term| !term.is_empty()));
            }
            for (_, value) in &query.narrowed {
                prop_assert!(!value.trim().is_empty());
            }
        }

        #[test]
        fn an_operator_is_found_wherever_it_stands(before in "[a-z]{3,8}", value in "[a-z]{1,8}", after in "[a-z]{3,8}", which in 0_usize..6) {
            let operator = Operator::ALL[which];
            for typed in [format!("{before} {}:{value} {after}", operator.as_str()), format!("{}:\"{value}\" {before}  {after}", operator.as_str().to_uppercase())] {
                let query = Query::parse(&typed);
                prop_assert_eq!(&query.narrowed, &vec![(operator, value.clone())]);
                prop_assert_eq!(query.phrases.len(), 2);
            }
        }

        #[test]
        fn reading_again_what_was_understood_changes_nothing(typed in "[a-zA-Z0-9 .,]{0,80}") {
            let once = Query::parse(&typed);
            let words: Vec<String> = once.phrases.iter().map(|phrase| phrase.words.join("-")).collect();
            prop_assert_eq!(Query::parse(&words.join(" ")), once);
        }
    }
}
