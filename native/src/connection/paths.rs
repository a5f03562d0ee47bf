//! The paths of a connection: how it follows its peer to another address. How it moves itself is in `moves.rs`, and the
//! connection ids that both need are in `ids.rs`.
//!
//! quiche finds out where the peer is and validates it (RFC 9000 §9). Around that there is some work left:
//! - A path holds its place and its connection id for good: so a connection has room for [`MAX_PATHS`] in its life.
//! - Loss is detected for each path from what is acknowledged on it. What was on its way when a path was left would be
//!   sent again only by a timer that doubles: a packet that belongs to the left path, but travels on the new one, has the
//!   rest of it declared lost as soon as it is acknowledged.
//! - The size of packets is probed for on the first path only: others carry [`SAFE_PACKET_BYTES`].
//! - A packet that makes a path active which has failed would end the connection: it is lost.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use quiche::PathEvent;

use crate::quic::Quic;
use crate::record::event;
use crate::ring::{Events, record};

use super::Connection;

/// Paths in the life of a connection. It is said to the peer as `active_connection_id_limit`; more would not fit one byte.
pub const MAX_PATHS: u64 = 63;
/// What every path carries (RFC 9000 §14).
const SAFE_PACKET_BYTES: usize = 1200;
/// The first byte of a packet with a short header (RFC 9000 §17.3.1).
const SHORT_HEADER: u8 = 0x40;
/// After this long without an answer a path is challenged again: three times what a round trip is taken to be at first.
const CHALLENGE_INTERVAL: Duration = Duration::from_millis(300);
/// How long an answer on a new path is waited for, and the connection id for it, which comes right after the handshake.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// Local and remote address.
pub type Way = (SocketAddr, SocketAddr);

/// What a connection knows of its paths.
pub struct Paths {
    /// There is, or was, more than the first.
    is_several: bool,
    first: Option<Way>,
    /// Where packets go.
    current: Option<Way>,
    /// Paths that are not validated yet, since when, and when they are challenged again.
    unproven: Vec<(Way, Instant)>,
    challenge_due: Option<Instant>,
    left: Vec<Left>,
    /// How often the timer of the current path had fired at the last look.
    timeouts: usize,
    /// The current path is the one quiche sends on; it is not while the peer's new address is being validated.
    is_settled: bool,
    /// The active path has failed: quiche takes nothing in until it has sent a challenge there.
    is_stranded: bool,
}

/// Another path than the current one: packets went there, or may have.
struct Left {
    way: Way,
    /// How often its timer had fired at the last look.
    timeouts: usize,
    /// A packet of it is to be sent.
    is_due: bool,
}

impl Paths {
    pub fn new() -> Paths {
        Paths {
            is_several: false,
            first: None,
            current: None,
            unproven: Vec::new(),
            challenge_due: None,
            left: Vec::new(),
            timeouts: 0,
            is_settled: false,
            is_stranded: false,
        }
    }

    /// Whether no packet may reach quiche.
    pub fn are_stranded(&self) -> bool {
        self.is_stranded
    }

    /// How long packets may be.
    pub fn packet_bytes(&self) -> usize {
        let is_known = self.unproven.is_empty() && self.current == self.first;
        if is_known { usize::MAX } else { SAFE_PACKET_BYTES }
    }

    /// Whether there are paths that are not validated yet.
    pub fn is_probing(&self) -> bool {
        !self.unproven.is_empty()
    }

    pub fn is_unproven(&self, way: Way) -> bool {
        self.unproven.iter().any(|(unproven, _)| *unproven == way)
    }

    /// When there is something to do for paths without a packet.
    pub fn next(&self) -> Option<Instant> {
        self.challenge_due
    }

    pub fn begin_proof(&mut self, way: Way) {
        self.is_several = true;
        self.unproven.push((way, Instant::now()));
        self.challenge_due.get_or_insert_with(|| Instant::now() + CHALLENGE_INTERVAL);
    }

    fn end_proof(&mut self, way: Way) {
        self.unproven.retain(|(unproven, _)| *unproven != way);
        self.challenge_due = self.challenge_due.filter(|_| !self.unproven.is_empty());
    }

    /// A left path of which a packet is to be sent, and where that goes.
    pub fn take_due(&mut self) -> Option<(Way, Way)> {
        let left = self.left.iter_mut().find(|left| left.is_due && self.is_settled)?;
        left.is_due = false;
        Some((left.way, self.current?))
    }

    /// Packets go another way from now on.
    fn go(&mut self, way: Way) {
        self.left.retain(|left| left.way != way);
        if let Some(before) = self.current.replace(way) {
            self.left.push(Left { way: before, timeouts: 0, is_due: true });
            self.timeouts = 0;
        }
    }
}

impl Connection {
    /// Where packets go: local and remote address.
    pub(super) fn path(&self) -> Option<Way> {
        self.quic.path_stats().find(|path| path.active).map(|path| (path.local_addr, path.peer_addr))
    }

    pub(super) fn round_trip_time(&self) -> Duration {
        self.quic.path_stats().find(|path| path.active).map_or(Duration::ZERO, |path| path.rtt)
    }

    /// The addresses for JavaScript: see [`event::ACCEPTED`].
    pub(super) fn addresses(&self) -> String {
        let Some((local, remote)) = self.path() else { return String::new() };
        format!("{} {} {} {}", remote.ip(), remote.port(), local.ip(), local.port())
    }

    /// After each packet: what quiche must not be asked about later.
    pub(super) fn note_paths(&mut self) {
        self.ids.note_retired(&mut self.quic);
        while let Some(event) = self.quic.path_event_next() {
            self.note_path_event(event);
        }
        if self.paths.is_several {
            self.paths.is_stranded = self.quic.get_next_release_time().is_none();
        }
    }

    fn note_path_event(&mut self, event: PathEvent) {
        let paths = &mut self.paths;
        match event {
            PathEvent::New(local, remote) => {
                paths.begin_proof((local, remote));
            }
            PathEvent::Validated(local, remote) => {
                paths.end_proof((local, remote));
                if self.moves.is_towards(local) {
                    let _ = self.quic.migrate(local, remote);
                }
            }
            PathEvent::FailedValidation(local, remote) => paths.end_proof((local, remote)),
            _ => {}
        }
    }

    /// Once for all packets of a turn: look where packets go now, and help along what was on its way elsewhere.
    pub(super) fn tend_paths(&mut self, events: &mut Events) {
        if !self.quic.is_server() {
            self.path_response.note(&self.quic, self.path_limited || !self.streams.ready.is_empty());
        }
        self.ids.note_current(&self.quic);
        if self.paths.first.is_none() {
            self.paths.first = self.path();
            self.paths.current = self.paths.first;
        }
        if self.paths.is_several {
            self.challenge_again();
        }
        if let Some((_, remote)) = self.paths.current {
            self.tend_move(remote, events);
        }
        if !self.paths.is_several {
            return;
        }
        self.note_paths();
        if let Some(way) = self.path().filter(|way| self.paths.current != Some(*way)) {
            if self.quic.is_path_validated(way.0, way.1) == Ok(true) {
                self.paths.go(way);
                self.arrive(way, events);
            } else if !self.paths.is_unproven(way) {
                // It has failed before, and the peer sends from there again.
                self.paths.begin_proof(way);
            }
        }
        self.look_at_left_paths();
    }

    /// Where a timer has fired, something that was sent on a path is still on its way. When it is that of the path in use, the
    /// server may have forgotten this connection; quiche knows its stateless resets only as answers to the first connection id.
    fn look_at_left_paths(&mut self) {
        let is_server = self.quic.is_server();
        let knows_reset = self.reset_token().is_some();
        let paths = &mut self.paths;
        let mut is_unheard = false;
        paths.is_settled = false;
        for path in self.quic.path_stats() {
            let way = (path.local_addr, path.peer_addr);
            if paths.current == Some(way) || path.active {
                if paths.current == Some(way) && path.active {
                    paths.is_settled = true;
                    is_unheard = knows_reset && path.total_pto_count > paths.timeouts;
                    paths.timeouts = path.total_pto_count;
                }
                continue;
            }
            // A client sends nothing but challenges where it has not been yet.
            if !is_server && paths.is_unproven(way) {
                continue;
            }
            let timeouts = path.total_pto_count;
            match paths.left.iter_mut().find(|left| left.way == way) {
                Some(left) => {
                    left.is_due |= timeouts > left.timeouts;
                    left.timeouts = timeouts;
                }
                None => paths.left.push(Left { way, timeouts, is_due: timeouts > 0 }),
            }
        }
        if let Some(first) = paths.left.iter_mut().find(|left| paths.first == Some(left.way)) {
            first.is_due |= is_unheard;
        }
    }

    /// quiche repeats a challenge when its timer fires, but not when acknowledgements show that it was lost.
    fn challenge_again(&mut self) {
        let now = Instant::now();
        if self.paths.challenge_due.is_some_and(|due| due <= now) {
            self.paths.unproven.retain(|(_, since)| since.elapsed() < PATIENCE);
            self.paths.challenge_due = (!self.paths.unproven.is_empty()).then_some(now + CHALLENGE_INTERVAL);
            for ((local, remote), _) in &self.paths.unproven {
                let _ = self.quic.probe_path(*local, *remote);
            }
        }
    }

    /// Packets go `way` now: what was measured on the way before is worth nothing.
    fn arrive(&mut self, way: Way, events: &mut Events) {
        let room = crate::quic::datagram_room(&self.quic, self.paths.packet_bytes()).unwrap_or(0);
        self.quic.dgram_purge_outgoing(|datagram| datagram.len() > room);
        let before = self.paths.left.last().map(|left| left.way.0);
        if let Some(socket) = self.moves.arrive(way.0, before, self.socket) {
            self.socket = socket;
        }
        let addresses = self.addresses();
        events.push(record(event::MOVED, self.id), addresses.as_bytes());
    }
}

/// Send a packet that counts as one of a path that was left; `None` when there is nothing to be sent.
pub fn send_for(quic: &mut Quic, left: Way, slot: &mut [u8]) -> Option<usize> {
    quic.send_ack_eliciting_on_path(left.0, left.1).ok()?;
    let length = slot.len().min(SAFE_PACKET_BYTES);
    let slot = slot.get_mut(..length)?;
    let (from, to) = (Some(left.0), Some(left.1));
    if let Ok((length, _)) = quic.send_on_path(slot, from, to) {
        return Some(length);
    }
    // On a path that was never validated quiche sends three times what it has received there. This packet goes elsewhere, so it
    // is told of some bytes that mean nothing.
    let _ = quic.recv(&mut [SHORT_HEADER; 64], quiche::RecvInfo { from: left.1, to: left.0 });
    Some(quic.send_on_path(slot, from, to).ok()?.0)
}
