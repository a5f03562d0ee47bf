//! Datagrams out: queued until a packet has room, expired when they are too old, and reported when they left.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::quic::Quic;
use crate::record::{Header, event};
use crate::ring::{Events, record};

/// What may wait for the network; beyond it the oldest datagrams go, being the least useful.
const MAX_QUEUED: usize = 1024;
const MAX_QUEUED_BYTES: usize = 1 << 20;

struct Datagram {
    bytes: Bytes,
    /// Report id, 0 for none.
    id: u64,
    expires: Option<Instant>,
}

/// The queue of one connection.
pub struct Datagrams {
    connection: u32,
    queue: VecDeque<Datagram>,
    queued_bytes: usize,
    /// Report ids of the datagrams that quiche holds, in its order.
    held: VecDeque<u64>,
}

impl Datagrams {
    pub fn new(connection: u32) -> Datagrams {
        Datagrams { connection, queue: VecDeque::new(), queued_bytes: 0, held: VecDeque::new() }
    }

    pub fn push(&mut self, bytes: Bytes, id: u64, expiry_ms: u32, events: &mut Events) {
        let expires = (expiry_ms > 0).then(|| Instant::now() + Duration::from_millis(u64::from(expiry_ms)));
        self.queued_bytes += bytes.len();
        self.queue.push_back(Datagram { bytes, id, expires });
        while self.queue.len() > MAX_QUEUED || self.queued_bytes > MAX_QUEUED_BYTES {
            self.drop_front(events);
        }
    }

    /// When the oldest datagram expires.
    pub fn next_expiry(&self) -> Option<Instant> {
        self.queue.front()?.expires
    }

    pub fn drop_expired(&mut self, now: Instant, events: &mut Events) {
        while self.next_expiry().is_some_and(|expires| expires <= now) {
            self.drop_front(events);
        }
    }

    /// Give quiche what fits into the next packet, no more: what it holds can no longer expire.
    pub fn feed(&mut self, quic: &mut Quic, events: &mut Events, now: Instant) {
        if self.queue.is_empty() || quic.dgram_send_queue_len() > 0 {
            return;
        }
        self.drop_expired(now, events);
        let Some(mut room) = quic.dgram_max_writable_len() else {
            // The peer takes no datagrams at all.
            while !self.queue.is_empty() {
                self.drop_front(events);
            }
            return;
        };
        while let Some(datagram) = self.queue.front() {
            let length = datagram.bytes.len();
            if length > room {
                if quic.dgram_max_writable_len().is_some_and(|most| length > most) {
                    self.drop_front(events);
                    continue;
                }
                return;
            }
            let Some(datagram) = self.queue.pop_front() else { return };
            self.queued_bytes -= length;
            if quic.dgram_send_buf(datagram.bytes.into()).is_ok() {
                self.held.push_back(datagram.id);
            } else {
                self.report(datagram.id, 0, events);
            }
            // Each has a frame header of its own: type and length.
            room = room.saturating_sub(length + 3);
        }
    }

    /// Report ids of the datagrams that went into the packet quiche has just made.
    pub fn take_sent(&mut self, quic: &Quic) -> impl Iterator<Item = u64> {
        let sent = self.held.len().saturating_sub(quic.dgram_send_queue_len());
        self.held.drain(..sent).filter(|id| *id != 0)
    }

    fn drop_front(&mut self, events: &mut Events) {
        if let Some(datagram) = self.queue.pop_front() {
            self.queued_bytes -= datagram.bytes.len();
            self.report(datagram.id, 0, events);
        }
    }

    fn report(&self, id: u64, departure_us: u64, events: &mut Events) {
        if id != 0 {
            report_departure(self.connection, id, departure_us, events);
        }
    }
}

/// Tell JavaScript when a datagram left, or with 0 that it did not.
pub fn report_departure(connection: u32, id: u64, departure_us: u64, events: &mut Events) {
    events.push_number(Header { stream: id, ..record(event::DATAGRAM_SENT, connection) }, departure_us);
}
