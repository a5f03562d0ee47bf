//! From the connection id in a packet to the connection.

use std::collections::HashMap;

use crate::quic::CONNECTION_ID_BYTES;

/// Longest connection id of QUIC version 1 (RFC 9000 §17.2).
const MAX_ID_BYTES: usize = 20;

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
}

impl Routes {
    /// Packets for `id` belong to `connection`. An id that is taken stays with its owner.
    pub fn add(&mut self, id: &[u8], connection: u32) {
        let Some(key) = Key::of(id) else { return };
        if *self.by_id.entry(key).or_insert(connection) == connection {
            self.by_connection.entry(connection).or_default().push(key);
        }
    }

    pub fn remove(&mut self, connection: u32) {
        for key in self.by_connection.remove(&connection).unwrap_or_default() {
            self.by_id.remove(&key);
        }
    }

    /// The connection of a packet, if it is known.
    pub fn find(&self, packet: &[u8]) -> Option<u32> {
        self.by_id.get(&Key::of(destination_id(packet)?)?).copied()
    }
}

/// The destination connection id of a packet (RFC 8999 §5): behind its length in a long header, of our own length in a
/// short one.
fn destination_id(packet: &[u8]) -> Option<&[u8]> {
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
