//! What tags, fields, teams and saved views are called.

/// Longest label, in characters.
pub const LABEL_CHARS: usize = 40;

/// The name of a tag, a field, a team or a saved view: some visible characters on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label(String);

impl Label {
    /// Reads a label. `None`: empty, too long, or with control characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let label = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let fits = !label.is_empty() && label.chars().count() <= LABEL_CHARS && !label.chars().any(char::is_control);
        fits.then_some(Self(label))
    }

    /// The words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_one_short_visible_line() {
        assert_eq!(Label::parse("  Late   delivery\t").map(|label| label.0).as_deref(), Some("Late delivery"));
        for odd in ["", "  ", "a\u{7}b", &"x".repeat(LABEL_CHARS + 1)] {
            assert_eq!(Label::parse(odd), None, "{odd:?}");
        }
        assert!(Label::parse(&"ä".repeat(LABEL_CHARS)).is_some());
    }
}
