//! Version Negotiation packets (RFC 9000 §6 and §17.2.1, RFC 8999 §6): what a client of another version is told.

use boring::rand::rand_bytes;

/// Of a version that nobody speaks, in these bits (RFC 9000 §15): clients learn not to stumble over what they do not know.
const RESERVED_MASK: u32 = 0x0f0f_0f0f;
const RESERVED: u32 = 0x0a0a_0a0a;

/// What every version of QUIC agrees on in a long header (RFC 8999 §5.1).
#[derive(Debug, PartialEq, Eq)]
pub struct LongHeader<'a> {
    pub version: u32,
    pub destination_id: &'a [u8],
    pub source_id: &'a [u8],
}

impl<'a> LongHeader<'a> {
    /// The header at the start of `packet`; `None` when there is none.
    pub fn of(packet: &'a [u8]) -> Option<LongHeader<'a>> {
        let (version, rest) = packet.get(1..)?.split_first_chunk()?;
        let (destination_id, rest) = split_id(rest)?;
        let (source_id, _) = split_id(rest)?;
        let is_long = packet.first()? & 0x80 != 0;
        is_long.then_some(LongHeader { version: u32::from_be_bytes(*version), destination_id, source_id })
    }

    /// Write the packet that tells who sent this header which versions there are; returns its length.
    pub fn negotiate(&self, packet: &mut [u8]) -> Option<usize> {
        let mut random = [0; 5];
        rand_bytes(&mut random).ok()?;
        let [first, version @ ..] = random;
        let mut reserved = u32::from_be_bytes(version) & !RESERVED_MASK | RESERVED;
        if reserved == self.version {
            // A client ignores a packet that lists the version it has chosen (RFC 9000 §6.2).
            reserved ^= 0x1000_0000;
        }
        let (source_length, destination_length) = (self.source_id.len() as u8, self.destination_id.len() as u8);
        let parts: [&[u8]; 8] = [
            &[first | 0xc0],
            &0u32.to_be_bytes(),
            &[source_length],
            self.source_id,
            &[destination_length],
            self.destination_id,
            &reserved.to_be_bytes(),
            &quiche::PROTOCOL_VERSION.to_be_bytes(),
        ];
        let mut length = 0;
        for part in parts {
            packet.get_mut(length..length + part.len())?.copy_from_slice(part);
            length += part.len();
        }
        Some(length)
    }
}

fn split_id(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_has_the_ids_exchanged_a_version_that_is_spoken_and_one_that_is_not() {
        let packet = [&[0xc0, 1, 2, 3, 4, 3], &[7; 3][..], &[2], &[9; 2], &[0; 50]].concat();
        let header = LongHeader::of(&packet).unwrap();
        assert_eq!(header, LongHeader { version: 0x0102_0304, destination_id: &[7; 3], source_id: &[9; 2] });
        let mut answer = [0; 100];
        let length = header.negotiate(&mut answer).unwrap();
        assert_eq!(answer[0] & 0xc0, 0xc0);
        assert_eq!(answer[1..12], [0, 0, 0, 0, 2, 9, 9, 3, 7, 7, 7]);
        assert!(answer[12..16].iter().all(|byte| byte & 0x0f == 0x0a));
        assert_eq!(answer[16..length], [0, 0, 0, 1]);
    }

    #[test]
    fn ids_of_any_length_are_answered_and_the_version_of_the_client_is_never_listed() {
        for (length, version) in [(0, 0x1a2a_3a4a_u32), (255, 0xfaca_0a1a)] {
            let id = vec![7; length];
            let header = LongHeader { version, destination_id: &id, source_id: &id };
            for _ in 0..1_000 {
                let mut answer = [0; 600];
                let written = header.negotiate(&mut answer).unwrap();
                assert_eq!(written, 15 + 2 * length);
                assert_ne!(answer[written - 8..written - 4], version.to_be_bytes());
            }
        }
    }

    #[test]
    fn what_is_no_long_header_is_told_apart() {
        let packet = [&[0xc0, 0, 0, 0, 1, 3], &[7; 3][..], &[2], &[9; 2]].concat();
        for length in 0..packet.len() {
            assert_eq!(LongHeader::of(&packet[..length]), None);
        }
        assert_eq!(LongHeader::of(&[&[0x40], &packet[1..]].concat()), None);
    }
}
