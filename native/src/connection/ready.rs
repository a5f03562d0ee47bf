//! The order in which streams with something to write are offered to QUIC.
//!
//! The more urgent first. Of equal urgency, streams without a lifetime take turns with those that have one. Of the
//! latter one that has begun is finished first, since half of it is worth nothing; then the newest begins: when there
//! is more than the path carries, the oldest are those that come too late anyway.

use std::collections::{BTreeSet, VecDeque};

use super::streams::StreamKey;
use super::urgency::{LEVELS, Urgency};

/// How a stream wants to be queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// It waits for its turn.
    Lasting,
    /// It has a lifetime; part of it is on its way.
    Begun,
    /// It has a lifetime; nothing of it has left.
    Unbegun,
}

/// Streams with something to write.
#[derive(Default)]
pub struct Ready {
    /// Made with the first stream: an idle connection has none.
    levels: Option<Box<[Level; LEVELS]>>,
}

#[derive(Default)]
struct Level {
    lasting: VecDeque<StreamKey>,
    begun: VecDeque<StreamKey>,
    /// By age, the last is the newest.
    unbegun: BTreeSet<u64>,
    /// It is the turn of a stream with a lifetime.
    is_expiring_next: bool,
}

impl Level {
    fn is_empty(&self) -> bool {
        self.lasting.is_empty() && self.begun.is_empty() && self.unbegun.is_empty()
    }

    fn pop(&mut self) -> Option<StreamKey> {
        let has_expiring = !self.begun.is_empty() || !self.unbegun.is_empty();
        let is_expiring = has_expiring && (self.is_expiring_next || self.lasting.is_empty());
        self.is_expiring_next = !is_expiring;
        if is_expiring {
            self.begun.pop_front().or_else(|| self.unbegun.pop_last().map(StreamKey::Local))
        } else {
            self.lasting.pop_front()
        }
    }
}

impl Ready {
    pub fn push(&mut self, key: StreamKey, urgency: Urgency, patience: Patience) {
        let Some(level) = self.levels.get_or_insert_default().get_mut(urgency.level()) else { return };
        match (patience, key) {
            (Patience::Unbegun, StreamKey::Local(handle)) => {
                level.unbegun.insert(handle);
            }
            (Patience::Begun, _) => level.begun.push_back(key),
            _ => level.lasting.push_back(key),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.levels.as_deref().is_none_or(|levels| levels.iter().all(Level::is_empty))
    }

    /// The next to be offered.
    pub fn pop(&mut self) -> Option<StreamKey> {
        self.levels.as_deref_mut()?.iter_mut().find_map(Level::pop)
    }

    /// One of the least urgent, when there are more urgent ones to hold it back.
    pub fn pop_held_back(&mut self) -> Option<StreamKey> {
        let mut waiting = self.levels.as_deref_mut()?.iter_mut().filter(|level| !level.is_empty());
        waiting.next()?;
        waiting.next_back()?.pop()
    }

    /// Hold no memory that nothing is in.
    pub fn shrink(&mut self) {
        if self.is_empty() {
            self.levels = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urgency(level: u8) -> Urgency {
        Urgency::of_flags(level << crate::record::URGENCY_SHIFT)
    }

    fn rest(ready: &mut Ready) -> Vec<u64> {
        let handles = std::iter::from_fn(|| ready.pop());
        handles.map(|key| if let StreamKey::Local(handle) = key { handle } else { 0 }).collect()
    }

    #[test]
    fn urgent_streams_come_first_and_equal_ones_take_turns() {
        let mut ready = Ready::default();
        for (handle, level) in [(1, 3), (2, 3), (3, 7), (4, 0), (5, 3)] {
            ready.push(StreamKey::Local(handle), urgency(level), Patience::Lasting);
        }
        assert_eq!(rest(&mut ready), [4, 1, 2, 5, 3]);
    }

    #[test]
    fn what_has_begun_is_finished_before_the_newest_begins() {
        let mut ready = Ready::default();
        for handle in [8, 6, 7] {
            ready.push(StreamKey::Local(handle), urgency(3), Patience::Unbegun);
        }
        ready.push(StreamKey::Local(5), urgency(3), Patience::Begun);
        assert_eq!(rest(&mut ready), [5, 8, 7, 6]);
    }

    #[test]
    fn streams_with_a_lifetime_take_turns_with_those_without() {
        let mut ready = Ready::default();
        for handle in 1..=3 {
            ready.push(StreamKey::Local(handle), urgency(3), Patience::Lasting);
            ready.push(StreamKey::Local(handle + 10), urgency(3), Patience::Unbegun);
        }
        assert_eq!(rest(&mut ready), [1, 13, 2, 12, 3, 11]);
    }

    #[test]
    fn only_what_others_hold_back_may_jump_the_queue() {
        let mut ready = Ready::default();
        ready.push(StreamKey::Local(1), urgency(7), Patience::Lasting);
        assert_eq!(ready.pop_held_back(), None);
        ready.push(StreamKey::Local(2), urgency(0), Patience::Lasting);
        assert_eq!(ready.pop_held_back(), Some(StreamKey::Local(1)));
        assert_eq!(rest(&mut ready), [2]);
    }
}
