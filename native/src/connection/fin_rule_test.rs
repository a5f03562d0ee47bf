//! quiche 0.30 loses a FIN that travels apart from the last bytes (upstream issue 2525). These tests show that it does,
//! so that the rule can go when it no longer does, and that our writer is not affected.

use bytes::Bytes;

use super::pair::{Limits, Packet, Pair, events, packets};
use super::streams::{StreamKey, Streams};
use crate::quic::Quic;
use crate::record::{BIDIRECTIONAL, Header, LOCAL, command};
use crate::ring::{Events, record};

/// Client-initiated bidirectional and unidirectional streams (RFC 9000 §2.1).
const FIRST_IDS: [u64; 2] = [0, 2];

/// How a test writes the two halves of a stream, the second with its end.
trait Writer {
    fn first(&mut self, quic: &mut Quic, id: u64);
    fn last(&mut self, quic: &mut Quic, id: u64);
}

/// Bytes first, FIN afterwards: what the rule forbids.
struct Bare;

impl Writer for Bare {
    fn first(&mut self, quic: &mut Quic, id: u64) {
        quic.stream_send(id, b"first", false).unwrap();
    }
    fn last(&mut self, quic: &mut Quic, id: u64) {
        quic.stream_send(id, b"", true).unwrap();
    }
}

/// Our writer, which is given the last bytes together with the end.
struct Ours {
    streams: Streams,
    events: Events,
}

impl Ours {
    fn new() -> Ours {
        Ours { streams: Streams::new(1, false, 1 << 20, 0x25), events: events().1 }
    }

    fn append(&mut self, quic: &mut Quic, bytes: &'static [u8], finish: bool) {
        self.streams.append(StreamKey::Local(1), Bytes::from_static(bytes), finish, &mut self.events);
        self.streams.write_all(quic, &mut self.events);
    }
}

impl Writer for Ours {
    fn first(&mut self, quic: &mut Quic, id: u64) {
        let flags = LOCAL | if id & 2 == 0 { BIDIRECTIONAL } else { 0 };
        self.streams.open(&Header { flags, stream: 1, ..record(command::OPEN, 1) });
        self.streams.open_waiting(quic, &mut self.events);
        self.append(quic, b"first", false);
    }
    fn last(&mut self, quic: &mut Quic, _id: u64) {
        self.append(quic, b"last", true);
    }
}

/// The acknowledgement of all bytes so far is read between writing the end and sending it.
fn acknowledged_before_the_end_leaves(writer: &mut impl Writer, id: u64) -> bool {
    let mut pair = Pair::new(Limits::default());
    writer.first(&mut pair.client, id);
    let up = packets(&mut pair.client);
    pair.deliver_up(up);
    let answer = answer(&mut pair, id);
    writer.last(&mut pair.client, id);
    pair.deliver_down(answer);
    client_reads(&mut pair, id);
    ends(&mut pair, id)
}

/// The packet with the end is lost, everything before it is acknowledged.
fn the_end_is_lost(writer: &mut impl Writer, id: u64) -> bool {
    let mut pair = Pair::new(Limits::default());
    writer.first(&mut pair.client, id);
    let up = packets(&mut pair.client);
    pair.deliver_up(up);
    writer.last(&mut pair.client, id);
    drop(packets(&mut pair.client));
    let answer = answer(&mut pair, id);
    pair.deliver_down(answer);
    client_reads(&mut pair, id);
    ends(&mut pair, id)
}

/// The first bytes are lost; the end is written while the hole they left waits to be filled.
fn the_end_is_written_behind_a_hole(writer: &mut impl Writer, id: u64) -> bool {
    let mut pair = Pair::new(Limits::default());
    writer.first(&mut pair.client, id);
    drop(packets(&mut pair.client));
    pair.client_times_out();
    writer.last(&mut pair.client, id);
    let repeated = packets(&mut pair.client);
    pair.deliver_up(repeated);
    ends(&mut pair, id)
}

/// Packets of the server with its acknowledgement and, on a bidirectional stream, a complete answer: only a stream whose
/// other half has ended can be forgotten.
fn answer(pair: &mut Pair, id: u64) -> Vec<Packet> {
    if id & 2 == 0 {
        pair.server.stream_send(id, b"answer", true).unwrap();
    }
    packets(&mut pair.server)
}

fn client_reads(pair: &mut Pair, id: u64) {
    while pair.client.stream_recv(id, &mut [0; 100]).is_ok() {}
}

/// Whether the server learns of the end, after everything was repeated that ever will be.
fn ends(pair: &mut Pair, id: u64) -> bool {
    let mut bytes = Vec::new();
    for _ in 0..4 {
        pair.settle();
        if pair.server_reads(id, &mut bytes) {
            return true;
        }
        pair.client_times_out();
    }
    false
}

#[test]
fn bare_quiche_loses_an_end_sent_apart() {
    for id in FIRST_IDS {
        assert!(!acknowledged_before_the_end_leaves(&mut Bare, id), "acknowledged, stream {id}");
        assert!(!the_end_is_lost(&mut Bare, id), "lost, stream {id}");
    }
}

#[test]
fn our_writer_never_loses_the_end() {
    for id in FIRST_IDS {
        assert!(acknowledged_before_the_end_leaves(&mut Ours::new(), id), "acknowledged, stream {id}");
        assert!(the_end_is_lost(&mut Ours::new(), id), "lost, stream {id}");
        assert!(the_end_is_written_behind_a_hole(&mut Ours::new(), id), "hole, stream {id}");
    }
}

#[test]
fn a_short_write_repeats_the_rest_with_the_end() {
    let mut pair = Pair::new(Limits { stream_window: 1000, ..Limits::default() });
    let mut ours = Ours::new();
    ours.first(&mut pair.client, 2);
    let rest: &'static [u8] = Box::leak(vec![7; 5000].into_boxed_slice());
    ours.append(&mut pair.client, rest, true);
    let mut bytes = Vec::new();
    let mut finished = false;
    for _ in 0..20 {
        pair.settle();
        finished |= pair.server_reads(2, &mut bytes);
        pair.settle();
        ours.streams.write_all(&mut pair.client, &mut ours.events);
    }
    assert_eq!((bytes.len(), finished), (5 + 5000, true));
    assert!(ours.streams.table.is_empty(), "a finished stream leaves nothing behind");
}
