//! A connection on which nothing happens.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::pair::{Limits, Pair, events};
use super::{Connection, Role, Sent, Settings};
use crate::send_batch::SendBatch;
use crate::stats::Shared;

#[test]
fn an_idle_connection_sleeps_until_its_keep_alive() {
    let (_rings, mut events) = events();
    let keep_alive = Duration::from_secs(10);
    let settings = Settings {
        handshake_timeout: Duration::from_secs(1),
        keep_alive: Some(keep_alive),
        initial_credit: 0,
        message_kind: 1,
        moves_by_itself: true,
        expired_code: 0x25,
        refusals: Default::default(),
        qlog: None,
    };
    let quic = Pair::new(Limits::default()).client;
    let role = Role::Accepted { listener: 1 };
    let started = Instant::now();
    let mut connection = Connection::new(1, quic, 0, role, Arc::new(settings), Arc::<Shared>::default());
    let mut now = started;
    for _ in 0..3 {
        now += Duration::from_millis(100);
        connection.on_deadline(now, &mut events);
        connection.process(&mut events);
        let sent = connection.transmit(&mut SendBatch::new(), &mut events, &mut Vec::new());
        assert_eq!(sent, Sent::Everything);
    }
    assert!(connection.deadline().is_some_and(|deadline| deadline >= started + keep_alive));
}
