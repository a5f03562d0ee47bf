//! Streams that QUIC does not report again, although the peer has ended them.
//!
//! quiche reports a stream when it *becomes* readable or writable. One that is left unread for want of credit stays
//! readable, so its reset is not reported; one that may be written stays writable, so the peer's STOP_SENDING is not.
//! Both are looked for after packets have come: at once while there are few, and not too often when there are many. Stops,
//! which quiche counts, are looked for at once however many streams there are: it answers each with a RESET_STREAM, and
//! forgets the stream and the peer's code when that is acknowledged.

use std::time::{Duration, Instant};

use crate::quic::Quic;
use crate::ring::Events;

use super::streams::{StreamKey, Streams};

/// As many streams are looked at after every packet, which takes a few microseconds.
const FEW: usize = 256;
/// How late the end of one of many streams may be noticed.
const INTERVAL: Duration = Duration::from_millis(5);

/// When the next look is due.
#[derive(Default)]
pub struct QuietCheck {
    is_wanted: bool,
    next: Option<Instant>,
    /// Streams the peer had stopped at the last look.
    stops: u64,
}

impl QuietCheck {
    pub fn packet_arrived(&mut self) {
        self.is_wanted = true;
    }

    /// The moment of a look that was put off.
    pub fn due(&self) -> Option<Instant> {
        self.next.filter(|_| self.is_wanted)
    }

    fn begin(&mut self, streams: usize, stops: u64, now: Instant) -> bool {
        let may_wait = streams > FEW && stops == self.stops && self.next.is_some_and(|next| now < next);
        if may_wait {
            return false;
        }
        self.stops = stops;
        self.is_wanted = false;
        self.next = (streams > FEW).then(|| now + INTERVAL);
        true
    }
}

impl Streams {
    /// Have those streams read whose end QUIC has not reported, and end those whose peer takes no more.
    pub fn check_quiet(&mut self, quic: &mut Quic, events: &mut Events, now: Instant) {
        if !self.quiet.is_wanted {
            return;
        }
        let stops = quic.stats().stopped_stream_count_remote;
        if !self.quiet.begin(self.table.len(), stops, now) {
            return;
        }
        self.unread.extend(self.starved.drain());
        let stopped: Vec<(StreamKey, u64)> = self
            .table
            .iter()
            .filter(|(_, stream)| stream.sending.is_some())
            .filter_map(|(key, stream)| {
                match quic.stream_capacity(stream.id?) {
                    Err(quiche::Error::StreamStopped(code)) => Some((*key, code)),
                    // Stopped so long ago that quiche has forgotten it, and its code.
                    Err(_) => Some((*key, 0)),
                    Ok(_) => None,
                }
            })
            .collect();
        for (key, code) in stopped {
            self.end_sending(key, Some(code), 0, events);
        }
    }
}
