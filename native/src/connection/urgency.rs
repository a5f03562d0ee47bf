//! Urgency on the scale of RFC 9218 §4.1: 0 is the most urgent, 7 the least.

use std::collections::VecDeque;

use crate::record::URGENCY_SHIFT;

/// How many urgencies there are.
pub const LEVELS: usize = 8;

/// How urgently something wants to leave; always below [`LEVELS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Urgency(u8);

impl Urgency {
    /// What names none: streams of the peer, messages.
    pub const DEFAULT: Urgency = Urgency(3);

    /// What the flags of a record say.
    pub fn of_flags(flags: u8) -> Urgency {
        Urgency(flags >> URGENCY_SHIFT & 7)
    }

    /// On quiche's scale, whose own default is 127.
    pub fn for_quic(self) -> u8 {
        127 - Urgency::DEFAULT.0 + self.0
    }

    pub fn level(self) -> usize {
        usize::from(self.0)
    }
}

/// Queues by urgency; what is equally urgent keeps its order.
pub struct ByUrgency<T> {
    /// Made with the first item: an idle connection has none.
    levels: Option<Box<[VecDeque<T>; LEVELS]>>,
    length: usize,
}

impl<T> Default for ByUrgency<T> {
    fn default() -> ByUrgency<T> {
        ByUrgency { levels: None, length: 0 }
    }
}

impl<T> ByUrgency<T> {
    pub fn len(&self) -> usize {
        self.length
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub fn push(&mut self, urgency: Urgency, item: T) {
        if let Some(level) = self.levels.get_or_insert_default().get_mut(urgency.level()) {
            level.push_back(item);
            self.length += 1;
        }
    }

    /// The oldest of the most urgent.
    pub fn front(&self) -> Option<&T> {
        self.levels.as_deref()?.iter().find_map(VecDeque::front)
    }

    pub fn pop_front(&mut self) -> Option<T> {
        let item = self.levels.as_deref_mut()?.iter_mut().find_map(VecDeque::pop_front)?;
        self.length -= 1;
        Some(item)
    }

    /// The oldest of the least urgent.
    pub fn pop_least(&mut self) -> Option<T> {
        let item = self.levels.as_deref_mut()?.iter_mut().rev().find_map(VecDeque::pop_front)?;
        self.length -= 1;
        Some(item)
    }

    /// Keep only what `keeps` approves of, which is asked about each.
    pub fn retain(&mut self, mut keeps: impl FnMut(&T) -> bool) {
        let Some(levels) = self.levels.as_deref_mut() else { return };
        for level in levels.iter_mut() {
            level.retain(&mut keeps);
        }
        self.length = levels.iter().map(VecDeque::len).sum();
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

    #[test]
    fn urgency_is_read_from_flags_and_ends_up_around_quiches_default() {
        let quic = |level: u8| Urgency::of_flags(level << URGENCY_SHIFT | 0x8f).for_quic();
        assert_eq!([quic(0), quic(3), quic(7)], [124, 127, 131]);
        assert_eq!(Urgency::of_flags(3 << URGENCY_SHIFT), Urgency::DEFAULT);
    }

    #[test]
    fn the_most_urgent_leave_first_and_the_least_urgent_go_first() {
        let mut queue = ByUrgency::default();
        for (level, item) in [(3, 'a'), (7, 'b'), (0, 'c'), (3, 'd'), (7, 'e')] {
            queue.push(Urgency(level), item);
        }
        queue.retain(|item| *item != 'd');
        assert_eq!((queue.len(), queue.front()), (4, Some(&'c')));
        assert_eq!(queue.pop_least(), Some('b'));
        let rest: Vec<char> = std::iter::from_fn(|| queue.pop_front()).collect();
        assert_eq!(rest, ['c', 'a', 'e']);
        assert!(queue.is_empty());
    }
}
