//! What quiche does with paths by itself, and what `paths.rs` adds to that.

use std::net::SocketAddr;
use std::time::Instant;

use super::pair::{Limits, Packet, Pair, client_address, packets, server_address};
use super::path_response::PathResponse;
use super::paths::send_for;

/// Of the server.
const STREAM: u64 = 1;
const BYTES: usize = 10_000;

fn elsewhere() -> SocketAddr {
    ([127, 0, 0, 2], 3000).into()
}

/// Exchange packets until both are silent; the server sees the client elsewhere, which that does not notice.
fn settle_elsewhere(pair: &mut Pair) {
    loop {
        let up = packets(&mut pair.client);
        let is_silent = up.is_empty();
        deliver_from_elsewhere(pair, up);
        let down = packets(&mut pair.server);
        if is_silent && down.is_empty() {
            return;
        }
        pair.deliver_down(down);
    }
}

fn deliver_from_elsewhere(pair: &mut Pair, packets: Vec<Packet>) {
    for mut packet in packets {
        pair.server.recv(&mut packet, quiche::RecvInfo { from: elsewhere(), to: server_address() }).unwrap();
    }
}

/// Bytes of the server's stream that have arrived.
fn arrived(pair: &mut Pair) -> usize {
    pair.client.stream_recv(STREAM, &mut [0; 2 * BYTES]).map_or(0, |(length, _)| length)
}

#[test]
fn one_packet_of_a_path_that_was_left_has_all_of_it_sent_again() {
    let mut pair = Pair::new(Limits::default());
    pair.client.new_scid(&quiche::ConnectionId::from_ref(&[3; 16]), 3, false).unwrap();
    pair.settle();
    pair.server.stream_send(STREAM, &[7; BYTES], true).unwrap();
    assert!(packets(&mut pair.server).len() > 5, "all of these are lost");
    pair.client.send_ack_eliciting().unwrap();
    settle_elsewhere(&mut pair);
    assert_eq!(pair.server.is_path_validated(server_address(), elsewhere()), Ok(true));
    assert_eq!(arrived(&mut pair), 0);
    let mut slot = [0; 1500];
    let length = send_for(&mut pair.server, (server_address(), client_address()), &mut slot).unwrap();
    pair.deliver_down(vec![slot[..length].to_vec()]);
    settle_elsewhere(&mut pair);
    assert_eq!(arrived(&mut pair), BYTES);
}

/// Have the server challenge the client, which has sent something from elsewhere.
fn challenge(pair: &mut Pair) {
    pair.client.new_scid(&quiche::ConnectionId::from_ref(&[3; 16]), 3, false).unwrap();
    pair.settle();
    pair.client.send_ack_eliciting().unwrap();
    let up = packets(&mut pair.client);
    deliver_from_elsewhere(pair, up);
    let down = packets(&mut pair.server);
    pair.deliver_down(down);
    assert_eq!(pair.client.stats().path_challenge_rx_count, 1);
}

#[test]
fn an_answer_to_a_challenge_waits_for_room_only_where_something_is_on_its_way() {
    let mut pair = Pair::new(Limits::default());
    challenge(&mut pair);
    let (mut idle, mut busy) = (PathResponse::default(), PathResponse::default());
    idle.note(&pair.client, true);
    assert!(!idle.waits(&pair.client, Instant::now()));
    pair.client.stream_send(0, &[7; BYTES], true).unwrap();
    assert!(packets(&mut pair.client).len() > 5);
    busy.note(&pair.client, true);
    assert!(busy.waits(&pair.client, Instant::now()));
}
