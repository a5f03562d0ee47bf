//! How much a server sends to an address nobody has proven to be the client's: three times what came from there (RFC 9000
//! §8.1). quiche keeps to that with its packets, but does not count the padding behind the packets of a datagram, which can be
//! most of one; so it is kept here too, for datagrams as they leave.

use super::coalesced::{Kind, Packets};

/// Times what arrived.
const FACTOR: usize = 3;
/// A datagram with less room is not begun: one with an Initial packet must be this long (RFC 9000 §14.1).
const LEAST_DATAGRAM_BYTES: usize = 1200;

/// What may still be sent to an address that may be somebody else's.
pub struct AmplificationLimit {
    /// `None` when the address is proven, or was chosen here.
    room: Option<usize>,
}

impl AmplificationLimit {
    pub fn new(is_server: bool) -> AmplificationLimit {
        AmplificationLimit { room: is_server.then_some(0) }
    }

    /// A datagram came from there.
    pub fn arrived(&mut self, bytes: usize) {
        if let Some(room) = &mut self.room {
            *room = room.saturating_add(FACTOR * bytes);
        }
    }

    /// A datagram went there.
    pub fn sent(&mut self, bytes: usize) {
        if let Some(room) = &mut self.room {
            *room = room.saturating_sub(bytes);
        }
    }

    /// The address is the client's.
    pub fn lift(&mut self) {
        self.room = None;
    }

    /// The longest datagram that may leave; `None` when none may before another has come.
    pub fn room(&self) -> Option<usize> {
        match self.room {
            None => Some(usize::MAX),
            Some(room) => (room >= LEAST_DATAGRAM_BYTES).then_some(room),
        }
    }

    /// Before a datagram is taken in: as many packets of it as this have to be authentic for it to prove the address. That of a
    /// Handshake packet is only known to who got the server's Initial there.
    pub fn proof(&self, datagram: &[u8]) -> Option<usize> {
        self.room?;
        let mut packets = 0;
        let mut has_handshake = false;
        for kind in Packets::of(datagram) {
            packets += 1;
            has_handshake |= kind? == Kind::Handshake;
        }
        has_handshake.then_some(packets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INITIAL: u8 = 0x0;
    const HANDSHAKE: u8 = 0x2;

    /// A packet with a long header, ids of two bytes and `length` bytes behind its length field.
    fn long(kind: u8, length: usize) -> Vec<u8> {
        let mut packet = vec![0xc0 | kind << 4, 0, 0, 0, 1, 2, 7, 7, 2, 8, 8];
        if kind == INITIAL {
            packet.extend([3, 9, 9, 9]);
        }
        packet.extend((0x4000 | length as u16).to_be_bytes());
        packet.resize(packet.len() + length, 0xff);
        packet
    }

    #[test]
    fn a_server_sends_three_times_what_came_padding_included() {
        let mut limit = AmplificationLimit::new(true);
        assert_eq!(limit.room(), None);
        limit.arrived(1200);
        assert_eq!(limit.room(), Some(3600));
        limit.sent(1200);
        limit.sent(1250);
        assert_eq!(limit.room(), None);
        limit.arrived(20);
        assert_eq!(limit.room(), Some(1210));
        limit.lift();
        assert_eq!(limit.room(), Some(usize::MAX));
    }

    #[test]
    fn a_client_has_no_limit() {
        assert_eq!(AmplificationLimit::new(false).room(), Some(usize::MAX));
    }

    #[test]
    fn a_handshake_packet_proves_an_address_when_all_packets_beside_it_are_authentic() {
        let limit = AmplificationLimit::new(true);
        let initial = long(INITIAL, 90);
        let handshake = long(HANDSHAKE, 40);
        let short = vec![0x40; 30];
        let padding = vec![0; 50];
        assert_eq!(limit.proof(&initial), None);
        assert_eq!(limit.proof(&handshake), Some(1));
        assert_eq!(limit.proof(&[initial.clone(), handshake.clone()].concat()), Some(2));
        assert_eq!(limit.proof(&[initial.clone(), handshake.clone(), short, padding].concat()), Some(3));
        assert_eq!(limit.proof(&[initial.clone(), initial].concat()), None);
        assert_eq!(AmplificationLimit::new(false).proof(&handshake), None);
    }

    #[test]
    fn a_datagram_that_is_cut_short_or_lies_about_lengths_proves_nothing() {
        let limit = AmplificationLimit::new(true);
        let datagram = [long(INITIAL, 90), long(HANDSHAKE, 40)].concat();
        for length in 0..datagram.len() {
            assert_eq!(limit.proof(&datagram[..length]), None, "{length}");
        }
        assert_eq!(limit.proof(&[0xe0, 0, 0, 0, 1, 0xff]), None);
        assert_eq!(limit.proof(&[0xe0, 0, 0, 0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
