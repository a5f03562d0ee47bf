//! From packets on a socket to connections, old and new.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::clock::now_us;
use crate::endpoint::{Endpoint, Listener};
use crate::front_door::Decision;
use crate::front_door::counters::Counter;
use crate::socket::ReceiveBuffers;
use crate::wake::RawFd;

use super::Driver;

/// Receive calls on one socket before the others have their turn.
const RECEIVE_ROUNDS: usize = 4;
/// Connections accepted here are numbered from this bit on, those JavaScript dials below it.
const ACCEPTED: u32 = 1 << 31;

impl Driver {
    /// Take in what has arrived.
    pub(super) fn receive(&mut self, buffers: &mut ReceiveBuffers) {
        let ready: Vec<RawFd> = self.poller.ready().collect();
        for fd in ready {
            // Out of the table for the while: routing a packet needs the rest of the driver.
            let Some(mut endpoint) = self.endpoints.remove(&fd) else { continue };
            let mut lost = Vec::new();
            for _ in 0..RECEIVE_ROUNDS {
                let mut arrival_us = 0;
                let Endpoint { socket, listener, connections } = &mut endpoint;
                let result = socket.receive(buffers, |packet, from, to| {
                    if arrival_us == 0 {
                        arrival_us = now_us();
                        self.last_arrival_us = arrival_us;
                    }
                    let known = self.routes.find(packet);
                    let accepted = || self.accept(listener.as_mut()?, packet, from, to, fd);
                    let Some(id) = known.or_else(accepted) else { return };
                    if known.is_none() {
                        *connections += 1;
                    }
                    let is_sound = self.deliver(id, fd, packet, from, to, arrival_us);
                    // Garbage that looks like a first packet leaves nothing behind.
                    let is_garbage = known.is_none() && self.has_heard_nothing(id);
                    if is_garbage && let Some(listener) = listener.as_ref() {
                        listener.door.counters.increment(Counter::DroppedUnauthentic);
                    }
                    if !is_sound || is_garbage {
                        lost.push(id);
                    }
                });
                if !matches!(result, Ok(true)) {
                    break;
                }
            }
            self.endpoints.insert(fd, endpoint);
            for id in lost {
                self.abandon(id);
            }
        }
    }

    /// Begin a connection for a packet that belongs to none, answer it, or drop it.
    fn accept(
        &mut self,
        listener: &mut Listener,
        packet: &mut [u8],
        from: SocketAddr,
        to: SocketAddr,
        fd: RawFd,
    ) -> Option<u32> {
        let first = match listener.judge(packet, from, self.batch.slot().unwrap_or_default()) {
            Decision::Drop => return None,
            Decision::Answer(length) => {
                self.batch.commit(fd, length, to, from);
                return None;
            }
            Decision::Accept(first) => first,
        };
        while self.connections.contains_key(&(self.next_accepted | ACCEPTED)) {
            self.next_accepted = self.next_accepted.wrapping_add(1);
        }
        let id = self.next_accepted | ACCEPTED;
        let (connection, source_id) = listener.accept(&first, id, from, to, fd, &self.stats)?;
        self.next_accepted = self.next_accepted.wrapping_add(1);
        self.routes.add(&source_id, id);
        // The client uses the id it made up, or got with a Retry, until it has seen ours.
        self.routes.add(&first.destination_id, id);
        self.connections.insert(id, Box::new(connection));
        Some(id)
    }

    fn has_heard_nothing(&self, id: u32) -> bool {
        self.connections.get(&id).is_some_and(|connection| connection.has_heard_nothing())
    }

    /// False when the connection cannot go on.
    fn deliver(
        &mut self,
        id: u32,
        fd: RawFd,
        packet: &mut [u8],
        from: SocketAddr,
        to: SocketAddr,
        arrival_us: u64,
    ) -> bool {
        let Some(connection) = self.connections.get_mut(&id).filter(|connection| connection.socket == fd) else {
            return true;
        };
        let events = &mut self.events;
        let receive = AssertUnwindSafe(|| connection.receive(packet, from, to, arrival_us, events));
        let is_sound = catch_unwind(receive).is_ok();
        self.mark(id);
        is_sound
    }
}
