//! The id of an event: how far its reader is on every Page.

use std::collections::BTreeMap;

use crate::wire::PageId;

/// Positions by Page.
pub type Cursor = BTreeMap<PageId, i64>;

/// Most Pages an id may name; a longer one is not ours.
const MOST: usize = 5000;

/// Writes positions as an id: `page:position`, joined by commas, in order. Page ids are percent-encoded.
pub fn write(cursor: &Cursor) -> String {
    let parts: Vec<String> = cursor
        .iter()
        .map(|(page, position)| {
            let page: String = url::form_urlencoded::byte_serialize(page.as_str().as_bytes()).collect();
            format!("{page}:{position}")
        })
        .collect();
    parts.join(",")
}

/// Reads an id. What cannot be read is left out: its Page counts as never seen.
pub fn parse(id: &str) -> Cursor {
    let part = |part: &str| {
        let (page, position) = part.rsplit_once(':')?;
        let page = url::form_urlencoded::parse(page.as_bytes()).next()?.0.into_owned();
        Some((PageId::parse(page).ok()?, position.parse::<i64>().ok().filter(|position| *position >= 0)?))
    };
    id.split(',').take(MOST).filter_map(part).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn positions_come_back_from_an_id(pages in proptest::collection::btree_map("[^\\p{Cc}\\s]{1,15}", 0_i64..i64::MAX, 0..6)) {
            let cursor: Cursor = pages.into_iter().map(|(page, position)| (PageId::parse(page).unwrap(), position)).collect();
            let id = write(&cursor);
            prop_assert!(id.bytes().all(|byte| byte.is_ascii_graphic()), "stands in one line of a header: {}", id);
            prop_assert_eq!(parse(&id), cursor);
        }

        #[test]
        fn any_id_is_read_without_harm(id in ".{0,200}") {
            let _ = parse(&id);
        }
    }
}
