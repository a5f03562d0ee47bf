//! The moments at which connections want to be called, however many there are.
//!
//! QUIC moves its deadlines later with nearly every packet. So a moment already noted is left alone when the deadline
//! moves later; when it comes, the connection is asked for its real deadline and noted again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Moments by connection.
#[derive(Default)]
pub struct Timers {
    heap: BinaryHeap<Reverse<(Instant, u32)>>,
}

impl Timers {
    /// Note a connection's `deadline`. `armed` is the moment noted for it so far, and is kept up to date.
    pub fn arm(&mut self, connection: u32, deadline: Option<Instant>, armed: &mut Option<Instant>) {
        let Some(deadline) = deadline else { return };
        if armed.is_none_or(|noted| deadline < noted) {
            *armed = Some(deadline);
            self.heap.push(Reverse((deadline, connection)));
        }
    }

    /// The next moment, which may turn out to be obsolete.
    pub fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// A moment that has come, and its connection.
    pub fn pop_due(&mut self, now: Instant) -> Option<(Instant, u32)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_deadline_that_moves_later_is_noted_once() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut timers = Timers::default();
        let mut armed = None;
        timers.arm(1, Some(at(10)), &mut armed);
        timers.arm(1, Some(at(20)), &mut armed);
        assert_eq!(timers.heap.len(), 1);
        timers.arm(1, Some(at(5)), &mut armed);
        assert_eq!(timers.next(), Some(at(5)));
        assert_eq!(timers.pop_due(at(4)), None);
        assert_eq!(timers.pop_due(at(5)), Some((at(5), 1)));
    }
}
