//! Messages: queued until the connection may really send, then packed, as many as fit a packet, into one fresh
//! unidirectional stream each, written and finished in one call.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

use crate::quic::{CONNECTION_ID_BYTES, Quic, varint_length, write_varint};
use crate::record::{Header, event};
use crate::ring::{Events, record};

use super::streams::{Sending, Stream, StreamKey, Streams};

/// Packet number, AEAD tag (RFC 9001 §5.3), and a STREAM frame's type, offset 0 and length.
const PACKET_OVERHEAD_BYTES: usize = 1 + 4 + 16 + 1 + 1 + 2;
/// Room left for an ACK frame of a few ranges, when one is due.
const ACK_BYTES: usize = 32;
/// Emptied space at the front of the queue after which it is moved together.
const SHRINK_BYTES: usize = 64 << 10;

/// The queue of one connection.
pub struct Messages {
    /// First byte of each stream.
    kind: u8,
    /// Messages, each behind its length, as they go out.
    queue: BytesMut,
    /// Encoded lengths of the messages in `queue`, prefix included.
    lengths: VecDeque<u32>,
    /// A stream opened for the next pack; nothing of it is on the wire yet.
    next_stream: Option<u64>,
    /// Bytes of messages packed and not yet reported, without prefixes.
    packed_bytes: u32,
    /// Messages that wait for the end of the handshake.
    held: Vec<Bytes>,
}

impl Messages {
    pub fn new(kind: u8) -> Messages {
        Messages {
            kind,
            queue: BytesMut::new(),
            lengths: VecDeque::new(),
            next_stream: None,
            packed_bytes: 0,
            held: Vec::new(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    pub fn push(&mut self, message: &[u8]) {
        let start = self.queue.len();
        write_varint(&mut self.queue, message.len() as u64);
        self.queue.extend_from_slice(message);
        self.lengths.push_back((self.queue.len() - start) as u32);
    }

    /// Keep a message until [`release`](Self::release).
    pub fn hold(&mut self, message: Bytes) {
        self.held.push(message);
    }

    /// Let go what was held, in order.
    pub fn release(&mut self) {
        for message in std::mem::take(&mut self.held) {
            self.push(&message);
        }
    }

    /// Pack one stream for a packet of `packet_bytes` at most, if QUIC takes it whole; returns the bytes of it that it took.
    pub fn pack(&mut self, quic: &mut Quic, packet_bytes: usize, streams: &mut Streams, ack_due: bool) -> usize {
        if self.lengths.is_empty() {
            return 0;
        }
        let Some(id) = self.next_stream.or_else(|| streams.allocate_packed(quic)) else { return 0 };
        self.next_stream = Some(id);
        let overhead = PACKET_OVERHEAD_BYTES + CONNECTION_ID_BYTES + varint_length(id);
        let packet_bytes = quic.max_send_udp_payload_size().min(packet_bytes);
        let room = packet_bytes.saturating_sub(overhead + if ack_due { ACK_BYTES } else { 0 });
        let (count, length) = self.fitting(room);
        // A single message larger than a packet begins when there is room for one; the rest follows as credit comes.
        let needed = (1 + length).min(room).min(stream_window(quic));
        if !quic.stream_capacity(id).is_ok_and(|capacity| capacity >= needed) {
            return 0;
        }
        let mut block = Vec::with_capacity(1 + length);
        block.push(self.kind);
        block.extend_from_slice(self.queue.get(..length).unwrap_or(&[]));
        self.queue.advance(length);
        for encoded in self.lengths.drain(..count) {
            self.packed_bytes += encoded - prefix_length(encoded);
        }
        if self.queue.is_empty() && self.queue.capacity() > SHRINK_BYTES {
            self.queue = BytesMut::new();
        }
        self.next_stream = None;
        write(id, block.into(), quic, streams)
    }

    /// What streams may take of the connection's capacity: all but a share of at most one half for waiting messages.
    pub fn stream_budget(&mut self, quic: &mut Quic, streams: &mut Streams) -> usize {
        if self.lengths.is_empty() {
            return usize::MAX;
        }
        let Some(id) = self.next_stream.or_else(|| streams.allocate_packed(quic)) else { return usize::MAX };
        self.next_stream = Some(id);
        let capacity = quic.stream_capacity(id).unwrap_or(0);
        capacity - self.queue.len().min(capacity / 2)
    }

    /// How many messages, and bytes of them, go into the next stream: all that fit, but one in any case.
    fn fitting(&self, room: usize) -> (usize, usize) {
        let mut count = 0;
        let mut length = 0;
        for encoded in &self.lengths {
            let next = length + *encoded as usize;
            if count > 0 && 1 + next > room {
                break;
            }
            count += 1;
            length = next;
        }
        (count, length)
    }

    /// Hold no memory that nothing is in.
    pub fn shrink(&mut self) {
        if self.is_empty() {
            self.queue = BytesMut::new();
            self.lengths = VecDeque::new();
        }
    }

    /// Tell JavaScript how much has been packed since the last time.
    pub fn report(&mut self, connection: u32, events: &mut Events) {
        if self.packed_bytes > 0 {
            let argument = std::mem::take(&mut self.packed_bytes);
            events.push(Header { argument, ..record(event::MESSAGES_SENT, connection) }, &[]);
        }
    }
}

/// Bytes of the length in front of a message, told from both together.
fn prefix_length(encoded: u32) -> u32 {
    let encoded = u64::from(encoded);
    [1, 2, 4, 8].into_iter().find(|prefix| varint_length(encoded - prefix) as u64 == *prefix).unwrap_or(8) as u32
}

/// What the peer lets a fresh stream carry; waiting for more than that would be for ever.
fn stream_window(quic: &Quic) -> usize {
    let window = quic.peer_transport_params().map(|peer| peer.initial_max_stream_data_uni.min(peer.initial_max_data));
    window.map_or(usize::MAX, |bytes| bytes as usize).max(1)
}

/// Write a stream and its FIN at once; returns the bytes QUIC took. The others become an ordinary stream with the FIN to
/// come.
fn write(id: u64, block: Bytes, quic: &mut Quic, streams: &mut Streams) -> usize {
    let length = block.len();
    let taken = quic.stream_send_zc(id, block.clone(), true).map_or(0, |(taken, _)| taken);
    if taken < length {
        let chunks = VecDeque::from([block.slice(taken..)]);
        let key = StreamKey::Packed(id);
        let sending = Sending { chunks, finish: true, ..Sending::default() };
        streams.table.insert(key, Stream { id: Some(id), sending: Some(sending), ..Stream::default() });
        streams.mark_ready(key);
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_messages_as_fit_and_one_in_any_case() {
        let mut messages = Messages::new(1);
        for length in [63, 64, 40] {
            messages.push(&vec![7; length]);
        }
        assert_eq!(messages.lengths, [64, 66, 41]);
        assert_eq!(messages.fitting(1 + 64 + 66), (2, 130));
        assert_eq!(messages.fitting(64 + 66), (1, 64));
        assert_eq!(messages.fitting(10), (1, 64));
    }

    #[test]
    fn prefix_lengths_are_told_from_the_whole() {
        for message in [0u32, 1, 63, 64, 16_383, 16_384, 100_000] {
            let prefix = varint_length(u64::from(message)) as u32;
            assert_eq!(prefix_length(message + prefix), prefix, "message of {message} bytes");
        }
    }
}
