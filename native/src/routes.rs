//! From the connection id in a packet, or the token of a stateless reset, to the connection.

use std::collections::HashMap;

use crate::quic::CONNECTION_ID_BYTES;

/// Longest connection id of QUIC version 1 (RFC 9000 §17.2).
const MAX_ID_BYTES: usize = 20;
/// The shortest stateless reset (RFC 9000 §10.3), and the token at its end.
const MIN_RESET_BYTES: usize = 21;
const RESET_TOKEN_BYTES: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    length: u8,
    bytes: [u8; MAX_ID_BYTES],
}

impl Key {
    fn of(id: &[u8]) -> Option<Key> {
        let mut bytes = [0; MAX_ID_BYTES];
        bytes.get_mut(..id.len())?.copy_from_slice(id);
        Some(Key { length: id.len() as u8, bytes })
    }
}

/// Connection ids of all connections. The standard hasher is keyed, because a peer chooses some of the ids.
#[derive(Default)]
pub struct Routes {
    by_id: HashMap<Key, u32>,
    by_connection: HashMap<u32, Vec<Key>>,
    by_reset_token: HashMap<[u8; RESET_TOKEN_BYTES], u32>,
    reset_tokens: HashMap<u32, [u8; RESET_TOKEN_BYTES]>,
}

impl Routes {
    /// Packets for `id` belong to `connection`. An id that is taken stays with its owner.
    pub fn add(&mut self, id: &[u8], connection: u32) {
        let Some(key) = Key::of(id) else { return };
        if *self.by_id.entry(key).or_insert(connection) == connection {
            self.by_connection.entry(connection).or_default().push(key);
        }
    }

    /// A packet that ends so says that the peer of `connection` has forgotten it; its connection id says nothing.
    pub fn add_reset_token(&mut self, token: u128, connection: u32) {
        let token = token.to_be_bytes();
        self.by_reset_token.insert(token, connection);
        self.reset_tokens.insert(connection, token);
    }

    pub fn remove(&mut self, connection: u32) {
        if let Some(token) = self.reset_tokens.remove(&connection) {
            self.by_reset_token.remove(&token);
        }
        for key in self.by_connection.remove(&connection).unwrap_or_default() {
            self.by_id.remove(&key);
        }
    }

    /// The connection of a packet, if it is known.
    pub fn find(&self, packet: &[u8]) -> Option<u32> {
        let by_id = destination_id(packet).and_then(Key::of).and_then(|key| self.by_id.get(&key));
        by_id.copied().or_else(|| self.find_reset(packet))
    }

    fn find_reset(&self, packet: &[u8]) -> Option<u32> {
        let looks_like_one = packet.len() >= MIN_RESET_BYTES && packet.first()? & 0x80 == 0;
        if !looks_like_one || self.by_reset_token.is_empty() {
            return None;
        }
        self.by_reset_token.get(packet.last_chunk()?).copied()
    }
}

/// The destination connection id of a packet (RFC 8999 §5): behind its length in a long header, of our own length in a
/// short one.
pub fn destination_id(packet: &[u8]) -> Option<&[u8]> {
    if packet.first()? & 0x80 != 0 {
        let length = usize::from(*packet.get(5)?);
        packet.get(6..6 + length)
    } else {
        packet.get(1..1 + CONNECTION_ID_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_find_their_connection_until_it_is_removed() {
        let mut routes = Routes::default();
        routes.add(&[9; 16], 1);
        routes.add(&[7; 8], 1);
        let short = [&[0x40], &[9; 16][..], &[0; 20]].concat();
        let long = [&[0xc0, 0, 0, 0, 1, 8], &[7; 8][..], &[0]].concat();
        assert_eq!((routes.find(&short), routes.find(&long)), (Some(1), Some(1)));
        routes.remove(1);
        assert_eq!((routes.find(&short), routes.find(&long)), (None, None));
    }

    #[test]
    fn a_reset_finds_its_connection_by_the_token_at_its_end() {
        let mut routes = Routes::default();
        routes.add_reset_token(u128::from_be_bytes([5; 16]), 1);
        let reset = [&[0x40, 1, 2, 3, 4], &[5; 16][..]].concat();
        assert_eq!(routes.find(&reset), Some(1));
        assert_eq!(routes.find(&reset[1..]), None);
        assert_eq!(routes.find(&[&[0xc0], &reset[1..]].concat()), None);
        assert_eq!(routes.find(&[&reset[..20], &[6]].concat()), None);
        routes.remove(1);
        assert_eq!(routes.find(&reset), None);
    }

    #[test]
    fn an_id_cannot_be_taken_over_and_garbage_finds_nothing() {
        let mut routes = Routes::default();
        routes.add(&[9; 16], 1);
        routes.add(&[9; 16], 2);
        routes.remove(2);
        assert_eq!(routes.find(&[&[0x40], &[9; 16][..]].concat()), Some(1));
        for garbage in [&[][..], &[0x40], &[0xc0, 0, 0, 0, 1], &[0xc0, 0, 0, 0, 1, 255, 1, 2]] {
            assert_eq!(routes.find(garbage), None);
        }
    }
}
