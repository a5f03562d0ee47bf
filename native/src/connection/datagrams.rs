//! Datagrams out: queued until a packet has room, the more urgent first, expired when they are too old, and reported
//! when they left.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::quic::{Quic, datagram_room};
use crate::record::{Header, event};
use crate::ring::{Events, record};

use super::urgency::{ByUrgency, Urgency};

/// What may wait for the network; beyond it the oldest of the least urgent datagrams go, being the least useful.
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
    queue: ByUrgency<Datagram>,
    queued_bytes: usize,
    /// None of the queue expires before this moment.
    earliest: Option<Instant>,
    /// Report ids of the datagrams that quiche holds, in its order.
    held: VecDeque<u64>,
}

impl Datagrams {
    pub fn new(connection: u32) -> Datagrams {
        Datagrams { connection, queue: ByUrgency::default(), queued_bytes: 0, earliest: None, held: VecDeque::new() }
    }

    pub fn push(&mut self, bytes: Bytes, id: u64, expiry_ms: u32, urgency: Urgency, events: &mut Events) {
        let expires = (expiry_ms > 0).then(|| Instant::now() + Duration::from_millis(u64::from(expiry_ms)));
        self.earliest = [self.earliest, expires].into_iter().flatten().min();
        self.queued_bytes += bytes.len();
        self.queue.push(urgency, Datagram { bytes, id, expires });
        while self.queue.len() > MAX_QUEUED || self.queued_bytes > MAX_QUEUED_BYTES {
            let Some(datagram) = self.queue.pop_least() else { return };
            self.discard(&datagram, events);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// When to look for datagrams that have expired.
    pub fn next_expiry(&self) -> Option<Instant> {
        self.earliest
    }

    /// Drop what has expired, wherever it stands: behind urgent datagrams that live long, too.
    pub fn drop_expired(&mut self, now: Instant, events: &mut Events) {
        if self.earliest.is_none_or(|earliest| earliest > now) {
            return;
        }
        self.earliest = None;
        let Datagrams { connection, queue, queued_bytes, earliest, .. } = self;
        queue.retain(|datagram| {
            let Some(expires) = datagram.expires else { return true };
            if expires > now {
                *earliest = Some(earliest.map_or(expires, |earliest| earliest.min(expires)));
                return true;
            }
            *queued_bytes -= datagram.bytes.len();
            report(*connection, datagram.id, 0, events);
            false
        });
    }

    /// Give quiche what fits into the next packet, of `packet_bytes` at most, no more: what it holds can no longer expire.
    pub fn feed(&mut self, quic: &mut Quic, packet_bytes: usize, events: &mut Events, now: Instant) {
        if self.queue.is_empty() || quic.dgram_send_queue_len() > 0 {
            return;
        }
        self.drop_expired(now, events);
        let Some(most) = datagram_room(quic, packet_bytes) else {
            // The peer takes no datagrams at all.
            while let Some(datagram) = self.queue.pop_front() {
                self.discard(&datagram, events);
            }
            return;
        };
        let mut room = most;
        while let Some(next) = self.queue.front() {
            let length = next.bytes.len();
            let is_too_large = length > most;
            if length > room && !is_too_large {
                return;
            }
            let Some(datagram) = self.queue.pop_front() else { return };
            if is_too_large {
                self.discard(&datagram, events);
                continue;
            }
            self.queued_bytes -= length;
            if quic.dgram_send_buf(datagram.bytes.into()).is_ok() {
                self.held.push_back(datagram.id);
            } else {
                report(self.connection, datagram.id, 0, events);
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

    /// Hold no memory that nothing is in.
    pub fn shrink(&mut self) {
        self.queue.shrink();
        self.held.shrink_to_fit();
    }

    fn discard(&mut self, datagram: &Datagram, events: &mut Events) {
        self.queued_bytes -= datagram.bytes.len();
        report(self.connection, datagram.id, 0, events);
    }
}

fn report(connection: u32, id: u64, departure_us: u64, events: &mut Events) {
    if id != 0 {
        report_departure(connection, id, departure_us, events);
    }
}

/// Tell JavaScript when a datagram left, or with 0 that it did not.
pub fn report_departure(connection: u32, id: u64, departure_us: u64, events: &mut Events) {
    events.push_number(Header { stream: id, ..record(event::DATAGRAM_SENT, connection) }, departure_us);
}

#[cfg(test)]
mod tests {
    use super::super::pair::{drain, events};
    use super::*;
    use crate::record::URGENCY_SHIFT;
    use crate::ring::Rings;

    fn urgency(level: u8) -> Urgency {
        Urgency::of_flags(level << URGENCY_SHIFT)
    }

    /// Ids of the datagrams reported as dropped.
    fn dropped(rings: &Rings, events: &mut Events) -> Vec<u64> {
        let records = drain(rings, events);
        assert!(records.iter().all(|(header, at)| header.kind == event::DATAGRAM_SENT && at == &0u64.to_le_bytes()));
        records.iter().map(|(header, _)| header.stream).collect()
    }

    fn rest(datagrams: &mut Datagrams) -> Vec<u64> {
        std::iter::from_fn(|| datagrams.queue.pop_front()).map(|datagram| datagram.id).collect()
    }

    #[test]
    fn expired_ones_are_dropped_wherever_they_stand() {
        let (rings, mut events) = events();
        let mut datagrams = Datagrams::new(1);
        for (id, expiry_ms, level) in [(1, 0, 0), (2, 50, 3), (3, 20, 3), (4, 80, 0), (5, 30, 7)] {
            datagrams.push(Bytes::from_static(b"x"), id, expiry_ms, urgency(level), &mut events);
        }
        let first = datagrams.next_expiry().unwrap();
        datagrams.drop_expired(first - Duration::from_millis(1), &mut events);
        assert_eq!(dropped(&rings, &mut events), [0; 0]);
        datagrams.drop_expired(first + Duration::from_millis(15), &mut events);
        assert_eq!(dropped(&rings, &mut events), [3, 5]);
        let next = datagrams.next_expiry().unwrap();
        assert!(next > first + Duration::from_millis(15) && next < first + Duration::from_millis(50));
        assert_eq!(datagrams.queued_bytes, 3);
        assert_eq!(rest(&mut datagrams), [1, 4, 2]);
    }

    #[test]
    fn beyond_the_bound_the_oldest_of_the_least_urgent_go() {
        let (rings, mut events) = events();
        let mut datagrams = Datagrams::new(1);
        for id in 1..=1024 {
            datagrams.push(Bytes::from_static(b"x"), id, 0, urgency((id % 7) as u8), &mut events);
        }
        for id in 1025..=1027 {
            datagrams.push(Bytes::from_static(b"x"), id, 0, urgency(0), &mut events);
        }
        assert_eq!(dropped(&rings, &mut events), [6, 13, 20]);
        datagrams.push(Bytes::from(vec![0; MAX_QUEUED_BYTES]), 1028, 0, urgency(0), &mut events);
        assert_eq!(rest(&mut datagrams), [1028]);
    }
}
