//! What a connection lets go of when JavaScript has had nothing for it to do for a while: the room that queues and tables keep for
//! more. Most connections of a large server rest most of the time.

use std::time::{Duration, Instant};

use super::Connection;

/// A connection rests when no command has come for this long, or twice as long at most.
const PAUSE: Duration = Duration::from_millis(500);

/// When a connection comes to rest.
#[derive(Default)]
pub struct Rest {
    due: Option<Instant>,
    /// A command has come since `due` was set.
    is_touched: bool,
}

impl Rest {
    /// A command has come.
    pub fn touch(&mut self) {
        self.is_touched = self.due.is_some();
        self.due.get_or_insert_with(|| Instant::now() + PAUSE);
    }

    /// When to look whether it rests.
    pub fn next(&self) -> Option<Instant> {
        self.due
    }

    fn has_come(&mut self, now: Instant) -> bool {
        if self.due.is_none_or(|due| due > now) {
            return false;
        }
        let is_touched = std::mem::take(&mut self.is_touched);
        self.due = is_touched.then(|| now + PAUSE);
        !is_touched
    }
}

impl Connection {
    /// Hold no memory that nothing is in, when it is time.
    pub(super) fn rest(&mut self, now: Instant) {
        if self.rest.has_come(now) {
            self.streams.shrink();
            self.messages.shrink();
            self.datagrams.shrink();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_rests_when_no_command_came_for_a_while() {
        let mut rest = Rest::default();
        assert!(!rest.has_come(Instant::now()));
        rest.touch();
        let first = rest.next().unwrap();
        assert!(!rest.has_come(first - PAUSE));
        rest.touch();
        assert!(!rest.has_come(first));
        assert_eq!(rest.next(), Some(first + PAUSE));
        assert!(rest.has_come(first + PAUSE));
        assert_eq!(rest.next(), None);
    }
}
