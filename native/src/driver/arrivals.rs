//! From packets on a socket to connections, old and new.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::clock::now_us;
use crate::endpoint::{Endpoint, Listener};
use crate::front_door::Decision;
use crate::front_door::counters::Counter;
use crate::socket::ReceiveBuffers;
use crate::strays::{Lot, Stray, Strays};
use crate::wake::RawFd;

use super::Driver;

/// Receive calls on one socket before the others have their turn.
const RECEIVE_ROUNDS: usize = 4;
/// Connections accepted here are numbered from this bit on, those JavaScript dials below it.
const ACCEPTED: u32 = 1 << 31;

/// A packet as it came.
struct Packet<'a> {
    bytes: &'a mut [u8],
    from: SocketAddr,
    to: SocketAddr,
    arrival_us: u64,
}

impl Driver {
    /// Take in what has arrived.
    pub(super) fn receive(&mut self, buffers: &mut ReceiveBuffers) {
        let ready: Vec<RawFd> = self.poller.ready().collect();
        for fd in ready {
            // Out of the table for the while: routing a packet needs the rest of the driver.
            let Some(mut endpoint) = self.endpoints.remove(&fd) else {
                self.receive_relayed(fd);
                continue;
            };
            let mut strays = Strays::default();
            let mut lost = Vec::new();
            for _ in 0..RECEIVE_ROUNDS {
                let mut arrival_us = 0;
                let Endpoint { socket, listener, connections, .. } = &mut endpoint;
                let result = socket.receive(buffers, |bytes, from, to| {
                    if arrival_us == 0 {
                        arrival_us = now_us();
                    }
                    let is_shared = listener.as_ref().is_some_and(|listener| listener.relay.is_some());
                    // Another server of this thread may share the address, and have the connection.
                    let known = self.routes.find(bytes).filter(|id| !is_shared || self.is_on(*id, fd));
                    if known.is_none()
                        && let Some(lane) = listener.as_ref().and_then(|listener| listener.owner_elsewhere(bytes))
                    {
                        strays.add(lane, bytes, from, to, arrival_us);
                        return;
                    }
                    let packet = Packet { bytes, from, to, arrival_us };
                    lost.extend(self.take(packet, known, fd, listener.as_mut(), connections));
                });
                if !matches!(result, Ok(true)) {
                    break;
                }
            }
            let orphans = endpoint.listener.as_ref().map(|listener| strays.hand_over(listener)).unwrap_or_default();
            self.endpoints.insert(fd, endpoint);
            self.abandon_all(lost);
            // Whoever can compute their reset tokens tells the clients.
            for lot in orphans {
                self.take_strays(lot);
            }
        }
    }

    /// Take in what other programs have sent to the relay on `fd`.
    fn receive_relayed(&mut self, fd: RawFd) {
        for _ in 0..RECEIVE_ROUNDS {
            let of_relay = |endpoint: &Endpoint| endpoint.relay().filter(|relay| relay.fd() == fd).is_some();
            let Some(listener) = self.endpoints.values().filter(|it| of_relay(it)).find_map(|it| it.listener.as_ref())
            else {
                return;
            };
            let Some(lot) = listener.relay.as_ref().and_then(|relay| relay.receive(listener.id)) else { return };
            self.take_strays(lot);
        }
    }

    /// Take in what came to another thread's socket.
    pub(super) fn take_strays(&mut self, mut lot: Lot) {
        let is_meant = |endpoint: &Endpoint| endpoint.listener.as_ref().is_some_and(|it| it.id == lot.listener);
        let Some(fd) = self.endpoints.iter().find(|(_, endpoint)| is_meant(endpoint)).map(|(fd, _)| *fd) else {
            return;
        };
        let Some(mut endpoint) = self.endpoints.remove(&fd) else { return };
        let Endpoint { listener, connections, .. } = &mut endpoint;
        let mut lost = Vec::new();
        let mut rest = lot.bytes.as_mut_slice();
        for Stray { length, from, to } in lot.packets {
            let Some((bytes, others)) = rest.split_at_mut_checked(length) else { break };
            rest = others;
            let known = self.routes.find(bytes);
            let packet = Packet { bytes, from, to, arrival_us: lot.arrival_us };
            lost.extend(self.take(packet, known, fd, listener.as_mut(), connections));
        }
        self.endpoints.insert(fd, endpoint);
        self.abandon_all(lost);
    }

    fn abandon_all(&mut self, lost: Vec<u32>) {
        for id in lost {
            self.abandon(id);
        }
    }

    /// Take in one packet on `fd`, for the `known` connection or for a new one. Returns the connection that cannot go on after it.
    fn take(
        &mut self,
        packet: Packet,
        known: Option<u32>,
        fd: RawFd,
        mut listener: Option<&mut Listener>,
        connections: &mut usize,
    ) -> Option<u32> {
        // Strays are older than what this thread took in itself; nothing may seem to have arrived before it was sent.
        self.last_arrival_us = self.last_arrival_us.max(packet.arrival_us);
        let Packet { bytes, from, to, arrival_us } = packet;
        let id = match known {
            Some(id) => id,
            None => {
                let id = self.accept(listener.as_deref_mut()?, bytes, from, to, fd)?;
                *connections += 1;
                id
            }
        };
        let is_sound = self.deliver(id, fd, bytes, from, to, arrival_us);
        // Garbage that looks like a first packet leaves nothing behind.
        let is_garbage = known.is_none() && self.has_heard_nothing(id);
        if is_garbage && let Some(listener) = listener {
            listener.door.counters.increment(Counter::DroppedUnauthentic);
        }
        (!is_sound || is_garbage).then_some(id)
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
        while self.connections.contains_key(&(self.next_accepted | ACCEPTED)) {
            self.next_accepted = self.next_accepted.wrapping_add(1);
        }
        let id = self.next_accepted | ACCEPTED;
        let first = match listener.judge(packet, from, id, self.batch.slot().unwrap_or_default()) {
            Decision::Drop => return None,
            Decision::Answer(length) => {
                self.batch.commit(fd, length, to, from);
                return None;
            }
            Decision::Accept(first) => first,
        };
        let Some((connection, source_id)) = listener.accept(&first, id, from, to, fd, &self.stats) else {
            listener.door.end(listener.lane, id);
            return None;
        };
        self.next_accepted = self.next_accepted.wrapping_add(1);
        self.routes.add(&source_id, id);
        // The client uses the id it made up, or got with a Retry, until it has seen ours.
        self.routes.add(&first.destination_id, id);
        self.connections.insert(id, Box::new(connection));
        Some(id)
    }

    fn is_on(&self, id: u32, fd: RawFd) -> bool {
        self.connections.get(&id).is_some_and(|connection| connection.socket == fd)
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
        let Some(connection) = self.connections.get_mut(&id).filter(|it| it.sockets().any(|socket| socket == fd))
        else {
            return true;
        };
        let events = &mut self.events;
        let receive = AssertUnwindSafe(|| connection.receive(packet, from, to, arrival_us, events));
        let is_sound = catch_unwind(receive).is_ok();
        self.mark(id);
        is_sound
    }
}
