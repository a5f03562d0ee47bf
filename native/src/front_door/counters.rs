//! What a listener counts of packets that belong to no connection, written by the I/O thread and read by JavaScript.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The numbers of a snapshot; `endpoint_stats.ts` names them in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// Connections now, those under way included.
    Connections,
    /// Handshakes under way now.
    Handshakes,
    /// Handshakes that were completed.
    HandshakesCompleted,
    /// Handshakes that ended otherwise: refused by TLS, given up, or never gone on with.
    HandshakesFailed,
    /// First packets whose early data was not taken, because they are copies, or might be.
    EarlyDataRefused,
    /// First packets answered by a Retry.
    RetriesSent,
    /// First packets whose token proved the client's address.
    TokensAccepted,
    /// Tokens that were forged, expired, or of another client or server.
    TokensRefused,
    /// First packets refused because there are as many connections as there may be.
    RefusedConnections,
    /// The same, of one address.
    RefusedConnectionsOfAddress,
    /// First packets refused because there are as many handshakes under way as there may be.
    RefusedHandshakes,
    /// The same, of one address.
    RefusedHandshakesOfAddress,
    /// Packets of unknown versions answered by a Version Negotiation packet.
    VersionNegotiationsSent,
    /// Packets for connections that are not there, answered by a stateless reset.
    ResetsSent,
    /// The same, not answered because there were enough in this second.
    ResetsWithheld,
    /// Packets too broken to say what they are.
    DroppedMalformed,
    /// First packets, of any version, that are too short, or to an id that is (RFC 9000 §7.2, §14.1).
    DroppedShort,
    /// Packets for connections that are not there, of a kind that is not answered.
    DroppedUnknown,
    /// First packets with the right form and a wrong seal.
    DroppedUnauthentic,
    /// First packets while nobody is accepted: the listener closes, or has a development certificate and the packet comes from
    /// another machine.
    DroppedUnwanted,
    /// Packets that came to the socket of another thread than their connection's, and were handed over.
    HandedOver,
    /// The same, dropped because that thread has as many to take in already.
    DroppedHandingOver,
}

/// How many numbers there are.
pub const COUNTERS: usize = Counter::DroppedHandingOver as usize + 1;

/// The numbers of one listener.
#[derive(Default)]
pub struct Counters([AtomicU64; COUNTERS]);

impl Counters {
    pub fn increment(&self, counter: Counter) {
        self.add(counter, 1);
    }

    pub fn add(&self, counter: Counter, count: usize) {
        if let Some(number) = self.0.get(counter as usize) {
            number.fetch_add(count as u64, Relaxed);
        }
    }

    pub fn set(&self, counter: Counter, value: usize) {
        if let Some(number) = self.0.get(counter as usize) {
            number.store(value as u64, Relaxed);
        }
    }

    pub fn read(&self) -> [f64; COUNTERS] {
        self.0.each_ref().map(|number| number.load(Relaxed) as f64)
    }
}
