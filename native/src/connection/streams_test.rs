//! Opening within the peer's credit, reading within ours, and packing messages, over connections in memory.

use std::time::Instant;

use bytes::Bytes;

use super::messages::Messages;
use super::pair::{Limits, Pair, data_of, drain, events, packets};
use super::streams::{StreamKey, Streams};
use crate::record::{BIDIRECTIONAL, FIN, Header, LOCAL, command, event};
use crate::ring::record;

const KIND: u8 = 0x4d;

fn open(handle: u64, flags: u8) -> Header {
    Header { flags: LOCAL | flags, stream: handle, ..record(command::OPEN, 1) }
}

fn kinds(records: &[(Header, Vec<u8>)]) -> Vec<(u8, u64)> {
    records.iter().map(|(header, _)| (header.kind, header.stream)).collect()
}

#[test]
fn streams_beyond_the_credit_wait_in_order_and_a_reset_one_never_opens() {
    let mut pair = Pair::new(Limits { streams: 1, ..Limits::default() });
    let (rings, mut events) = events();
    let mut streams = Streams::new(1, false, 1 << 16, 0x25);
    for handle in 1..=3 {
        streams.open(&open(handle, 0));
        streams.append(StreamKey::Local(handle), Bytes::from_static(b"x"), true, &mut events);
    }
    streams.reset(StreamKey::Local(2), 7, &mut pair.client, &mut events);
    let mut seen = Vec::new();
    for _ in 0..4 {
        streams.open_waiting(&mut pair.client, &mut events);
        streams.write_all(&mut pair.client, &mut events);
        pair.settle();
        for id in [2, 6, 10] {
            let mut bytes = Vec::new();
            if pair.server_reads(id, &mut bytes) {
                seen.push(id);
            }
        }
        pair.settle();
    }
    assert_eq!(seen, [2, 6], "the third stream takes the second id");
    let opened: Vec<_> =
        kinds(&drain(&rings, &mut events)).into_iter().filter(|(kind, _)| *kind == event::OPENED).collect();
    assert_eq!(opened, [(event::OPENED, 1), (event::OPENED, 3)]);
    assert!(streams.table.is_empty());
}

#[test]
fn a_stream_is_read_within_its_credit() {
    let mut pair = Pair::new(Limits::default());
    let (rings, mut events) = events();
    let mut streams = Streams::new(1, true, 10, 0x25);
    pair.client.stream_send(2, &[1; 25], true).unwrap();
    pair.settle();
    streams.read(&mut pair.server, &mut events);
    assert_eq!(data_of(&drain(&rings, &mut events), 2), (vec![1; 10], false));
    streams.read(&mut pair.server, &mut events);
    assert_eq!(drain(&rings, &mut events), []);
    streams.grant(StreamKey::Peer(2), 20);
    streams.read(&mut pair.server, &mut events);
    assert_eq!(data_of(&drain(&rings, &mut events), 2), (vec![1; 15], true));
    assert!(streams.table.is_empty());
}

#[test]
fn a_reset_is_reported_without_credit() {
    let mut pair = Pair::new(Limits::default());
    let (rings, mut events) = events();
    let mut streams = Streams::new(1, true, 4, 0x25);
    pair.client.stream_send(2, &[1; 25], false).unwrap();
    pair.settle();
    streams.read(&mut pair.server, &mut events);
    assert_eq!(data_of(&drain(&rings, &mut events), 2).0.len(), 4);
    pair.client.stream_shutdown(2, quiche::Shutdown::Write, 99).unwrap();
    pair.settle();
    streams.quiet.packet_arrived();
    streams.check_quiet(&mut pair.server, &mut events, Instant::now());
    streams.read(&mut pair.server, &mut events);
    let records = drain(&rings, &mut events);
    assert_eq!(kinds(&records), [(event::RESET, 2)]);
    assert_eq!(records[0].1, 99u64.to_le_bytes());
    assert!(streams.table.is_empty() && streams.starved.is_empty());
}

#[test]
fn an_end_is_reported_without_credit() {
    let mut pair = Pair::new(Limits::default());
    let (rings, mut events) = events();
    let mut streams = Streams::new(1, true, 4, 0x25);
    pair.client.stream_send(2, &[1; 4], false).unwrap();
    pair.settle();
    streams.read(&mut pair.server, &mut events);
    pair.client.stream_send(2, b"", true).unwrap();
    pair.settle();
    streams.read(&mut pair.server, &mut events);
    assert_eq!(data_of(&drain(&rings, &mut events), 2), (vec![1; 4], true));
    streams.read(&mut pair.server, &mut events);
    assert_eq!(drain(&rings, &mut events), [], "once");
}

#[test]
fn a_whole_stream_is_one_event_and_leaves_no_trace() {
    let mut pair = Pair::new(Limits::default());
    let (rings, mut events) = events();
    let mut streams = Streams::new(1, true, 1 << 16, 0x25);
    pair.client.stream_send(2, b"hello", true).unwrap();
    pair.settle();
    streams.read(&mut pair.server, &mut events);
    let records = drain(&rings, &mut events);
    assert_eq!(kinds(&records), [(event::DATA, 2)]);
    assert_eq!((records[0].0.flags, records[0].1.as_slice()), (FIN, &b"hello"[..]));
    assert!(streams.table.is_empty());
}

#[test]
fn the_peers_stop_drops_what_is_queued_and_reports_it() {
    let mut pair = Pair::new(Limits { stream_window: 100, ..Limits::default() });
    let (rings, mut events) = events();
    let mut streams = Streams::new(1, false, 1 << 16, 0x25);
    streams.open(&open(1, BIDIRECTIONAL));
    streams.open_waiting(&mut pair.client, &mut events);
    streams.append(StreamKey::Local(1), Bytes::from(vec![1; 500]), false, &mut events);
    streams.write_all(&mut pair.client, &mut events);
    pair.settle();
    pair.server.stream_shutdown(0, quiche::Shutdown::Read, 5).unwrap();
    pair.settle();
    streams.write_all(&mut pair.client, &mut events);
    let records = drain(&rings, &mut events);
    let written: u32 =
        records.iter().filter(|(header, _)| header.kind == event::WRITTEN).map(|(header, _)| header.argument).sum();
    assert_eq!(written, 500);
    let (stopped, payload) = records.last().unwrap();
    assert_eq!((stopped.kind, stopped.flags, stopped.stream), (event::STOPPED, LOCAL, 1));
    assert_eq!(payload.as_slice(), 5u64.to_le_bytes());
}

#[test]
fn the_peers_stop_is_noticed_whatever_was_left_to_write() {
    // From less than a window to more.
    for portions in 1..8 {
        let mut pair = Pair::new(Limits { stream_window: 5_000, ..Limits::default() });
        let (rings, mut events) = events();
        let mut streams = Streams::new(1, false, 1 << 16, 0x25);
        streams.open(&open(1, BIDIRECTIONAL));
        streams.open_waiting(&mut pair.client, &mut events);
        streams.append(StreamKey::Local(1), Bytes::from(vec![1; 50_000]), false, &mut events);
        for _ in 0..portions {
            streams.notice_writable(&mut pair.client);
            streams.write(&mut pair.client, &mut events, 1_000);
            pair.settle();
        }
        // With the end of the other half, and before the reset in return is acknowledged: then quiche forgets the stream.
        pair.server.stream_send(0, b"end", true).unwrap();
        pair.server.stream_shutdown(0, quiche::Shutdown::Read, 5).unwrap();
        let down = packets(&mut pair.server);
        pair.deliver_down(down);
        streams.quiet.packet_arrived();
        streams.check_quiet(&mut pair.client, &mut events, Instant::now());
        streams.read(&mut pair.client, &mut events);
        let records = drain(&rings, &mut events);
        let code = records.iter().find(|(header, _)| header.kind == event::STOPPED).map(|(_, code)| code.clone());
        assert_eq!(code, Some(5u64.to_le_bytes().to_vec()), "after {portions} portions");
        assert!(streams.table.is_empty());
    }
}

#[test]
fn the_peers_stop_is_noticed_while_nothing_is_written() {
    let mut pair = Pair::new(Limits::default());
    let (rings, mut events) = events();
    let mut streams = Streams::new(1, false, 1 << 16, 0x25);
    streams.open(&open(1, 0));
    streams.open_waiting(&mut pair.client, &mut events);
    streams.append(StreamKey::Local(1), Bytes::from_static(b"x"), false, &mut events);
    streams.write_all(&mut pair.client, &mut events);
    pair.settle();
    streams.write_all(&mut pair.client, &mut events);
    pair.server.stream_shutdown(2, quiche::Shutdown::Read, 5).unwrap();
    pair.settle();
    streams.quiet.packet_arrived();
    streams.check_quiet(&mut pair.client, &mut events, Instant::now());
    let records = drain(&rings, &mut events);
    assert_eq!(kinds(&records).last(), Some(&(event::STOPPED, 1)));
    assert!(streams.table.is_empty());
}

#[test]
fn the_peers_stops_of_many_streams_keep_their_codes() {
    const STREAMS: u64 = 300;
    let mut pair = Pair::new(Limits { streams: STREAMS, ..Limits::default() });
    let (rings, mut events) = events();
    let mut streams = Streams::new(1, false, 1 << 16, 0x25);
    for handle in 1..=STREAMS {
        streams.open(&open(handle, 0));
        streams.append(StreamKey::Local(handle), Bytes::from_static(b"x"), false, &mut events);
    }
    streams.open_waiting(&mut pair.client, &mut events);
    streams.write_all(&mut pair.client, &mut events);
    pair.settle();
    let now = Instant::now();
    streams.quiet.packet_arrived();
    streams.check_quiet(&mut pair.client, &mut events, now);
    for stream in 0..STREAMS {
        pair.server.stream_shutdown(4 * stream + 2, quiche::Shutdown::Read, 5).unwrap();
    }
    // Each packet of the peer's, and what is sent in return: as much as takes no time.
    for packet in packets(&mut pair.server) {
        pair.deliver_down(vec![packet]);
        streams.quiet.packet_arrived();
        streams.check_quiet(&mut pair.client, &mut events, now);
        pair.settle();
    }
    let stopped: Vec<_> =
        drain(&rings, &mut events).into_iter().filter(|(header, _)| header.kind == event::STOPPED).collect();
    assert_eq!(stopped.len() as u64, STREAMS);
    assert!(stopped.iter().all(|(_, code)| *code == 5u64.to_le_bytes()));
    assert!(streams.table.is_empty());
}

#[test]
fn messages_share_a_packet_and_arrive_behind_their_lengths() {
    let mut pair = Pair::new(Limits::default());
    let (rings, mut events) = events();
    let mut sender = Streams::new(1, false, 0, 0x25);
    let mut receiver = Streams::new(1, true, 1 << 20, 0x25);
    let mut messages = Messages::new(KIND);
    for _ in 0..30 {
        messages.push(&[7; 64]);
    }
    let mut packed = 0;
    while messages.pack(&mut pair.client, usize::MAX, &mut sender, false) > 0 {
        packed += 1;
    }
    // 66 bytes each with their length, and 1,200 bytes a packet before the path has been probed.
    assert_eq!(packed, 2);
    pair.settle();
    receiver.read(&mut pair.server, &mut events);
    let records = drain(&rings, &mut events);
    let blocks: Vec<_> = records.iter().map(|(header, payload)| (header.flags, payload.len() % 66)).collect();
    assert_eq!(blocks, [(FIN, 1), (FIN, 1)]);
    assert!(records.iter().all(|(_, payload)| payload[..3] == [KIND, 0x40, 64]));
    messages.report(1, &mut events);
    assert_eq!(drain(&rings, &mut events)[0].0.argument, 30 * 64);
}

#[test]
fn a_message_larger_than_the_window_travels_in_parts() {
    let mut pair = Pair::new(Limits { stream_window: 2000, ..Limits::default() });
    let (rings, mut events) = events();
    let mut sender = Streams::new(1, false, 0, 0x25);
    let mut receiver = Streams::new(1, true, 1 << 20, 0x25);
    let mut messages = Messages::new(KIND);
    messages.push(&[7; 9000]);
    assert!(messages.pack(&mut pair.client, usize::MAX, &mut sender, false) > 0);
    let mut bytes = Vec::new();
    let mut finished = false;
    for _ in 0..20 {
        pair.settle();
        receiver.read(&mut pair.server, &mut events);
        let (more, end) = data_of(&drain(&rings, &mut events), 2);
        bytes.extend(more);
        finished |= end;
        pair.settle();
        sender.write_all(&mut pair.client, &mut events);
    }
    assert_eq!((bytes.len(), finished), (1 + 2 + 9000, true));
    assert!(sender.table.is_empty());
}
