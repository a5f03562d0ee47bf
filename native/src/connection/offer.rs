//! How much of its streams QUIC is given ahead of sending it: a few milliseconds' worth.
//!
//! quiche takes as much as its congestion window has room for each time a packet arrives, whether or not the pacer has
//! let the last portion go. What it holds leaves by its own order and counts as sent for the program, so that seconds
//! of data could stand before what is urgent, and streams with a lifetime would share the path until all are too late.
//! What waits here instead can be overtaken.
//!
//! The count of what quiche holds is an estimate that is rather too low, which costs a little order. One that is too
//! high would leave quiche idle; [`emptied`](Offer::emptied) corrects it.

use std::time::{Duration, Instant};

/// Sending time QUIC is kept supplied for.
const AHEAD_MS: u64 = 5;
const MOST_BYTES: usize = 128 << 10;
/// Before the rate of the path is known.
const INITIAL_BYTES: usize = 64 << 10;
/// A packet has at least so much around its stream data: header (RFC 9000 §17.3.1) and tag, a frame's type and stream.
const OVERHEAD_BYTES: usize = 24;

pub struct Offer {
    /// Streams wait, and nothing but a correction may be left to let them go.
    recheck: Option<Instant>,
    /// Given to QUIC and, as far as is known, not sent yet.
    held: usize,
    limit: usize,
    /// Bytes QUIC has sent again so far.
    repeated: u64,
}

impl Default for Offer {
    fn default() -> Offer {
        Offer { recheck: None, held: 0, limit: INITIAL_BYTES, repeated: 0 }
    }
}

impl Offer {
    /// How much to give; 0 until half of the last portion has left, so that portions are not tiny.
    pub fn room(&self) -> usize {
        if self.held > self.limit / 2 { 0 } else { self.limit - self.held }
    }

    pub fn given(&mut self, bytes: usize) {
        self.held += bytes;
    }

    /// A packet that may hold stream data has been made.
    pub fn packet_made(&mut self, length: usize) {
        self.held = self.held.saturating_sub(length.saturating_sub(OVERHEAD_BYTES));
    }

    /// Whether QUIC has sent all it was given, as far as is known.
    pub fn is_spent(&self) -> bool {
        self.held == 0
    }

    /// Streams still wait although QUIC sends nothing: look again, should no packet arrive that sets it going.
    pub fn recheck_after(&mut self, now: Instant) {
        self.recheck = Some(now + Duration::from_millis(AHEAD_MS));
    }

    pub fn recheck(&self) -> Option<Instant> {
        self.recheck
    }

    pub fn rechecked(&mut self, now: Instant) {
        self.recheck = self.recheck.filter(|at| *at > now);
    }

    /// QUIC had nothing to send. Returns whether that was not expected.
    pub fn emptied(&mut self) -> bool {
        std::mem::take(&mut self.held) > 0
    }

    /// Follow the path: its rate, its packets, and what QUIC had to take up again.
    pub fn adapt(&mut self, bytes_per_s: u64, packet_bytes: usize, repeated: u64) {
        let ahead = usize::try_from(bytes_per_s / 1000 * AHEAD_MS).unwrap_or(MOST_BYTES);
        self.limit = ahead.clamp(2 * packet_bytes, MOST_BYTES.max(2 * packet_bytes));
        self.held += usize::try_from(repeated.saturating_sub(self.repeated)).unwrap_or(0);
        self.repeated = repeated;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portion_follows_when_half_of_the_last_has_left() {
        let mut offer = Offer::default();
        offer.adapt(2_000_000, 1_400, 0);
        assert_eq!(offer.room(), 10_000);
        offer.given(10_000);
        for _ in 0..3 {
            offer.packet_made(1_400);
            assert_eq!(offer.room(), 0);
        }
        offer.packet_made(1_400);
        assert_eq!(offer.room(), 4 * (1_400 - OVERHEAD_BYTES));
    }

    #[test]
    fn the_limit_is_two_packets_at_least_and_bounded() {
        let mut offer = Offer::default();
        offer.adapt(1_000, 1_400, 0);
        assert_eq!(offer.room(), 2_800);
        offer.adapt(u64::MAX, 1_400, 0);
        assert_eq!(offer.room(), MOST_BYTES);
    }

    #[test]
    fn what_is_sent_again_counts_and_a_wrong_count_is_corrected() {
        let mut offer = Offer::default();
        offer.adapt(0, 1_000, 1_500);
        assert_eq!(offer.room(), 0);
        assert!(offer.emptied());
        assert_eq!(offer.room(), 2_000);
        offer.adapt(0, 1_000, 1_500);
        assert!(!offer.emptied());
    }
}
