//! The two rings between JavaScript's thread and the I/O thread: batches of commands down, batches of events up.
//! `record.rs` has their layout. Neither side ever waits for the other.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{BufMut, Bytes};

use crate::connection::dial::Dial;
use crate::endpoint::Endpoint;
use crate::record::{FIN, HEADER_BYTES, Header, event, padded};
use crate::strays::Lot;
use crate::wake::Waker;

/// Bytes of one batch, after which the next is begun. JavaScript's buffer holds a batch and the record that overflowed it.
const BATCH_BYTES: usize = 256 << 10;
/// Undrained bytes above which streams and datagrams stay in QUIC. Closes and resets always go through.
const THROTTLE_BYTES: usize = 8 << 20;
/// Emptied batches kept for reuse.
const SPARE_BATCHES: usize = 8;

/// Work for the I/O thread.
pub enum Input {
    /// Packets for connections of this thread that came to another one.
    Strays(Box<Lot>),
    /// Command records, as JavaScript submitted them.
    Commands(Bytes),
    /// A bound socket to serve.
    AddEndpoint(Box<Endpoint>),
    /// A connection to begin.
    Dial(Box<Dial>),
    /// Stop accepting on a listener; its socket closes with the last connection.
    CloseListener(u32),
    /// Close every connection and end the thread.
    Stop,
}

/// What both threads share.
pub struct Rings {
    inbox: Mutex<Vec<Input>>,
    inbox_length: AtomicUsize,
    /// Bytes of strays in `inbox`.
    stray_bytes: AtomicUsize,
    outbox: Mutex<Outbox>,
    outbox_bytes: AtomicUsize,
    notified: AtomicBool,
    /// The I/O thread wants to know when JavaScript has dealt with what it was given.
    is_awaited: AtomicBool,
    /// When JavaScript wants to be woken, in microseconds of the monotonic clock; 0 for never.
    alarm_us: AtomicU64,
    pub waker: Waker,
}

#[derive(Default)]
struct Outbox {
    batches: VecDeque<Vec<u8>>,
    spare: Vec<Vec<u8>>,
}

impl Rings {
    pub fn new() -> io::Result<Rings> {
        Ok(Rings {
            inbox: Mutex::default(),
            inbox_length: AtomicUsize::new(0),
            stray_bytes: AtomicUsize::new(0),
            outbox: Mutex::default(),
            outbox_bytes: AtomicUsize::new(0),
            notified: AtomicBool::new(false),
            is_awaited: AtomicBool::new(false),
            alarm_us: AtomicU64::new(0),
            waker: Waker::new()?,
        })
    }

    /// The side of JavaScript, or of another I/O thread: hand over work.
    pub fn push(&self, input: Input) {
        {
            let mut inbox = lock(&self.inbox);
            if let Input::Strays(lot) = &input {
                self.stray_bytes.fetch_add(lot.bytes.len(), SeqCst);
            }
            inbox.push(input);
            self.inbox_length.store(inbox.len(), SeqCst);
        }
        self.waker.wake();
    }

    /// JavaScript's side: it has dealt with all it was given, and asks for nothing.
    pub fn push_nothing(&self) {
        if self.is_awaited.load(SeqCst) {
            self.push(Input::Commands(Bytes::new()));
        }
    }

    /// The I/O thread's side: whether to be told of that.
    pub fn await_javascript(&self, is_awaited: bool) {
        self.is_awaited.store(is_awaited, SeqCst);
    }

    /// The I/O thread's side: everything that was handed over.
    pub fn take(&self) -> Vec<Input> {
        if !self.has_input() {
            return Vec::new();
        }
        let mut inbox = lock(&self.inbox);
        self.inbox_length.store(0, SeqCst);
        self.stray_bytes.store(0, SeqCst);
        std::mem::take(&mut *inbox)
    }

    /// How much other threads have handed over that was not taken yet, about.
    pub fn stray_bytes(&self) -> usize {
        self.stray_bytes.load(SeqCst)
    }

    pub fn has_input(&self) -> bool {
        self.inbox_length.load(SeqCst) != 0
    }

    /// JavaScript's side: be woken at that moment, and at none set before.
    pub fn set_alarm(&self, at_us: u64) {
        self.alarm_us.store(at_us, SeqCst);
        self.waker.wake();
    }

    /// The I/O thread's side: how long until the alarm, if one is set.
    pub fn alarm_after(&self, now_us: u64) -> Option<Duration> {
        match self.alarm_us.load(SeqCst) {
            0 => None,
            at_us => Some(Duration::from_micros(at_us.saturating_sub(now_us))),
        }
    }

    /// The I/O thread's side: whether the alarm is due; then it is set no more.
    pub fn take_alarm(&self, now_us: u64) -> bool {
        let at_us = self.alarm_us.load(SeqCst);
        at_us != 0 && at_us <= now_us && self.alarm_us.compare_exchange(at_us, 0, SeqCst, SeqCst).is_ok()
    }

    /// Whether JavaScript is so far behind that no more data is read for it.
    pub fn is_throttled(&self) -> bool {
        self.outbox_bytes.load(SeqCst) > THROTTLE_BYTES
    }

    /// JavaScript's side: copy as many whole batches as fit; returns the bytes copied.
    pub fn drain_into(&self, target: &mut [u8]) -> usize {
        // Before looking, so that a batch published meanwhile notifies again.
        self.notified.store(false, SeqCst);
        let mut copied = 0;
        {
            let mut outbox = lock(&self.outbox);
            while let Some(batch) = outbox.batches.front() {
                let Some(room) = target.get_mut(copied..copied + batch.len()) else { break };
                room.copy_from_slice(batch);
                copied += batch.len();
                if let Some(mut batch) = outbox.batches.pop_front()
                    && outbox.spare.len() < SPARE_BATCHES
                    && batch.capacity() <= 2 * BATCH_BYTES
                {
                    batch.clear();
                    outbox.spare.push(batch);
                }
            }
        }
        if copied > 0 {
            let before = self.outbox_bytes.fetch_sub(copied, SeqCst);
            if before > THROTTLE_BYTES {
                self.waker.wake();
            }
        }
        copied
    }
}

/// The writing end of the event ring, owned by the I/O thread.
pub struct Events {
    rings: std::sync::Arc<Rings>,
    notify: Box<dyn Fn() + Send>,
    current: Vec<u8>,
    /// Length of `current` up to its last complete record.
    complete: usize,
    full: Vec<Vec<u8>>,
    time_us: u64,
    written_time_us: u64,
}

impl Events {
    /// `notify` wakes JavaScript; it is called once per drained ring at most.
    pub fn new(rings: std::sync::Arc<Rings>, notify: Box<dyn Fn() + Send>) -> Events {
        Events { rings, notify, current: Vec::new(), complete: 0, full: Vec::new(), time_us: 0, written_time_us: 0 }
    }

    pub fn is_throttled(&self) -> bool {
        self.rings.is_throttled() || self.full.len() * BATCH_BYTES > THROTTLE_BYTES
    }

    /// Append a record.
    pub fn push(&mut self, header: Header, payload: &[u8]) {
        self.write_time();
        let header = Header { length: payload.len() as u32, ..header };
        self.current.extend_from_slice(&header.encode());
        self.current.extend_from_slice(payload);
        self.end_record();
    }

    /// Append a record whose payload is an error code or a time.
    pub fn push_number(&mut self, header: Header, number: u64) {
        self.push(header, &number.to_le_bytes());
    }

    /// Note the arrival time of the packets behind the next events. It is written in front of the first of them only:
    /// most packets are acknowledgements, which JavaScript need not be woken for.
    pub fn arrived(&mut self, time_us: u64) {
        self.time_us = time_us;
    }

    fn write_time(&mut self) {
        if self.written_time_us != self.time_us {
            self.written_time_us = self.time_us;
            self.current.extend_from_slice(&Header { stream: self.time_us, ..record(event::TIME, 0) }.encode());
        }
    }

    /// Append a DATA record, its payload written in place by `read`, which gets room for `limit` bytes and returns
    /// whether the stream ends. Nothing is appended when it fails.
    pub fn push_data<E>(
        &mut self,
        header: Header,
        limit: usize,
        read: impl FnOnce(bytes::buf::Limit<&mut Vec<u8>>) -> Result<(usize, bool), E>,
    ) -> Result<(usize, bool), E> {
        let (before, written_time_us) = (self.current.len(), self.written_time_us);
        self.write_time();
        let start = self.current.len();
        self.current.reserve(HEADER_BYTES + limit.min(4096) + 8);
        self.current.extend_from_slice(&[0; HEADER_BYTES]);
        match read((&mut self.current).limit(limit)) {
            Ok((length, finished)) if length > 0 || finished => {
                let flags = header.flags | if finished { FIN } else { 0 };
                let header = Header { length: length as u32, flags, ..header };
                if let Some(room) = self.current.get_mut(start..start + HEADER_BYTES) {
                    room.copy_from_slice(&header.encode());
                }
                self.end_record();
                Ok((length, finished))
            }
            nothing => {
                self.current.truncate(before);
                self.written_time_us = written_time_us;
                nothing
            }
        }
    }

    /// Make everything appended so far visible to JavaScript, and wake it if need be.
    pub fn publish(&mut self) {
        if self.current.is_empty() && self.full.is_empty() {
            return;
        }
        {
            let mut outbox = lock(&self.rings.outbox);
            let mut added = 0;
            for batch in self.full.drain(..) {
                added += batch.len();
                outbox.batches.push_back(batch);
            }
            added += self.current.len();
            match outbox.batches.back_mut() {
                Some(last) if last.len() + self.current.len() <= BATCH_BYTES => {
                    last.extend_from_slice(&self.current);
                    self.current.clear();
                }
                _ if self.current.is_empty() => {}
                _ => {
                    let next = outbox.spare.pop().unwrap_or_default();
                    outbox.batches.push_back(std::mem::replace(&mut self.current, next));
                }
            }
            self.complete = 0;
            self.rings.outbox_bytes.fetch_add(added, SeqCst);
        }
        self.wake();
    }

    /// Wake JavaScript, be there something to drain or not.
    pub fn wake(&self) {
        if !self.rings.notified.swap(true, SeqCst) {
            (self.notify)();
        }
    }

    /// Remove a record that a panic left unfinished.
    pub fn discard_partial(&mut self) {
        self.current.truncate(self.complete);
        self.written_time_us = 0;
    }

    /// What was appended since the last [`publish`](Self::publish), in bytes.
    pub fn waiting_bytes(&self) -> usize {
        self.current.len() + self.full.iter().map(Vec::len).sum::<usize>()
    }

    fn end_record(&mut self) {
        self.current.resize(padded(self.current.len()), 0);
        if self.current.len() >= BATCH_BYTES {
            self.full.push(std::mem::take(&mut self.current));
        }
        self.complete = self.current.len();
    }
}

/// A header of the given kind, everything else zero.
pub fn record(kind: u8, connection: u32) -> Header {
    Header { kind, flags: 0, connection, stream: 0, length: 0, argument: 0 }
}

/// A poisoned lock only means that another thread panicked; the queues stay consistent between statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
