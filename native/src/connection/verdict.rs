//! What the handshake leaves open, or says about the peer: whether a server has taken the certificate it asked for, and
//! which handshakes a server has refused.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::close::Close;
use crate::record::{Header, event};
use crate::ring::{Events, record};
use crate::tls::request::was_requested;

use super::coalesced::{Kind, Packets};
use super::{Connection, Role};

/// JavaScript is told of refused handshakes this often at most: anybody can cause them.
const TELLING_INTERVAL: Duration = Duration::from_secs(1);
/// The codes of QUIC that carry a TLS alert (RFC 9001 §4.8).
const TLS_ALERTS: std::ops::Range<u64> = 0x100..0x200;

/// Handshakes a listener has refused.
#[derive(Default)]
pub struct Refusals(Mutex<Untold>);

#[derive(Default)]
struct Untold {
    told: Option<Instant>,
    count: u32,
}

impl Refusals {
    /// One more, at `now`. How many there were since the last telling, when it is time for one.
    fn count(&self, now: Instant) -> Option<u32> {
        let mut untold = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        untold.count = untold.count.saturating_add(1);
        if untold.told.is_some_and(|told| now.saturating_duration_since(told) < TELLING_INTERVAL) {
            return None;
        }
        untold.told = Some(now);
        Some(std::mem::take(&mut untold.count))
    }
}

impl Connection {
    /// Before a packet is taken in: whether its being authentic tells that the server has taken what the client showed. A
    /// server sends 1-RTT packets then, and not before, but for data that asks no questions (RFC 9001 §4.1.1).
    pub(super) fn may_bring_verdict(&self, packet: &[u8]) -> bool {
        !self.is_established && self.quic.is_established() && has_short_header(packet)
    }

    /// The server has asked for a certificate, and not said what it thinks of it; or it has, by closing.
    pub(super) fn awaits_verdict(&mut self) -> bool {
        matches!(self.role, Role::Dialled { .. })
            && (!self.has_verdict || self.quic.is_draining() || self.quic.is_closed())
            && was_requested(self.quic.as_mut())
    }

    /// A server tells of a client it has refused in the handshake, or that has refused it.
    pub(super) fn report_refusal(&self, listener: u32, close: &Close, events: &mut Events) {
        if !TLS_ALERTS.contains(&close.code) {
            return;
        }
        let Some(count) = self.settings.refusals.count(Instant::now()) else { return };
        let Some(path) = self.quic.path_stats().find(|path| path.active) else { return };
        let header = Header { stream: u64::from(listener), argument: count, ..record(event::REFUSED, self.id) };
        let text = format!("{} {} {} {}", path.peer_addr.ip(), path.peer_addr.port(), close.code, close.reason);
        events.push(header, text.as_bytes());
    }
}

/// Whether the last packet of a UDP datagram has a short header (RFC 9000 §12.2: only the last one can).
fn has_short_header(datagram: &[u8]) -> bool {
    Packets::of(datagram).last() == Some(Some(Kind::Short))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_once_a_second_with_those_before() {
        let refusals = Refusals::default();
        let start = Instant::now();
        let told: Vec<_> =
            [0, 1, 999, 1_000, 1_001, 5_000].map(|at| refusals.count(start + Duration::from_millis(at))).to_vec();
        assert_eq!(told, [Some(1), None, None, Some(3), None, Some(2)]);
    }

    #[test]
    fn a_short_header_is_found_behind_long_ones() {
        let handshake = [&[0xe0, 0, 0, 0, 1, 2, 7, 7, 1, 9, 0x40, 3], &[0; 3][..]].concat();
        let initial = [&[0xc0, 0, 0, 0, 1, 0, 0, 1, 5, 2], &[0; 2][..]].concat();
        let short = [0x40, 1, 2, 3];
        assert!(has_short_header(&short));
        assert!(has_short_header(&[&handshake[..], &short].concat()));
        assert!(has_short_header(&[&initial[..], &handshake, &short].concat()));
        assert!(!has_short_header(&handshake));
        assert!(!has_short_header(&[&initial[..], &handshake].concat()));
    }

    #[test]
    fn garbage_has_no_short_header_and_no_panic() {
        for length in 0..40 {
            for first in [0x80, 0xc0, 0xd0, 0xe0, 0xf0] {
                let garbage: Vec<u8> = std::iter::once(first).chain(std::iter::repeat_n(0xff, length)).collect();
                assert!(!has_short_header(&garbage));
            }
        }
    }
}
