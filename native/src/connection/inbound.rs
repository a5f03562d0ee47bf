//! Reading streams out of QUIC, each within the credit JavaScript gave it.

use crate::quic::Quic;
use crate::record::event;
use crate::ring::Events;

use super::streams::{Receiving, Sending, Stream, StreamKey, Streams};

/// Payload of one event; a larger read makes several.
const CHUNK_BYTES: usize = 64 << 10;

impl Streams {
    /// Read everything that has arrived, as far as credit and the ring allow. Returns how many bytes that was if all of it was the rest of
    /// streams, otherwise 0.
    pub fn read(&mut self, quic: &mut Quic, events: &mut Events) -> usize {
        let before = events.waiting_bytes();
        let mut goes_on = false;
        for _ in 0..self.unread.len() {
            if events.is_throttled() {
                return 0;
            }
            // JavaScript may have stopped it since.
            if let Some(id) = self.unread.pop_front()
                && self.key_of(id).is_some_and(|key| self.table.contains_key(&key))
            {
                goes_on |= !self.read_stream(id, quic, events);
            }
        }
        while !events.is_throttled() {
            let Some(id) = quic.stream_readable_next() else {
                return if goes_on { 0 } else { events.waiting_bytes() - before };
            };
            goes_on |= !self.read_stream(id, quic, events);
        }
        0
    }

    /// True when it was read to its end.
    fn read_stream(&mut self, id: u64, quic: &mut Quic, events: &mut Events) -> bool {
        let Some(key) = self.key_of(id) else { return false };
        let mut credit = match self.table.get(&key) {
            Some(Stream { receiving: Some(receiving), .. }) => receiving.credit,
            Some(_) => return false,
            None => self.initial_credit,
        };
        let header = key.event(event::DATA, self.connection);
        let done = loop {
            if credit == 0 && quic.stream_readable_len(id, 1) > 0 {
                self.starved.insert(id);
                break false;
            }
            // Without credit there are no bytes here, so room for one lets only an end or a reset through.
            let room = CHUNK_BYTES.min(credit.max(1) as usize);
            match events.push_data(header, room, |target| quic.stream_recv_buf(id, target)) {
                Ok((_, true)) => break true,
                Ok((0, false)) => break false,
                Ok((length, false)) => {
                    credit = credit.saturating_sub(length as u64);
                    if events.is_throttled() {
                        self.unread.push_back(id);
                        break false;
                    }
                }
                Err(quiche::Error::StreamReset(code)) => {
                    events.push_number(key.event(event::RESET, self.connection), code);
                    break true;
                }
                Err(quiche::Error::Done) => break false,
                // Unknown to QUIC, which forgets a stream only after its end has been read.
                Err(_) => return false,
            }
        };
        self.keep(key, id, credit, done);
        done
    }

    /// Remember what is left of a stream. One that was read to its end in one go leaves no trace,
    /// unless it is to be answered.
    fn keep(&mut self, key: StreamKey, id: u64, credit: u64, done: bool) {
        if let Some(stream) = self.table.get_mut(&key) {
            stream.receiving = (!done).then_some(Receiving { credit });
            self.remove_if_done(key);
            return;
        }
        let is_bidirectional = id & 2 == 0;
        if !done || is_bidirectional {
            let sending = is_bidirectional.then(Sending::default);
            let receiving = (!done).then_some(Receiving { credit });
            self.table.insert(key, Stream { id: Some(id), sending, receiving, ..Stream::default() });
        }
    }
}
