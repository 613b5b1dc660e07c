//! The built-in bot's script.

use baton::bot::Script;

/// Any bytes: the file.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match (Script::parse(&text), Script::parse(&text)) {
        (Ok(one), Ok(two)) => assert_eq!(format!("{one:?}"), format!("{two:?}"), "the same file says the same"),
        (Err(one), Err(two)) => {
            assert_eq!(one, two, "the same file is refused for the same reason");
            assert!(!one.message.is_empty());
            // A file that ends with a line break may be found wanting after it.
            let lines = text.split('\n').count();
            assert!(one.line.is_none_or(|line| (1..=lines).contains(&line)), "line {:?} of {lines}: {one}", one.line);
        }
        (one, two) => panic!("{one:?}, and then {two:?}"),
    }
}
