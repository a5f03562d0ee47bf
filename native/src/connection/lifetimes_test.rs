//! Streams with a lifetime over connections in memory: what is lost is not sent again once they have expired.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::pair::{Limits, Packet, Pair, drain, events, packets};
use super::streams::{StreamKey, Streams};
use crate::record::{Header, LOCAL, command, event};
use crate::ring::{Events, Rings, record};

const CODE: u64 = 0x25;
const HANDLE: StreamKey = StreamKey::Local(1);
/// The stream's QUIC id (RFC 9000 §2.1).
const ID: u64 = 2;

struct Sender {
    pair: Pair,
    streams: Streams,
    rings: Arc<Rings>,
    events: Events,
}

impl Sender {
    fn new(limits: Limits) -> Sender {
        let (rings, events) = events();
        Sender { pair: Pair::new(limits), streams: Streams::new(1, false, 0, CODE), rings, events }
    }

    /// Open a stream that expires in a minute, as far as the clock of this test goes.
    fn open(&mut self, handle: u64) {
        let header = Header { flags: LOCAL, stream: handle, argument: 60_000, ..record(command::OPEN, 1) };
        self.streams.open(&header);
        self.streams.open_waiting(&mut self.pair.client, &mut self.events);
    }

    fn append(&mut self, handle: u64, bytes: &'static [u8], finish: bool) {
        self.streams.append(StreamKey::Local(handle), Bytes::from_static(bytes), finish, &mut self.events);
        self.streams.write_all(&mut self.pair.client, &mut self.events);
    }

    fn packets(&mut self) -> Vec<Packet> {
        packets(&mut self.pair.client)
    }

    fn expire(&mut self) {
        let now = Instant::now() + Duration::from_secs(61);
        self.streams.expire(now, &mut self.pair.client, &mut self.events);
    }

    fn settle_delivered(&mut self) {
        self.streams.settle_delivered(&mut self.pair.client, &mut self.events);
    }

    /// Kinds of the events since the last time, opening aside.
    fn told(&mut self) -> Vec<u8> {
        let records = drain(&self.rings, &mut self.events);
        assert!(records.iter().all(|(header, _)| header.flags == LOCAL));
        records.iter().map(|(header, _)| header.kind).filter(|kind| *kind != event::OPENED).collect()
    }

    /// What the server reads of the stream after everything was repeated that ever will be.
    fn outcome(&mut self) -> (Vec<u8>, quiche::Result<(usize, bool)>) {
        for _ in 0..4 {
            self.pair.settle();
            self.pair.client_times_out();
        }
        self.pair.settle();
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            match self.pair.server.stream_recv(ID, &mut chunk) {
                Ok((length, false)) => bytes.extend_from_slice(&chunk[..length]),
                end => return (bytes, end),
            }
        }
    }
}

#[test]
fn a_lost_last_packet_is_not_repeated_after_expiry_but_a_reset_is_sent() {
    let mut sender = Sender::new(Limits::default());
    sender.open(1);
    sender.append(1, b"frame", true);
    assert_eq!(sender.told(), [event::WRITTEN]);
    drop(sender.packets());
    sender.settle_delivered();
    sender.expire();
    assert_eq!(sender.told(), [event::EXPIRED]);
    assert!(sender.streams.table.is_empty() && sender.streams.lifetimes.next().is_none());
    assert_eq!(sender.outcome(), (vec![], Err(quiche::Error::StreamReset(CODE))));
}

#[test]
fn without_expiry_it_would_have_been_repeated() {
    let mut sender = Sender::new(Limits::default());
    sender.open(1);
    sender.append(1, b"frame", true);
    drop(sender.packets());
    let (bytes, end) = sender.outcome();
    assert_eq!((bytes.len(), end), (0, Ok((5, true))));
    sender.settle_delivered();
    assert_eq!(sender.told(), [event::WRITTEN, event::DELIVERED]);
}

#[test]
fn a_lost_reset_is_repeated() {
    let mut sender = Sender::new(Limits::default());
    sender.open(1);
    sender.append(1, b"frame", true);
    drop(sender.packets());
    sender.expire();
    drop(sender.packets());
    assert_eq!(sender.outcome(), (vec![], Err(quiche::Error::StreamReset(CODE))));
}

#[test]
fn bytes_that_quic_holds_are_not_sent_after_expiry() {
    let mut sender = Sender::new(Limits::default());
    sender.open(1);
    sender.append(1, b"begun", false);
    let first = sender.packets();
    sender.pair.deliver_up(first);
    sender.append(1, &[7; 9000], true);
    sender.expire();
    let (bytes, end) = sender.outcome();
    assert_eq!((bytes.len(), end), (0, Err(quiche::Error::StreamReset(CODE))));
    assert_eq!(sender.told(), [event::WRITTEN, event::WRITTEN, event::EXPIRED]);
}

#[test]
fn a_delivered_stream_is_reported_and_forgotten_at_once() {
    let mut sender = Sender::new(Limits::default());
    for handle in 1..=3 {
        sender.open(handle);
        sender.append(handle, b"frame", true);
    }
    sender.told();
    sender.settle_delivered();
    assert!(sender.told().is_empty());
    sender.pair.settle();
    for id in [2, 6, 10] {
        sender.pair.server_reads(id, &mut Vec::new());
    }
    sender.settle_delivered();
    assert_eq!(sender.told(), [event::DELIVERED; 3]);
    assert!(sender.streams.table.is_empty() && sender.streams.lifetimes.next().is_none());
    sender.expire();
    assert!(sender.told().is_empty());
}

#[test]
fn a_delivered_stream_behind_one_that_waits_is_reported_at_its_own_expiry() {
    let mut sender = Sender::new(Limits::default());
    sender.open(1);
    sender.append(1, b"open", false);
    sender.open(2);
    sender.append(2, b"done", true);
    sender.pair.settle();
    sender.settle_delivered();
    sender.told();
    sender.expire();
    assert_eq!(sender.told(), [event::EXPIRED, event::DELIVERED]);
    assert!(sender.streams.table.is_empty());
}

#[test]
fn a_stream_that_never_got_an_id_expires_with_what_was_queued() {
    let mut sender = Sender::new(Limits { streams: 1, ..Limits::default() });
    sender.open(1);
    sender.append(1, b"first", false);
    sender.open(2);
    sender.append(2, b"second", true);
    sender.told();
    sender.expire();
    assert_eq!(sender.told(), [event::EXPIRED, event::WRITTEN, event::EXPIRED]);
    assert!(sender.streams.table.is_empty());
}

#[test]
fn a_stop_of_the_peer_and_our_own_reset_end_the_lifetime() {
    let mut sender = Sender::new(Limits::default());
    sender.open(1);
    sender.append(1, b"frame", true);
    drop(sender.packets());
    sender.streams.reset(HANDLE, 7, &mut sender.pair.client, &mut sender.events);
    sender.told();
    sender.expire();
    assert!(sender.told().is_empty());
    assert_eq!(sender.outcome(), (vec![], Err(quiche::Error::StreamReset(7))));

    let mut sender = Sender::new(Limits::default());
    sender.open(1);
    sender.append(1, b"begun", false);
    let first = sender.packets();
    sender.pair.deliver_up(first);
    sender.append(1, b"frame", true);
    drop(sender.packets());
    sender.pair.server.stream_shutdown(ID, quiche::Shutdown::Read, 9).unwrap();
    let down = packets(&mut sender.pair.server);
    sender.pair.deliver_down(down);
    sender.told();
    sender.settle_delivered();
    assert_eq!(sender.told(), [event::STOPPED]);
    assert!(sender.streams.table.is_empty());
}
