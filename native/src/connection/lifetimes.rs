//! Streams that are worth nothing after a while: reset when they are not acknowledged by then.
//!
//! One queue by time for a connection, which joins its other deadlines. A stream that JavaScript has finished, and
//! whose last byte QUIC has taken, stays in the table until it is acknowledged or its time is over.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use quiche::Shutdown;

use crate::quic::Quic;
use crate::record::event;
use crate::ring::Events;

use super::streams::{StreamKey, Streams};

/// Moments at which streams expire, with their handles. A stream that has ended otherwise may still stand in it.
#[derive(Default)]
pub struct Lifetimes(BTreeSet<(Instant, u64)>);

impl Lifetimes {
    pub fn add(&mut self, handle: u64, lifetime_ms: u32) {
        self.0.insert((Instant::now() + Duration::from_millis(u64::from(lifetime_ms)), handle));
    }

    /// When the first of them expires.
    pub fn next(&self) -> Option<Instant> {
        self.0.first().map(|(at, _)| *at)
    }
}

/// What has become of a stream JavaScript is done with.
enum Fate {
    /// Something of it is not acknowledged.
    Pending,
    Delivered,
    /// The peer wants no more of it.
    Stopped(u64),
}

impl Streams {
    /// Forget the streams that were delivered, from the oldest to the first that was not: those behind it have time.
    pub fn settle_delivered(&mut self, quic: &mut Quic, events: &mut Events) {
        while let Some((at, handle)) = self.lifetimes.0.first().copied() {
            let key = StreamKey::Local(handle);
            match self.table.get(&key).filter(|stream| stream.expires) {
                Some(stream) if stream.sending.is_some() => return,
                Some(stream) => match fate(stream.id, quic) {
                    Fate::Pending => return,
                    fate => self.settle(key, fate, events),
                },
                None => {}
            }
            self.lifetimes.0.remove(&(at, handle));
        }
    }

    /// Reset the streams whose lifetime is over.
    pub fn expire(&mut self, now: Instant, quic: &mut Quic, events: &mut Events) {
        while let Some((at, handle)) = self.lifetimes.0.first().copied()
            && at <= now
        {
            self.lifetimes.0.remove(&(at, handle));
            let key = StreamKey::Local(handle);
            let Some(stream) = self.table.get(&key).filter(|stream| stream.expires) else { continue };
            let fate = if stream.sending.is_some() { Fate::Pending } else { fate(stream.id, quic) };
            self.settle(key, fate, events);
            if let Some(stream) = self.table.get_mut(&key) {
                let sending = stream.sending.take();
                if let Some(id) = stream.id {
                    let _ = quic.stream_shutdown(id, Shutdown::Write, self.expired_code);
                }
                self.report_written(key, sending.map_or(0, |sending| sending.queued_bytes()), events);
                events.push(key.event(event::EXPIRED, self.connection), &[]);
                self.remove_if_done(key);
            }
        }
    }

    /// A stream that is not pending any more is forgotten, and JavaScript is told why.
    fn settle(&mut self, key: StreamKey, fate: Fate, events: &mut Events) {
        let Some(stream) = self.table.get_mut(&key) else { return };
        stream.expires = false;
        match fate {
            Fate::Pending => return,
            Fate::Delivered => events.push(key.event(event::DELIVERED, self.connection), &[]),
            Fate::Stopped(code) => events.push_number(key.event(event::STOPPED, self.connection), code),
        }
        self.remove_if_done(key);
    }
}

/// quiche forgets a stream of one direction as soon as all of it is acknowledged, by the FIN rule together with its end.
fn fate(id: Option<u64>, quic: &mut Quic) -> Fate {
    match id.map(|id| quic.stream_capacity(id)) {
        Some(Err(quiche::Error::StreamStopped(code))) => Fate::Stopped(code),
        Some(Err(_)) => Fate::Delivered,
        _ => Fate::Pending,
    }
}
