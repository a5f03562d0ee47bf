//! Which of the sockets that share one address a connection belongs to.
//!
//! Every connection id says it: its first byte, modulo the number of sockets. So whoever gets a packet can tell whose it is, the
//! kernel too (`socket/sharing.rs`), and the id that a client makes up for its first packet chooses a socket at random.

use boring::rand::rand_bytes;

use crate::error::{Failure, internal};
use crate::quic::CONNECTION_ID_BYTES;

/// One of `count` sockets of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    index: u8,
    count: u8,
}

impl Lane {
    /// Of a socket that shares its address with none.
    pub const ONLY: Lane = Lane { index: 0, count: 1 };

    /// Number `index` of `count`; `None` when there is no such number.
    pub fn new(index: usize, count: usize) -> Option<Lane> {
        let (index, count) = (u8::try_from(index).ok()?, u8::try_from(count).ok()?);
        (index < count).then_some(Lane { index, count })
    }

    pub fn index(self) -> usize {
        usize::from(self.index)
    }

    /// Whose the connection with that id is, as an index.
    pub fn owner(self, id: &[u8]) -> usize {
        usize::from(id.first().map_or(0, |first| first % self.count))
    }

    /// The lane that comes `steps` after `lane`; the first follows the last.
    pub fn later(self, lane: usize, steps: usize) -> usize {
        (lane + steps) % usize::from(self.count)
    }

    /// A new connection id of this lane, unpredictable apart from that (RFC 9000 §5.1). The only place where ids are made.
    pub fn connection_id(self) -> Result<[u8; CONNECTION_ID_BYTES], Failure> {
        let mut id = [0; CONNECTION_ID_BYTES];
        rand_bytes(&mut id).map_err(|_| internal())?;
        let [first, ..] = &mut id;
        let own = *first - *first % self.count;
        // The last few values of a byte are no whole round.
        *first = own.checked_add(self.index).unwrap_or(self.index);
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_belong_to_the_lane_that_made_them() {
        for count in [1, 2, 3, 7, 64, 255] {
            for index in 0..count {
                let lane = Lane::new(index, count).unwrap();
                for _ in 0..50 {
                    assert_eq!(lane.owner(&lane.connection_id().unwrap()), index, "{index} of {count}");
                }
            }
        }
    }

    #[test]
    fn ids_of_a_lone_socket_are_random_throughout() {
        let firsts: HashSet<u8> = (0..4_000).map(|_| Lane::ONLY.connection_id().unwrap()[0]).collect();
        assert!(firsts.len() > 200, "{} values", firsts.len());
    }

    #[test]
    fn there_is_no_lane_beyond_the_last_and_an_empty_id_is_the_first_ones() {
        assert_eq!((Lane::new(2, 2), Lane::new(0, 0), Lane::new(0, 256)), (None, None, None));
        assert_eq!(Lane::new(1, 2).unwrap().owner(&[]), 0);
    }
}
