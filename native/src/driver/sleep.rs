//! What the I/O thread does when it has nothing to do.

use std::time::{Duration, Instant};

use crate::clock::now_us;

use super::Driver;
use super::lookout::Awaited;

/// A look at more sockets than this takes longer than watching for them is worth.
const MAX_WATCHED_SOCKETS: usize = 8;

impl Driver {
    /// Until there is something to do.
    pub(super) fn sleep(&mut self) {
        self.watch();
        let pause = self.pause();
        let waker = &self.rings.waker;
        waker.prepare();
        // Looked at after announcing sleep: whoever changes them later sees the announcement.
        let is_awaited = self.rings.has_input() || (self.was_throttled && !self.events.is_throttled());
        self.poller.wait(waker, if is_awaited { Some(Duration::ZERO) } else { pause });
        waker.finish();
    }

    /// Stay awake for what comes at once.
    fn watch(&mut self) {
        let Some(awaited) = self.awaited.take() else { return };
        let looks_at_sockets = self.poller.sockets() <= MAX_WATCHED_SOCKETS;
        if !self.dirty.is_empty()
            || self.was_throttled
            || (awaited == Awaited::Network && !looks_at_sockets)
            || !self.lookout.is_worthwhile(awaited)
        {
            return;
        }
        let pause = self.pause();
        let (rings, poller) = (&self.rings, &mut self.poller);
        self.lookout
            .watch(awaited, pause, || rings.has_input() || (looks_at_sockets && poller.has_packets(&rings.waker)));
    }

    /// How long there is nothing to do if nothing comes.
    fn pause(&self) -> Option<Duration> {
        if !self.dirty.is_empty() {
            return Some(Duration::ZERO);
        }
        let next = self.timers.next().into_iter().chain(self.heap.deadline()).min();
        let timeout = next.map(|at| at.saturating_duration_since(Instant::now()));
        timeout.into_iter().chain(self.rings.alarm_after(now_us())).min()
    }
}
