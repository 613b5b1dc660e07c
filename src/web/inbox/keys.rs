//! The shortcuts: one table, from which the help is made and from which the script learns them.

use crate::web::text::desk::Desk;

/// What a key does, by what the script knows to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// Moves through the list.
    Move,
    /// The browser or another script does it; it is only told of.
    Told,
    /// Puts the cursor somewhere.
    Focus,
    /// Presses what bears the key, or else what is found.
    Press,
    /// Opens a dialog.
    Open,
}

impl Does {
    /// Its name in pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Move => "move",
            Self::Told => "told",
            Self::Focus => "focus",
            Self::Press => "press",
            Self::Open => "open",
        }
    }
}

/// A shortcut.
pub struct Key {
    /// What is pressed, one after another.
    pub keys: &'static [&'static str],
    /// What it does.
    pub does: Does,
    /// With what: a selector, for [`Does::Move`] a number.
    pub with: &'static str,
    /// What it is for.
    pub label: &'static str,
}

/// Shortcuts of one kind.
pub struct Group {
    /// What they have in common.
    pub title: &'static str,
    /// They can be switched off.
    pub single: bool,
    /// The shortcuts.
    pub keys: Vec<Key>,
}

/// Every shortcut. What bears `data-key` takes precedence over the selector here.
pub fn groups(f: &'static Desk) -> Vec<Group> {
    let key = |keys, does, with, label| Key { keys, does, with, label };
    vec![
        Group {
            title: f.keys_moving,
            single: true,
            keys: vec![
                key(&["j"], Does::Move, "1", f.key_next),
                key(&["k"], Does::Move, "-1", f.key_previous),
                key(&["Enter"], Does::Told, "", f.key_open),
                key(&["/"], Does::Focus, "#ask, #search", f.key_search),
                key(&["?"], Does::Open, "#keys", f.key_help),
            ],
        },
        Group {
            title: f.keys_acting,
            single: true,
            keys: vec![
                key(&["r"], Does::Focus, "#reply-text", f.key_reply),
                key(&["n"], Does::Focus, "#note-text", f.key_note),
                key(&["t"], Does::Press, "", f.key_take),
                key(&["q"], Does::Press, "", f.key_request),
                key(&["b"], Does::Press, "", f.key_release),
                key(&["a"], Does::Focus, ".pass [name=to], .pass [name=team]", f.key_assign),
                key(&["p"], Does::Focus, ".pass [name=target]", f.key_pass),
                key(&["e"], Does::Press, "", f.key_close),
                key(&["s"], Does::Press, "", f.key_snooze),
                key(&["u"], Does::Press, "", f.key_unread),
                key(&["l"], Does::Press, "", f.key_tag),
            ],
        },
        Group {
            title: f.keys_going,
            single: true,
            keys: vec![
                key(&["g", "m"], Does::Press, "a.view.mine", f.key_mine),
                key(&["g", "u"], Does::Press, "a.view.unassigned", f.key_unassigned),
                key(&["g", "o"], Does::Press, "a.view.open", f.key_all),
            ],
        },
        Group {
            title: f.keys_always,
            single: false,
            keys: vec![
                key(&["Ctrl", "k"], Does::Open, "#command", f.key_command),
                key(&["Ctrl", "Enter"], Does::Told, "", f.key_send),
                key(&["Esc"], Does::Told, "", f.key_escape),
            ],
        },
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::web::text::desk::EN;

    #[test]
    fn no_two_shortcuts_are_the_same_and_none_begins_like_another() {
        let groups = groups(&EN);
        let all: Vec<&[&str]> = groups.iter().flat_map(|group| &group.keys).map(|key| key.keys).collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        for one in &all {
            assert!(all.iter().all(|other| one == other || !other.starts_with(one)), "{one:?} begins another");
        }
    }

    #[test]
    fn every_shortcut_that_can_be_switched_off_is_known_by_what_is_typed() {
        for key in groups(&EN).iter().filter(|group| group.single).flat_map(|group| &group.keys) {
            assert!(key.keys.iter().all(|key| key.chars().count() == 1 || *key == "Enter"), "{:?}", key.keys);
        }
    }
}
