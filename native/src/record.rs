//! The layout of both rings, for Rust; `src/connection/native_ring.ts` is its twin and changes in the same commit.
//!
//! A ring is a sequence of records. Each starts with a header of 24 bytes, little-endian, and its payload is padded with
//! zeros to a multiple of 8, so that JavaScript reads headers through a `Uint32Array`:
//!
//! | word | bytes | content |
//! | --- | --- | --- |
//! | 0 | 0–3 | kind (8 bits), flags (8 bits), zero |
//! | 1 | 4–7 | connection |
//! | 2, 3 | 8–15 | stream (low word, high word), or another number of the record |
//! | 4 | 16–19 | payload length, without padding |
//! | 5 | 20–23 | argument |
//!
//! A stream is a QUIC id, unless [`LOCAL`] is set: then it is the handle JavaScript chose when it opened the stream.
//! Error codes and times that do not fit a header field are 8 payload bytes.

/// Bytes of a record's header.
pub const HEADER_BYTES: usize = 24;

/// Flag: the payload ends the stream.
pub const FIN: u8 = 1;
/// Flag: the stream field is a handle, not a QUIC id.
pub const LOCAL: u8 = 2;
/// Flag of [`command::OPEN`]: open a bidirectional stream.
pub const BIDIRECTIONAL: u8 = 4;
/// Flag of [`event::CLOSED`]: the code belongs to the application.
pub const APPLICATION: u8 = 8;
/// Where in the flags of [`command::OPEN`] and [`command::DATAGRAM`] the urgency stands: three bits, 0 (most urgent) to 7.
pub const URGENCY_SHIFT: u8 = 4;

/// Flag of [`command::OPEN`] and [`command::MESSAGE`]: it may go before the handshake is done. Of [`event::ESTABLISHED`] and
/// [`event::ACCEPTED`]: it is not done yet, and [`event::CONFIRMED`] follows.
pub const EARLY: u8 = 128;

/// What JavaScript asks for.
pub mod command {
    /// Payload: bytes to append to a stream; flags [`FIN`](super::FIN), [`LOCAL`](super::LOCAL).
    pub const WRITE: u8 = 1;
    /// Open a stream under the handle in the stream field; flags: urgency, [`EARLY`](super::EARLY); argument: its lifetime in milliseconds or 0.
    pub const OPEN: u8 = 2;
    /// Payload: the code of RESET_STREAM.
    pub const RESET: u8 = 3;
    /// Payload: the code of STOP_SENDING.
    pub const STOP: u8 = 4;
    /// Argument: bytes the stream may deliver in addition.
    pub const GRANT: u8 = 5;
    /// Payload: one message; flag [`EARLY`](super::EARLY).
    pub const MESSAGE: u8 = 6;
    /// Payload: one datagram; stream field: its report id or 0; argument: milliseconds until it expires or
    /// 0; flags: urgency.
    pub const DATAGRAM: u8 = 7;
    /// Stream field: application code; payload: reason.
    pub const CLOSE: u8 = 8;
    /// Move to a fresh socket; [`event::MOVED`] tells what came of it.
    pub const MOVE: u8 = 9;
}

/// What JavaScript is told.
pub mod event {
    /// Payload: bytes in order; flags [`FIN`](super::FIN), [`LOCAL`](super::LOCAL).
    pub const DATA: u8 = 1;
    /// Payload: the code of the peer's RESET_STREAM.
    pub const RESET: u8 = 2;
    /// Payload: the code of the peer's STOP_SENDING.
    pub const STOPPED: u8 = 3;
    /// Argument: bytes of the stream that left its queue.
    pub const WRITTEN: u8 = 4;
    /// A stream opened by JavaScript has its QUIC id now.
    pub const OPENED: u8 = 5;
    /// Argument: bytes of queued messages that were packed.
    pub const MESSAGES_SENT: u8 = 6;
    /// Payload: one datagram, which arrived at the last [`TIME`].
    pub const DATAGRAM: u8 = 7;
    /// Stream field: report id; payload: microseconds at which it left, 0 when it was dropped.
    pub const DATAGRAM_SENT: u8 = 8;
    /// Stream field: microseconds (CLOCK_MONOTONIC) at which the packets behind the next events arrived.
    pub const TIME: u8 = 9;
    /// The handshake of a dialled connection succeeded; payload: the server's certificate (DER).
    pub const ESTABLISHED: u8 = 10;
    /// A listener (stream field) established a connection; payload: `remote address, port, local address, port`,
    /// separated by spaces, of the length in the argument; behind it the client's certificate (DER), if it had to show one.
    pub const ACCEPTED: u8 = 11;
    /// Stream field: code; argument: [`CloseCause`](crate::close::CloseCause); payload: reason. The connection's last.
    pub const CLOSED: u8 = 12;
    /// The socket of a listener (stream field) is closed.
    pub const LISTENER_CLOSED: u8 = 13;
    /// The lifetime of a stream is over; it was reset.
    pub const EXPIRED: u8 = 14;
    /// All of a stream with a lifetime is acknowledged.
    pub const DELIVERED: u8 = 15;
    /// TLS of a listener (stream field) failed; argument: how often since the last of these; payload: `remote address, port,
    /// code, reason`, separated by spaces.
    pub const REFUSED: u8 = 16;
    /// Payload: a ticket by which the server knows this client again.
    pub const TICKET: u8 = 17;
    /// The handshake of a connection that was used before is done; payload: the peer's certificate (DER), if it has shown one.
    pub const CONFIRMED: u8 = 18;
    /// Argument 0: the connection goes another way now; payload: addresses as in [`ACCEPTED`]. Argument 1: a move that was asked for
    /// failed; payload: why.
    pub const MOVED: u8 = 19;
}

/// A parsed header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub kind: u8,
    pub flags: u8,
    pub connection: u32,
    pub stream: u64,
    pub length: u32,
    pub argument: u32,
}

impl Header {
    /// The header's wire form.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let (words, _) = bytes.as_chunks_mut::<4>();
        let fields = [
            u32::from(self.kind) | u32::from(self.flags) << 8,
            self.connection,
            self.stream as u32,
            (self.stream >> 32) as u32,
            self.length,
            self.argument,
        ];
        for (word, field) in words.iter_mut().zip(fields) {
            *word = field.to_le_bytes();
        }
        bytes
    }

    /// Read the header at the start of `bytes`; `None` when they are too few.
    pub fn decode(bytes: &[u8]) -> Option<Header> {
        let bytes: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
        let (words, _) = bytes.as_chunks::<4>();
        let [first, connection, low, high, length, argument] = words else { return None };
        let first = u32::from_le_bytes(*first);
        Some(Header {
            kind: first as u8,
            flags: (first >> 8) as u8,
            connection: u32::from_le_bytes(*connection),
            stream: u64::from(u32::from_le_bytes(*low)) | u64::from(u32::from_le_bytes(*high)) << 32,
            length: u32::from_le_bytes(*length),
            argument: u32::from_le_bytes(*argument),
        })
    }
}

/// Length of a payload with its padding.
pub fn padded(length: usize) -> usize {
    (length + 7) & !7
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_survives_the_ring() {
        let header =
            Header { kind: 7, flags: FIN | LOCAL, connection: 0x8000_0001, stream: 1 << 53, length: 9, argument: 42 };
        assert_eq!(Header::decode(&header.encode()), Some(header));
        assert_eq!(Header::decode(&[0; HEADER_BYTES - 1]), None);
    }

    #[test]
    fn header_bytes_are_the_documented_ones() {
        let header = Header { kind: 1, flags: 2, connection: 3, stream: 0x0000_0005_0000_0004, length: 6, argument: 7 };
        let bytes = header.encode();
        assert_eq!(bytes, [1, 2, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0, 7, 0, 0, 0]);
    }
}
