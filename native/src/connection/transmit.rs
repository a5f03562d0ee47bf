//! Packets out: datagrams and messages join in as late as possible, the pacer is obeyed.

use std::time::{Duration, Instant};

use crate::ring::Events;
use crate::send_batch::SendBatch;

use super::Connection;
use super::paths::send_for;

/// Bytes a connection may send before the others have their turn.
const TURN_BYTES: usize = 256 << 10;
/// Packets may leave this much before their time, so that a timer releases several at once.
const PACING_SLACK: Duration = Duration::from_micros(200);
/// An acknowledgement may wait this long for the pacer; delayed further, it would slow the peer down.
const ACK_PATIENCE: Duration = Duration::from_millis(1);

/// Why a connection stopped sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Nothing more to send now.
    Everything,
    /// It was the others' turn.
    Turn,
    /// The batch is full and must be sent first.
    Full,
}

impl Connection {
    /// Make packets. `departures` receives the connection and report id of each datagram that went into one.
    pub fn transmit(&mut self, batch: &mut SendBatch, events: &mut Events, departures: &mut Vec<(u32, u64)>) -> Sent {
        if self.ending.is_lingering() {
            return self.repeat_close(batch);
        }
        let mut sent = self.fill(batch, events, departures);
        self.path_limited |= sent == Sent::Everything
            && !(self.streams.ready.is_empty() && self.messages.is_empty() && self.datagrams.is_empty());
        if sent == Sent::Everything && self.apply_requested_close() {
            self.release = None;
            sent = self.fill(batch, events, departures);
        }
        self.messages.report(self.id, events);
        // A client may send early data once its first packet is made.
        if sent == Sent::Everything && self.begins_early_data() { Sent::Turn } else { sent }
    }

    fn fill(&mut self, batch: &mut SendBatch, events: &mut Events, departures: &mut Vec<(u32, u64)>) -> Sent {
        let now = Instant::now();
        if self.path_response.waits(&self.quic, now) && self.quic.local_error().is_none() {
            return Sent::Everything;
        }
        if self.ack_delay.waits(now) && self.has_nothing_to_send() {
            return Sent::Everything;
        }
        self.ack_delay.ended();
        let mut bytes = 0;
        let mut was_empty = false;
        loop {
            if bytes > TURN_BYTES {
                return Sent::Turn;
            }
            if self.is_paced(now) {
                return Sent::Everything;
            }
            let Some(room) = self.amplification.room() else { return Sent::Everything };
            let Some(slot) = batch.slot() else { return Sent::Full };
            let most = self.paths.packet_bytes();
            let (slot, _) = slot.split_at_mut(room.min(slot.len()).min(most));
            if let Some((left, way)) = self.paths.take_due() {
                if let Some(length) = send_for(&mut self.quic, left, slot) {
                    batch.commit(self.moves.socket(way.0).unwrap_or(self.socket), length, way.0, way.1);
                    bytes += length;
                }
                continue;
            }
            if self.is_established {
                self.datagrams.feed(&mut self.quic, most, events, now);
            }
            if self.is_usable() {
                self.offer_streams(events);
                self.offer.given(self.messages.pack(&mut self.quic, most, &mut self.streams, self.ack_due));
            }
            let datagrams = self.quic.dgram_send_queue_len();
            match self.make_packet(slot) {
                Ok((length, info)) => {
                    batch.commit(self.moves.socket(info.from).unwrap_or(self.socket), length, info.from, info.to);
                    self.amplification.sent(length);
                    self.ack_due = false;
                    self.refresh_stats_after(now);
                    bytes += length;
                    // quiche puts no stream data beside a datagram.
                    if self.quic.dgram_send_queue_len() == datagrams {
                        self.offer.packet_made(length);
                    }
                    departures.extend(self.datagrams.take_sent(&self.quic).map(|id| (self.id, id)));
                }
                Err(quiche::Error::Done) => {
                    if self.streams.ready.is_empty() {
                        return Sent::Everything;
                    }
                    // Either the congestion window is full, or quiche was thought to hold more than it does. When it was
                    // the former after all, this costs one portion of order.
                    if bytes > 0 || was_empty || !self.offer.emptied() {
                        self.offer.recheck_after(now);
                        return Sent::Everything;
                    }
                    was_empty = true;
                }
                Err(error) => {
                    self.ending.failed(error);
                    if self.quic.close(false, 0x1, b"").is_err() {
                        return Sent::Everything;
                    }
                }
            }
        }
    }

    /// Whether there is nothing but an acknowledgement, as far as is known here.
    fn has_nothing_to_send(&self) -> bool {
        self.messages.is_empty()
            && self.streams.ready.is_empty()
            && self.datagrams.is_empty()
            && self.quic.dgram_send_queue_len() == 0
            && self.offer.is_spent()
            && !self.paths.is_probing()
            && self.quic.local_error().is_none()
    }

    /// quiche looks first at paths that are to be probed; one on which nothing may be sent must not hold up the others.
    fn make_packet(&mut self, slot: &mut [u8]) -> quiche::Result<(usize, quiche::SendInfo)> {
        let made = self.quic.send(slot);
        if matches!(made, Err(quiche::Error::Done))
            && self.paths.is_probing()
            && let Some((from, to)) = self.path()
        {
            return self.quic.send_on_path(slot, Some(from), Some(to));
        }
        made
    }

    /// Whether the next packet has to wait; then `release` says until when.
    fn is_paced(&mut self, now: Instant) -> bool {
        if self.quic.local_error().is_some() {
            return false;
        }
        let next = self.quic.get_next_release_time().and_then(|decision| decision.time(now));
        let patience = if self.ack_due { ACK_PATIENCE } else { Duration::ZERO };
        match next {
            Some(at) if at > now + PACING_SLACK && !(self.ack_due && at > now + patience) => {
                self.release = Some(at);
                true
            }
            _ => {
                self.release = None;
                false
            }
        }
    }

    fn repeat_close(&mut self, batch: &mut SendBatch) -> Sent {
        let Some((from, to)) = self.path() else { return Sent::Everything };
        let Some(packet) = self.ending.take_repeat() else { return Sent::Everything };
        let Some(slot) = batch.slot() else { return Sent::Full };
        if let Some(room) = slot.get_mut(..packet.len()) {
            room.copy_from_slice(packet);
            let length = packet.len();
            batch.commit(self.socket, length, from, to);
        }
        Sent::Everything
    }
}
