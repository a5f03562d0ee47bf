//! Writing streams into QUIC, by the FIN rule.
//!
//! quiche 0.30 forgets a stream as soon as all of its *bytes* are acknowledged: a FIN that left on its own is never
//! repeated when it is lost, and one that is still queued is never sent. So the last bytes and the FIN always go in
//! one `stream_send`; what a short write leaves over is written again together with the FIN.

use crate::quic::Quic;
use crate::record::event;
use crate::ring::Events;

use super::streams::{StreamKey, Streams};

/// Bytes a stream may write before the next has its turn.
const TURN_BYTES: usize = 64 << 10;
/// Every so many rounds a stream that more urgent ones hold back may write so much before them. Urgent streams that want
/// all there is would starve the others: events for example, and what tells the peer to slow down.
const TRICKLE_ROUNDS: u32 = 4;
const TRICKLE_BYTES: usize = 1200;

enum Turn {
    /// Nothing left to write, or the stream is gone.
    Done,
    /// The stream has more, and QUIC took all it was offered.
    More,
    /// QUIC takes no more for now, and says when it does.
    Blocked,
}

impl Streams {
    /// Look which streams QUIC takes more of.
    pub fn notice_writable(&mut self, quic: &mut Quic) {
        while let Some(id) = quic.stream_writable_next() {
            // Also those with nothing to write: this is how QUIC tells that the peer has stopped one.
            if let Some(key) = self.key_of(id) {
                self.mark_ready(key);
            }
        }
    }

    /// Write what QUIC takes, at most `most` bytes, stream by stream in turns; returns how many it took.
    pub fn write(&mut self, quic: &mut Quic, events: &mut Events, most: usize) -> usize {
        let mut budget = most;
        self.rounds = self.rounds.wrapping_add(1);
        if self.rounds.is_multiple_of(TRICKLE_ROUNDS)
            && budget > 0
            && let Some(key) = self.ready.pop_held_back()
        {
            let mut share = TRICKLE_BYTES.min(budget);
            budget -= share;
            self.take_turn(key, quic, events, &mut share);
            budget += share;
        }
        while budget > 0
            && let Some(key) = self.ready.pop()
        {
            self.take_turn(key, quic, events, &mut budget);
        }
        most - budget
    }

    fn take_turn(&mut self, key: StreamKey, quic: &mut Quic, events: &mut Events, budget: &mut usize) {
        if let Some(sending) = self.table.get_mut(&key).and_then(|stream| stream.sending.as_mut()) {
            sending.queued = false;
        }
        if let Turn::More = self.write_stream(key, quic, events, budget) {
            self.mark_ready(key);
        }
    }

    fn write_stream(&mut self, key: StreamKey, quic: &mut Quic, events: &mut Events, budget: &mut usize) -> Turn {
        let Some(stream) = self.table.get_mut(&key) else { return Turn::Done };
        let (Some(id), Some(sending)) = (stream.id, stream.sending.as_mut()) else { return Turn::Done };
        let mut written = 0;
        let mut finished = false;
        let mut stopped = None;
        let turn = loop {
            let is_last = sending.chunks.len() == 1;
            let Some(chunk) = sending.chunks.front_mut() else {
                if sending.finish {
                    // Only a stream that carried nothing ends like this.
                    finished = quic.stream_send(id, &[], true).is_ok();
                } else if let Err(quiche::Error::StreamStopped(code)) = quic.stream_capacity(id) {
                    stopped = Some(code);
                }
                break Turn::Done;
            };
            if written >= TURN_BYTES.min(*budget) {
                break Turn::More;
            }
            let room = *budget - written;
            let (offered, is_whole) =
                if chunk.len() > room { (chunk.slice(..room), false) } else { (chunk.clone(), true) };
            let length = offered.len();
            match quic.stream_send_zc(id, offered, sending.finish && is_last && is_whole) {
                Ok((taken, _)) if taken < chunk.len() => {
                    sending.begun |= taken > 0;
                    written += taken;
                    let _ = chunk.split_to(taken);
                    break if taken < length { Turn::Blocked } else { Turn::More };
                }
                Ok((taken, _)) => {
                    sending.begun = true;
                    written += taken;
                    sending.chunks.pop_front();
                    if sending.finish && is_last {
                        finished = true;
                        break Turn::Done;
                    }
                }
                Err(quiche::Error::Done) => break Turn::Blocked,
                Err(quiche::Error::StreamStopped(code)) => {
                    stopped = Some(code);
                    break Turn::Done;
                }
                Err(_) => {
                    // Stopped so long ago that quiche has forgotten it, and the code.
                    stopped = Some(0);
                    break Turn::Done;
                }
            }
        };
        *budget = budget.saturating_sub(written);
        if finished || stopped.is_some() {
            self.end_sending(key, stopped, written, events);
        } else {
            self.report_written(key, written, events);
        }
        turn
    }

    /// The sending half is done: finished, or `stopped` by the peer with a code. What is still queued is dropped, and
    /// reported together with what was `written`.
    pub fn end_sending(&mut self, key: StreamKey, stopped: Option<u64>, written: usize, events: &mut Events) {
        let sending = self.table.get_mut(&key).and_then(|stream| stream.sending.take());
        let dropped = sending.map_or(0, |sending| sending.queued_bytes());
        self.report_written(key, written + dropped, events);
        if let Some(code) = stopped
            && !matches!(key, StreamKey::Packed(_))
        {
            events.push_number(key.event(event::STOPPED, self.connection), code);
        }
        self.remove_if_done(key);
    }
}
