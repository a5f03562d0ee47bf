//! When a client answers a PATH_CHALLENGE (RFC 9000 §8.2.2).
//!
//! quiche gives the answer one chance, in the next packet, and drops it where the congestion window is full. A client that
//! uploads when its address changes has a full window, and a server that acknowledges nothing on a path it has not
//! validated never opens it: both would wait for ever. So nothing leaves until an acknowledgement has made room, or a timer
//! has fired, whose probes the window does not hold back.

use std::time::{Duration, Instant};

use crate::quic::Quic;

/// What keeps a challenge from being answered at all ends by then: the peer repeats it.
const MAX_WAIT: Duration = Duration::from_secs(3);

/// Challenges that have come, and the one whose answer waits.
#[derive(Default)]
pub struct PathResponse {
    challenges: u64,
    progress: Progress,
    waits_until: Option<Instant>,
}

/// What opens the window: acknowledged bytes, and timers that fired.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Progress {
    acked_bytes: u64,
    timeouts: usize,
}

impl Progress {
    fn of(quic: &Quic) -> Progress {
        let timeouts = quic.path_stats().map(|path| path.total_pto_count).sum();
        Progress { acked_bytes: quic.stats().acked_bytes, timeouts }
    }
}

impl PathResponse {
    /// Packets have come. `is_full`: what there is to send does not fit the congestion window.
    pub fn note(&mut self, quic: &Quic, is_full: bool) {
        let challenges = quic.stats().path_challenge_rx_count;
        if challenges == self.challenges {
            return;
        }
        self.challenges = challenges;
        let progress = Progress::of(quic);
        // Timers have fired since the last challenge, and nothing was acknowledged: what is on its way may fill the window.
        let is_stuck = self.progress.acked_bytes == progress.acked_bytes && self.progress.timeouts < progress.timeouts;
        self.progress = progress;
        let until = Instant::now() + MAX_WAIT;
        // With nothing on its way neither an acknowledgement comes nor a timer fires, and the window is open.
        let is_awaited = quic.timeout_instant().is_some_and(|timeout| timeout < until);
        self.waits_until = (is_awaited && (is_full || is_stuck)).then_some(until);
    }

    /// Whether nothing may be sent now.
    pub fn waits(&mut self, quic: &Quic, now: Instant) -> bool {
        let Some(until) = self.waits_until else { return false };
        if now >= until || Progress::of(quic) != self.progress {
            self.waits_until = None;
        }
        self.waits_until.is_some()
    }

    /// When it has waited long enough.
    pub fn next(&self) -> Option<Instant> {
        self.waits_until
    }
}
