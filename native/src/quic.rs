//! quiche with buffers that are handed over without copying.

use bytes::{BufMut, Bytes};

/// Stream data stays in the `Bytes` it came in until it is acknowledged.
#[derive(Clone, Debug, Default)]
pub struct Buffers;

impl quiche::BufFactory for Buffers {
    type Buf = Bytes;
    type DgramBuf = Vec<u8>;

    fn buf_from_slice(bytes: &[u8]) -> Bytes {
        Bytes::copy_from_slice(bytes)
    }

    fn dgram_buf_from_slice(bytes: &[u8]) -> Vec<u8> {
        bytes.to_vec()
    }
}

/// A QUIC connection.
pub type Quic = quiche::Connection<Buffers>;

/// Length of the connection ids chosen here, which short-header packets do not spell out.
pub const CONNECTION_ID_BYTES: usize = 16;

/// What a packet with a datagram has besides it: the first byte, packet number, AEAD tag, and the frame's type and length.
const DATAGRAM_OVERHEAD_BYTES: usize = 1 + 4 + 16 + 3;

/// The largest datagram that fits a packet of `packet_bytes`, or quiche's own limit; `None` when the peer takes none.
pub fn datagram_room(quic: &Quic, packet_bytes: usize) -> Option<usize> {
    let most = quic.dgram_max_writable_len()?;
    Some(most.min(packet_bytes.saturating_sub(DATAGRAM_OVERHEAD_BYTES + quic.destination_id().len())))
}

/// Bytes of a QUIC variable-length integer (RFC 9000 §16).
pub fn varint_length(value: u64) -> usize {
    match value {
        0..0x40 => 1,
        0x40..0x4000 => 2,
        0x4000..0x4000_0000 => 4,
        _ => 8,
    }
}

/// Append a QUIC variable-length integer.
pub fn write_varint(target: &mut impl BufMut, value: u64) {
    match varint_length(value) {
        1 => target.put_u8(value as u8),
        2 => target.put_u16(value as u16 | 0x4000),
        4 => target.put_u32(value as u32 | 0x8000_0000),
        _ => target.put_u64(value | 0xc000_0000_0000_0000),
    }
}

/// A QUIC variable-length integer at the start of `bytes`, and what follows it; `None` when it is cut short.
pub fn read_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let size = 1 << (bytes.first()? >> 6);
    let (encoded, rest) = bytes.split_at_checked(size)?;
    let value = encoded.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    Some((value & (u64::MAX >> (64 - 8 * size + 2)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_are_those_of_rfc_9000() {
        for (value, bytes) in [
            (37, vec![0x25]),
            (15_293, vec![0x7b, 0xbd]),
            (494_878_333, vec![0x9d, 0x7f, 0x3e, 0x7d]),
            (151_288_809_941_952_652, vec![0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c]),
        ] {
            let mut written = Vec::new();
            write_varint(&mut written, value);
            assert_eq!(written, bytes);
            assert_eq!(varint_length(value), bytes.len());
            assert_eq!(read_varint(&[&bytes[..], &[1]].concat()), Some((value, &[1][..])));
            assert_eq!(read_varint(&bytes[..bytes.len() - 1]), None);
        }
    }
}
