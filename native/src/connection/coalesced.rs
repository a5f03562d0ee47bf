//! The packets that one UDP datagram holds (RFC 9000 §12.2), told apart by their headers before any is decrypted.

use crate::quic::read_varint;

/// What a packet is (RFC 9000 §17.2, §17.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Initial,
    ZeroRtt,
    Handshake,
    Retry,
    /// With a short header: 1-RTT.
    Short,
}

/// The packets of a datagram, in order. Where it cannot be told what comes next, `None` is the last item.
pub struct Packets<'a>(&'a [u8]);

impl Packets<'_> {
    pub fn of(datagram: &[u8]) -> Packets<'_> {
        Packets(datagram)
    }
}

impl Iterator for Packets<'_> {
    type Item = Option<Kind>;

    fn next(&mut self) -> Option<Option<Kind>> {
        let datagram = std::mem::take(&mut self.0);
        let first = *datagram.first()?;
        // Without the fixed bit (RFC 9000 §17.2) it is padding.
        if first & 0x40 == 0 {
            return None;
        }
        let kind = match (first & 0x80, first >> 4 & 0x3) {
            (0, _) => Kind::Short,
            (_, 0) => Kind::Initial,
            (_, 1) => Kind::ZeroRtt,
            (_, 2) => Kind::Handshake,
            _ => Kind::Retry,
        };
        // These have no length: they take the datagram to its end.
        if matches!(kind, Kind::Short | Kind::Retry) {
            return Some(Some(kind));
        }
        let Some(rest) = behind(datagram, kind) else { return Some(None) };
        self.0 = rest;
        Some(Some(kind))
    }
}

/// What follows the first packet, which has a long header and a length.
fn behind(datagram: &[u8], kind: Kind) -> Option<&[u8]> {
    let mut rest = datagram.get(5..)?;
    for _connection_id in 0..2 {
        let (length, id) = rest.split_first()?;
        rest = id.get(usize::from(*length)..)?;
    }
    if kind == Kind::Initial {
        let (token_length, token) = read_varint(rest)?;
        rest = token.get(usize::try_from(token_length).ok()?..)?;
    }
    let (length, packet) = read_varint(rest)?;
    packet.get(usize::try_from(length).ok()?..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_told_apart_until_padding_or_the_end() {
        let initial = [0xc0, 0, 0, 0, 1, 1, 9, 0, 2, 5, 5, 1, 7];
        let handshake = [0xe0, 0, 0, 0, 1, 0, 1, 9, 0x40, 2, 7, 7];
        let datagram = |parts: &[&[u8]]| parts.concat();
        let kinds = |datagram: &[u8]| Packets::of(datagram).collect::<Vec<_>>();
        let (first, second, short) = (Some(Kind::Initial), Some(Kind::Handshake), Some(Kind::Short));
        assert_eq!(kinds(&datagram(&[&initial, &handshake, &[0x41, 1]])), [first, second, short]);
        assert_eq!(kinds(&datagram(&[&initial, &[0; 9], &handshake])), [first]);
        assert_eq!(kinds(&[0xf0, 1]), [Some(Kind::Retry)]);
        assert_eq!(kinds(&datagram(&[&handshake, &initial[..12]])), [second, None]);
        assert_eq!(kinds(&[]), []);
    }
}
