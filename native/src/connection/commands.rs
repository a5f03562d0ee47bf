//! What JavaScript asks of a connection.

use bytes::Bytes;

use crate::record::{EARLY, FIN, Header, command};
use crate::ring::Events;

use super::Connection;
use super::streams::StreamKey;
use super::urgency::Urgency;

/// A larger part of a submission keeps the whole submission alive; a smaller one is copied out of it.
const SHARED_FRACTION: usize = 4;

impl Connection {
    /// Carry out a command of JavaScript. `payload` is a part of `submission`.
    pub fn command(&mut self, header: &Header, payload: Bytes, submission: usize, events: &mut Events) {
        if self.ending.is_lingering() {
            return;
        }
        self.rest.touch();
        self.ack_delay.commanded();
        let key = StreamKey::of(header);
        match header.kind {
            command::WRITE => {
                let bytes = unshare(payload, submission);
                self.streams.append(key, bytes, header.flags & FIN != 0, events);
            }
            command::OPEN => self.streams.open(header),
            command::RESET => self.streams.reset(key, number(&payload), &mut self.quic, events),
            command::STOP => self.streams.stop(key, number(&payload), &mut self.quic),
            command::GRANT => self.streams.grant(key, header.argument),
            command::MESSAGE if self.streams.only_early && header.flags & EARLY == 0 => {
                self.messages.hold(unshare(payload, submission));
            }
            command::MESSAGE => self.messages.push(&payload),
            command::DATAGRAM => {
                let bytes = unshare(payload, submission);
                let urgency = Urgency::of_flags(header.flags);
                self.datagrams.push(bytes, header.stream, header.argument, urgency, events);
            }
            command::CLOSE => self.close(header.stream, &payload),
            _ => {}
        }
    }
}

/// The number in an 8-byte payload.
fn number(payload: &[u8]) -> u64 {
    payload.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// A small payload must not keep a large submission in memory until it is acknowledged.
fn unshare(payload: Bytes, submission: usize) -> Bytes {
    if payload.len() * SHARED_FRACTION >= submission { payload } else { Bytes::copy_from_slice(&payload) }
}
