//! The streams of one connection: which there are, which wait for credit to open, and what JavaScript asks of them.

use std::collections::{HashMap, HashSet, VecDeque};

use bytes::Bytes;
use quiche::Shutdown;

use crate::quic::Quic;
use crate::record::{BIDIRECTIONAL, EARLY, Header, LOCAL, event};
use crate::ring::{Events, record};

use super::lifetimes::Lifetimes;
use super::quiet::QuietCheck;
use super::ready::{Patience, Ready};
use super::urgency::{ByUrgency, Urgency};

/// How a stream is named across the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamKey {
    /// Opened here, under JavaScript's handle.
    Local(u64),
    /// Opened by the peer, under its QUIC id.
    Peer(u64),
    /// Opened here for a message that is larger than a packet; JavaScript does not know it.
    Packed(u64),
}

impl StreamKey {
    /// The stream a command's header names.
    pub fn of(header: &Header) -> StreamKey {
        if header.flags & LOCAL != 0 { StreamKey::Local(header.stream) } else { StreamKey::Peer(header.stream) }
    }

    /// The header of an event about this stream.
    pub fn event(self, kind: u8, connection: u32) -> Header {
        match self {
            StreamKey::Local(handle) => Header { flags: LOCAL, stream: handle, ..record(kind, connection) },
            StreamKey::Peer(id) | StreamKey::Packed(id) => Header { stream: id, ..record(kind, connection) },
        }
    }
}

/// A stream with anything left to do. Each half goes when it is finished, reset or stopped; the stream with the last,
/// but one with a lifetime only when that is settled.
pub struct Stream {
    /// `None` while the stream waits for the peer's credit.
    pub id: Option<u64>,
    pub urgency: Urgency,
    /// It has a lifetime, and it is neither over nor known to have sufficed.
    pub expires: bool,
    /// It may open before the handshake is done.
    pub is_early: bool,
    pub sending: Option<Sending>,
    pub receiving: Option<Receiving>,
}

impl Default for Stream {
    fn default() -> Stream {
        Stream { id: None, urgency: Urgency::DEFAULT, expires: false, is_early: false, sending: None, receiving: None }
    }
}

/// The sending half.
#[derive(Default)]
pub struct Sending {
    pub chunks: VecDeque<Bytes>,
    /// The last chunk is the stream's last.
    pub finish: bool,
    /// The stream stands in [`Streams::ready`].
    pub queued: bool,
    /// QUIC has taken some of it.
    pub begun: bool,
}

impl Sending {
    pub fn queued_bytes(&self) -> usize {
        self.chunks.iter().map(Bytes::len).sum()
    }
}

/// The receiving half.
pub struct Receiving {
    /// Bytes JavaScript still takes.
    pub credit: u64,
}

/// Streams that wait for the peer's credit to open, and the number of the next.
#[derive(Default)]
struct Opening {
    waiting: ByUrgency<StreamKey>,
    next: u64,
}

pub struct Streams {
    pub connection: u32,
    is_server: bool,
    /// Until the handshake is done only streams open that may be early.
    pub only_early: bool,
    /// Credit of a stream of the peer from its start.
    pub initial_credit: u64,
    pub table: HashMap<StreamKey, Stream>,
    /// Handles by QUIC id of the streams opened here, for what QUIC reports about them.
    handles: HashMap<u64, u64>,
    bidirectional: Opening,
    unidirectional: Opening,
    /// Streams with something to write.
    pub ready: Ready,
    /// How often [`write`](Self::write) has been called.
    pub rounds: u32,
    /// Streams that expire.
    pub lifetimes: Lifetimes,
    /// Code of their resets.
    pub expired_code: u64,
    /// Streams to read again although QUIC has not reported them: they were short of credit, or the ring was full.
    pub unread: VecDeque<u64>,
    /// Streams whose credit is used up while data waits.
    pub starved: HashSet<u64>,
    pub quiet: QuietCheck,
}

impl Streams {
    pub fn new(connection: u32, is_server: bool, initial_credit: u64, expired_code: u64) -> Streams {
        Streams {
            connection,
            is_server,
            only_early: false,
            initial_credit,
            table: HashMap::new(),
            handles: HashMap::new(),
            bidirectional: Opening::default(),
            unidirectional: Opening::default(),
            ready: Ready::default(),
            rounds: 0,
            lifetimes: Lifetimes::default(),
            expired_code,
            unread: VecDeque::new(),
            starved: HashSet::new(),
            quiet: QuietCheck::default(),
        }
    }

    /// JavaScript opens a stream; it waits its turn until [`open_waiting`](Self::open_waiting).
    pub fn open(&mut self, header: &Header) {
        let key = StreamKey::Local(header.stream);
        let bidirectional = header.flags & BIDIRECTIONAL != 0;
        let urgency = Urgency::of_flags(header.flags);
        let receiving = bidirectional.then_some(Receiving { credit: self.initial_credit });
        // quiche tells whether everything is acknowledged by forgetting the stream, which one with an answer outlives.
        let expires = header.argument > 0 && !bidirectional;
        if expires {
            self.lifetimes.add(header.stream, header.argument);
        }
        let sending = Some(Sending::default());
        let is_early = header.flags & EARLY != 0;
        self.table.insert(key, Stream { id: None, urgency, expires, is_early, sending, receiving });
        let opening = if bidirectional { &mut self.bidirectional } else { &mut self.unidirectional };
        opening.waiting.push(urgency, key);
    }

    /// Give QUIC ids to waiting streams, the more urgent first, as far as the peer's credit goes.
    pub fn open_waiting(&mut self, quic: &mut Quic, events: &mut Events) {
        for bidirectional in [true, false] {
            while let Some(key) = self.next_waiting(bidirectional) {
                let urgency = self.table.get(&key).map_or(Urgency::DEFAULT, |stream| stream.urgency);
                let Some(id) = self.allocate(quic, bidirectional, urgency) else { break };
                self.waiting(bidirectional).pop_front();
                if let StreamKey::Local(handle) = key {
                    self.handles.insert(id, handle);
                }
                if let Some(stream) = self.table.get_mut(&key) {
                    stream.id = Some(id);
                }
                events.push(key.event(event::OPENED, self.connection), &[]);
                self.mark_ready(key);
            }
        }
    }

    fn waiting(&mut self, bidirectional: bool) -> &mut ByUrgency<StreamKey> {
        if bidirectional { &mut self.bidirectional.waiting } else { &mut self.unidirectional.waiting }
    }

    /// The first waiting stream that still exists, if it may open now; a stream reset meanwhile has left the table.
    fn next_waiting(&mut self, bidirectional: bool) -> Option<StreamKey> {
        loop {
            let key = *self.waiting(bidirectional).front()?;
            if let Some(stream) = self.table.get(&key) {
                return (stream.is_early || !self.only_early).then_some(key);
            }
            self.waiting(bidirectional).pop_front();
        }
    }

    /// The QUIC id of a new stream; `None` beyond the peer's credit.
    fn allocate(&mut self, quic: &mut Quic, bidirectional: bool, urgency: Urgency) -> Option<u64> {
        let left = if bidirectional { quic.peer_streams_left_bidi() } else { quic.peer_streams_left_uni() };
        if left == 0 {
            return None;
        }
        let opening = if bidirectional { &mut self.bidirectional } else { &mut self.unidirectional };
        // RFC 9000 §2.1: bit 0 is the initiator, bit 1 the direction.
        let id = opening.next << 2 | u64::from(!bidirectional) << 1 | u64::from(self.is_server);
        // This creates the stream in quiche.
        quic.stream_priority(id, urgency.for_quic(), true).ok()?;
        opening.next += 1;
        Some(id)
    }

    /// A unidirectional stream for packed messages; streams that wait for credit come first.
    pub fn allocate_packed(&mut self, quic: &mut Quic) -> Option<u64> {
        if self.next_waiting(false).is_some() { None } else { self.allocate(quic, false, Urgency::DEFAULT) }
    }

    /// The stream behind a QUIC id: `None` when it was opened here and JavaScript is done with it.
    pub fn key_of(&self, id: u64) -> Option<StreamKey> {
        let is_local = (id & 1 == 1) == self.is_server;
        if !is_local {
            Some(StreamKey::Peer(id))
        } else if let Some(handle) = self.handles.get(&id) {
            Some(StreamKey::Local(*handle))
        } else {
            Some(StreamKey::Packed(id)).filter(|key| self.table.contains_key(key))
        }
    }

    pub fn mark_ready(&mut self, key: StreamKey) {
        if let Some(Stream { id: Some(_), urgency, expires, sending: Some(sending), .. }) = self.table.get_mut(&key)
            && !sending.queued
        {
            sending.queued = true;
            let patience = match (*expires, sending.begun) {
                (false, _) => Patience::Lasting,
                (true, true) => Patience::Begun,
                (true, false) => Patience::Unbegun,
            };
            self.ready.push(key, *urgency, patience);
        }
    }

    /// JavaScript appends to a stream.
    pub fn append(&mut self, key: StreamKey, bytes: Bytes, finish: bool, events: &mut Events) {
        let Some(Stream { sending: Some(sending), .. }) = self.table.get_mut(&key) else {
            // Stopped by the peer meanwhile: the bytes have left the queue, if not for the network.
            self.report_written(key, bytes.len(), events);
            return;
        };
        if !bytes.is_empty() {
            sending.chunks.push_back(bytes);
        }
        sending.finish |= finish;
        self.mark_ready(key);
    }

    /// JavaScript abandons a sending half.
    pub fn reset(&mut self, key: StreamKey, code: u64, quic: &mut Quic, events: &mut Events) {
        let Some(stream) = self.table.get_mut(&key) else { return };
        let sending = stream.sending.take();
        if sending.is_none() && !std::mem::take(&mut stream.expires) {
            return;
        }
        stream.expires = false;
        match stream.id {
            Some(id) => {
                let _ = quic.stream_shutdown(id, Shutdown::Write, code);
                self.remove_if_done(key);
            }
            None => {
                self.table.remove(&key);
            }
        }
        self.report_written(key, sending.map_or(0, |sending| sending.queued_bytes()), events);
    }

    /// JavaScript takes no more of a receiving half.
    pub fn stop(&mut self, key: StreamKey, code: u64, quic: &mut Quic) {
        // A stream of the peer that was read completely has no entry, and nothing to stop.
        let Some(stream) = self.table.get_mut(&key) else { return };
        if stream.receiving.take().is_some()
            && let Some(id) = stream.id
        {
            let _ = quic.stream_shutdown(id, Shutdown::Read, code);
        }
        self.remove_if_done(key);
    }

    /// JavaScript takes more of a receiving half.
    pub fn grant(&mut self, key: StreamKey, bytes: u32) {
        if let Some(Stream { id, receiving: Some(receiving), .. }) = self.table.get_mut(&key) {
            receiving.credit = receiving.credit.saturating_add(u64::from(bytes));
            if let Some(id) = id {
                self.unread.push_back(*id);
            }
        }
    }

    /// Forget a stream whose halves are both done.
    pub fn remove_if_done(&mut self, key: StreamKey) {
        if let Some(Stream { id, expires: false, sending: None, receiving: None, .. }) = self.table.get(&key) {
            if let Some(id) = id {
                self.handles.remove(id);
            }
            self.table.remove(&key);
        }
    }

    /// Hold no memory that nothing is in.
    pub fn shrink(&mut self) {
        for sending in self.table.values_mut().filter_map(|stream| stream.sending.as_mut()) {
            sending.chunks.shrink_to_fit();
        }
        self.table.shrink_to_fit();
        self.handles.shrink_to_fit();
        self.bidirectional.waiting.shrink();
        self.unidirectional.waiting.shrink();
        self.ready.shrink();
        self.unread.shrink_to_fit();
        self.starved.shrink_to_fit();
    }

    /// Tell JavaScript that bytes left a stream's queue.
    pub fn report_written(&self, key: StreamKey, bytes: usize, events: &mut Events) {
        if bytes > 0 && !matches!(key, StreamKey::Packed(_)) {
            events.push(Header { argument: bytes as u32, ..key.event(event::WRITTEN, self.connection) }, &[]);
        }
    }
}
