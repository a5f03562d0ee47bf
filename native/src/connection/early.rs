//! Early data (RFC 9001 §4.6): what a client that comes back sends along with its first packet, and its server takes, before the
//! handshake is done. Anybody who has recorded it can send it again, so JavaScript marks what may be done twice; all else waits.

use crate::record::{EARLY, event};
use crate::ring::{Events, record};

use super::Connection;

impl Connection {
    /// Whether JavaScript knows that it may send and will receive.
    pub(super) fn is_usable(&self) -> bool {
        self.is_established || self.is_early
    }

    /// Whether QUIC can carry early data, and JavaScript has not been told.
    pub(super) fn begins_early_data(&self) -> bool {
        !self.is_usable() && self.quic.is_in_early_data()
    }

    /// Whether a close has to wait: the client could not read it yet.
    pub(super) fn delays_close(&self) -> bool {
        self.is_early && self.quic.is_server()
    }

    pub(super) fn begin_early_data(&mut self, events: &mut Events) {
        self.is_early = true;
        self.streams.only_early = !self.quic.is_server();
        self.stats.update(&self.quic, self.paths.packet_bytes(), false);
        self.announce(EARLY, events);
    }

    /// The handshake is done: what has waited goes now, and so does what the server has not taken.
    pub(super) fn confirm(&mut self, events: &mut Events) {
        self.is_early = false;
        self.streams.only_early = false;
        self.messages.release();
        events.push(record(event::CONFIRMED, self.id), self.quic.peer_cert().unwrap_or_default());
    }
}
