//! The platform's documented error codes in plain words: what is wrong, and whom it takes to put it right.

use crate::web::text::Texts;

/// What a code means. Code 10 and code 100 say nothing without their subcode.
pub const fn meaning(code: i64, subcode: Option<i64>, t: &Texts) -> Option<&'static str> {
    match (code, subcode) {
        (10, Some(2_018_278 | 2_018_065 | 2_534_022)) => Some(t.fail_window),
        (10, Some(2_018_300 | 2_018_321)) | (100, Some(2_534_037)) => Some(t.fail_not_owner),
        (10, Some(2_018_108)) | (200, Some(1_545_041)) | (100, Some(2_534_029)) | (551, _) => Some(t.fail_unreachable),
        (100, Some(2_018_001 | 2_534_014)) => Some(t.fail_unknown_person),
        (190, _) => Some(t.fail_token),
        (10, Some(2_534_077)) | (100, Some(2_534_013)) | (200, Some(2_534_041)) | (36_103, _) => Some(t.fail_link),
        (4 | 17 | 32 | 613 | 80_001 | 80_002 | 80_006, _) => Some(t.fail_throttled),
        (368, _) => Some(t.fail_blocked),
        (100, Some(2_018_008 | 2_018_294 | 2_018_074)) => Some(t.fail_file),
        (100, Some(2_018_047)) => Some(t.fail_file_kind),
        (100, Some(2_018_109)) => Some(t.fail_file_large),
        (200, None) => Some(t.fail_gone),
        (3 | 10 | 200..=299, _) => Some(t.fail_permission),
        (1 | 2 | 1200, _) => Some(t.fail_platform),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::text::{DE, EN};

    #[test]
    fn a_code_is_read_with_its_subcode() {
        for (code, subcode, expected) in [
            (10, Some(2_018_278), EN.fail_window),
            (10, Some(2_018_300), EN.fail_not_owner),
            (10, None, EN.fail_permission),
            (200, None, EN.fail_gone),
            (200, Some(2_018_028), EN.fail_permission),
            (551, Some(1_545_041), EN.fail_unreachable),
            (2, None, EN.fail_platform),
        ] {
            assert_eq!(meaning(code, subcode, &EN), Some(expected), "{code}/{subcode:?}");
        }
        assert_eq!(meaning(100, None, &EN), None, "says nothing by itself");
        assert_eq!(meaning(190, Some(463), &DE), Some(DE.fail_token));
    }
}
