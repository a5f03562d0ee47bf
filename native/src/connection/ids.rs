//! The connection ids that the peer is given: a path keeps one for good, so the peer always has some to spare.
//!
//! A packet to an id that the peer has given back would end the connection: it is lost.

use crate::quic::{CONNECTION_ID_BYTES, Quic};

use super::Connection;

/// Connection ids the peer has and does not use yet: one for the next path, and one for a path after that which comes
/// before the peer has been given another.
const SPARE_IDS: usize = 2;
/// Ids the peer has given back that are remembered.
const MAX_RETIRED: usize = 64;

type Id = [u8; CONNECTION_ID_BYTES];

/// What became of the ids that the peer was given.
#[derive(Default)]
pub struct Ids {
    /// The one that packets of the peer are for.
    current: Option<Id>,
    /// How many were in use before it, and are not given back.
    used: usize,
    retired: Vec<Id>,
}

impl Ids {
    /// Whether a packet is for an id that the peer has given back.
    pub fn refuse(&self, packet: &[u8]) -> bool {
        if self.retired.is_empty() {
            return false;
        }
        let is_short = packet.first().is_some_and(|first| first & 0x80 == 0);
        is_short && packet.get(1..1 + CONNECTION_ID_BYTES).is_some_and(|id| self.retired.iter().any(|it| it == id))
    }

    /// The peer has given this id back.
    pub fn retire(&mut self, id: Id) {
        if self.retired.len() == MAX_RETIRED {
            self.retired.remove(0);
        }
        self.retired.push(id);
        self.used = self.used.saturating_sub(1);
    }

    /// After each packet: which ids the peer has given back.
    pub fn note_retired(&mut self, quic: &mut Quic) {
        while let Some(id) = quic.retired_scid_next() {
            if let Ok(id) = id.as_ref().try_into() {
                self.retire(id);
            }
        }
    }

    /// Which id the peer uses now.
    pub fn note_current(&mut self, quic: &Quic) {
        let id = quic.source_id();
        let Ok(id) = id.as_ref().try_into() else { return };
        if self.current != Some(id) {
            self.used += usize::from(self.current.is_some());
            self.current = Some(id);
        }
    }
}

impl Connection {
    /// Whether the peer should have one more connection id.
    pub fn wants_id(&self) -> bool {
        self.is_established && self.quic.active_scids() < 1 + self.ids.used + SPARE_IDS && self.quic.scids_left() > 0
    }

    /// Give the peer a connection id, and the token by which it knows a stateless reset for it. False when it takes none.
    pub fn give_id(&mut self, id: &Id, reset_token: u128) -> bool {
        self.quic.new_scid(&quiche::ConnectionId::from_ref(id), reset_token, false).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_to_ids_that_were_given_back_are_refused() {
        let mut ids = Ids::default();
        let packet = |first: u8, id: u8| [&[first], &[id; 16][..], &[0; 20]].concat();
        assert!(!ids.refuse(&packet(0x40, 5)));
        ids.retire([5; 16]);
        assert!(ids.refuse(&packet(0x40, 5)));
        assert!(!ids.refuse(&packet(0x40, 6)) && !ids.refuse(&packet(0xc0, 5)) && !ids.refuse(&[0x40]));
        for id in 100..164 {
            ids.retire([id; 16]);
        }
        assert!(!ids.refuse(&packet(0x40, 5)) && ids.refuse(&packet(0x40, 163)));
    }
}
