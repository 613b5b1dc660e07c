//! Which events of a subscription have been read from the log and are not done: what the cursor follows from.

use std::collections::VecDeque;

/// Positions that were read and not yet done, in order, with those done beyond the first that is not.
#[derive(Debug)]
pub(super) struct Outstanding {
    read: i64,
    // Ascending positions, and whether each is done. The first is never done.
    entries: VecDeque<(i64, bool)>,
}

impl Outstanding {
    /// Everything up to `position` is done.
    pub fn from(position: i64) -> Self {
        Self { read: position, entries: VecDeque::new() }
    }

    /// The newest position that was read.
    pub const fn read(&self) -> i64 {
        self.read
    }

    /// Takes note that everything up to a position was read, and that nothing new of it needs doing.
    pub fn skip_to(&mut self, position: i64) {
        self.read = self.read.max(position);
    }

    /// Takes note that a position was read and needs doing. Positions come in order.
    pub fn add(&mut self, position: i64) {
        debug_assert!(position > self.read, "positions come in order");
        self.read = position;
        self.entries.push_back((position, false));
    }

    /// A position is done.
    pub fn done(&mut self, position: i64) {
        if let Ok(index) = self.entries.binary_search_by_key(&position, |&(at, _)| at)
            && let Some(entry) = self.entries.get_mut(index)
        {
            entry.1 = true;
        }
        while self.entries.front().is_some_and(|&(_, done)| done) {
            self.entries.pop_front();
        }
    }

    /// Everything up to here is done.
    pub fn cursor(&self) -> i64 {
        self.entries.front().map_or(self.read, |&(position, _)| position - 1)
    }

    /// The newest position that is done although one before it is not.
    pub fn last_done(&self) -> Option<i64> {
        self.entries.iter().rev().find(|(_, done)| *done).map(|&(position, _)| position)
    }

    /// How many positions lie between the first that is not done and the newest.
    pub fn span(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_stays_before_the_first_that_is_not_done() {
        let mut outstanding = Outstanding::from(10);
        outstanding.add(11);
        outstanding.skip_to(12);
        outstanding.add(13);
        outstanding.add(15);
        assert_eq!((outstanding.cursor(), outstanding.read()), (10, 15));
        outstanding.done(13);
        assert_eq!(outstanding.cursor(), 10);
        outstanding.done(11);
        assert_eq!(outstanding.cursor(), 14, "12 was skipped and 13 is done");
        outstanding.skip_to(20);
        assert_eq!(outstanding.cursor(), 14);
        outstanding.done(15);
        assert_eq!(outstanding.cursor(), 20);
        outstanding.done(99);
        assert_eq!(outstanding.cursor(), 20);
    }
}
