//! Stateless resets (RFC 9000 §10.3): how a peer learns that its connection is not known here any more, after a restart say,
//! instead of waiting for its idle timeout.

use boring::hash::hmac_sha256;
use boring::rand::rand_bytes;

use crate::quic::CONNECTION_ID_BYTES;

const TOKEN_BYTES: usize = 16;
/// The shortest there is: less cannot be told from a packet that is cut off (RFC 9000 §10.3).
const MIN_RESET_BYTES: usize = 5 + TOKEN_BYTES;
/// The longest that is sent: about the length of an acknowledgement of ours, so that the two look alike.
const MAX_RESET_BYTES: usize = 43;
/// What the first two bits of a packet with a short header are (RFC 9000 §17.3.1).
const SHORT_HEADER_MASK: u8 = 0xc0;
const SHORT_HEADER: u8 = 0x40;
const SECOND_US: u64 = 1_000_000;

/// The tokens of connection ids: who has the key can compute the token of every id, and needs to remember none.
pub struct ResetTokens {
    key: [u8; 32],
}

impl ResetTokens {
    pub fn new(key: [u8; 32]) -> ResetTokens {
        ResetTokens { key }
    }

    /// The token that belongs to a connection id (RFC 9000 §10.3.2).
    pub fn of(&self, id: &[u8]) -> Option<u128> {
        let digest = hmac_sha256(&self.key, id).ok()?;
        Some(u128::from_be_bytes(*digest.first_chunk()?))
    }

    /// Write the reset that answers `packet`; returns its length, or `None` when there is nothing to answer. It is shorter than the
    /// packet, so that two ends that both have forgotten do not go on for ever (RFC 9000 §10.3.3).
    pub fn write(&self, packet: &[u8], reset: &mut [u8]) -> Option<usize> {
        if packet.first()? & SHORT_HEADER_MASK != SHORT_HEADER {
            return None;
        }
        let id = packet.get(1..1 + CONNECTION_ID_BYTES)?;
        let length = MAX_RESET_BYTES.min(packet.len() - 1);
        if length < MIN_RESET_BYTES {
            return None;
        }
        let (unpredictable, token) = reset.get_mut(..length)?.split_at_mut(length - TOKEN_BYTES);
        rand_bytes(unpredictable).ok()?;
        let first = unpredictable.first_mut()?;
        *first = *first & !SHORT_HEADER_MASK | SHORT_HEADER;
        token.copy_from_slice(&self.of(id)?.to_be_bytes());
        Some(length)
    }
}

/// So many in each second of the clock, and no more.
pub struct PerSecond {
    limit: u32,
    second: u64,
    taken: u32,
}

impl PerSecond {
    pub fn new(limit: u32) -> PerSecond {
        PerSecond { limit, second: 0, taken: 0 }
    }

    /// Whether one more may happen.
    pub fn take(&mut self, now_us: u64) -> bool {
        let second = now_us / SECOND_US;
        if second != self.second {
            (self.second, self.taken) = (second, 0);
        }
        let is_within = self.taken < self.limit;
        self.taken += u32::from(is_within);
        is_within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short_packet(length: usize) -> Vec<u8> {
        let mut packet = vec![7; length];
        packet[0] = 0x41;
        packet
    }

    #[test]
    fn a_reset_ends_in_the_token_of_the_id_and_is_shorter_than_its_cause() {
        let tokens = ResetTokens::new([1; 32]);
        let mut reset = [0; 100];
        for length in 22..1_500 {
            let written = tokens.write(&short_packet(length), &mut reset).unwrap();
            assert!(written < length && (MIN_RESET_BYTES..=MAX_RESET_BYTES).contains(&written));
            assert_eq!(reset[0] & 0xc0, 0x40);
            assert_eq!(reset[written - 16..written], tokens.of(&[7; 16]).unwrap().to_be_bytes());
        }
    }

    #[test]
    fn what_may_not_be_answered_is_not() {
        let tokens = ResetTokens::new([1; 32]);
        let mut reset = [0; 100];
        for length in 0..22 {
            assert_eq!(tokens.write(&vec![0x41; length], &mut reset), None);
        }
        for first in [0x00, 0x3f, 0x80, 0xc0, 0xff] {
            let mut packet = short_packet(1_200);
            packet[0] = first;
            assert_eq!(tokens.write(&packet, &mut reset), None);
        }
        assert_eq!(tokens.write(&short_packet(1_200), &mut []), None);
    }

    #[test]
    fn no_two_resets_look_alike_and_tokens_depend_on_key_and_id() {
        let tokens = ResetTokens::new([1; 32]);
        let [one, other] = [(); 2].map(|()| {
            let mut reset = [0; MAX_RESET_BYTES];
            tokens.write(&short_packet(100), &mut reset).unwrap();
            reset
        });
        assert_ne!(one[..MAX_RESET_BYTES - TOKEN_BYTES], other[..MAX_RESET_BYTES - TOKEN_BYTES]);
        assert_eq!(one[MAX_RESET_BYTES - TOKEN_BYTES..], other[MAX_RESET_BYTES - TOKEN_BYTES..]);
        assert_ne!(tokens.of(&[7; 16]), tokens.of(&[8; 16]));
        assert_ne!(tokens.of(&[7; 16]), ResetTokens::new([2; 32]).of(&[7; 16]));
    }

    #[test]
    fn there_are_so_many_in_a_second_and_no_more() {
        let mut resets = PerSecond::new(100);
        let taken = |resets: &mut PerSecond, from_us: u64| {
            (0..1_000).filter(|n| resets.take(from_us + n * (SECOND_US / 1_000))).count()
        };
        assert_eq!(taken(&mut resets, 0), 100);
        assert_eq!(taken(&mut resets, SECOND_US), 100);
        assert_eq!(taken(&mut PerSecond::new(0), 0), 0);
    }
}
