//! The I/O thread: it owns the sockets, all connections and their timers.
//!
//! One round: take in packets, carry out commands, let the connections that were touched produce events, publish these,
//! send packets, publish what came of that, look after timers; sleep when nothing is left.

mod arrivals;
mod commands;
mod lookout;
mod moves;
mod sleep;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use crate::clock::now_us;
use crate::close::CloseCause;
use crate::connection::dial::Dial;
use crate::connection::{Connection, Sent, report_departure};
use crate::endpoint::{Endpoint, Listener};
use crate::heap::Heap;
use crate::record::{Header, event};
use crate::ring::{Events, Input, Rings, record};
use crate::routes::Routes;
use crate::send_batch::SendBatch;
use crate::socket::ReceiveBuffers;
use crate::socket::source::SourceAddresses;
use crate::stats::Table;
use crate::timers::Timers;
use crate::wake::{Poller, RawFd, sleep_precisely};

use lookout::{Awaited, Lookout};

/// Everything the I/O thread owns.
pub struct Driver {
    rings: Arc<Rings>,
    events: Events,
    stats: Arc<Table>,
    poller: Poller,
    endpoints: HashMap<RawFd, Endpoint>,
    connections: HashMap<u32, Box<Connection>>,
    routes: Routes,
    next_accepted: u32,
    dirty: Vec<u32>,
    /// Connections whose acknowledgement may wait for JavaScript.
    awaiting: Vec<u32>,
    timers: Timers,
    heap: Heap,
    sources: SourceAddresses,
    lookout: Lookout,
    /// Who may react soon to what was done last.
    awaited: Option<Awaited>,
    batch: SendBatch,
    /// Connection and report id of datagrams in `batch`.
    departures: Vec<(u32, u64)>,
    /// When the packets taken in last arrived.
    last_arrival_us: u64,
    was_throttled: bool,
    /// A listener may be done with its socket.
    may_retire: bool,
    is_stopping: bool,
}

impl Driver {
    pub fn new(rings: Arc<Rings>, events: Events, stats: Arc<Table>) -> Driver {
        let poller = Poller::new(&rings.waker);
        Driver {
            rings,
            events,
            stats,
            poller,
            endpoints: HashMap::new(),
            connections: HashMap::new(),
            routes: Routes::default(),
            next_accepted: 0,
            dirty: Vec::new(),
            awaiting: Vec::new(),
            timers: Timers::default(),
            heap: Heap::default(),
            sources: SourceAddresses::default(),
            lookout: Lookout::default(),
            awaited: None,
            batch: SendBatch::new(),
            departures: Vec::new(),
            last_arrival_us: 0,
            was_throttled: false,
            may_retire: false,
            is_stopping: false,
        }
    }

    /// Until JavaScript's environment ends.
    pub fn run(&mut self) {
        sleep_precisely();
        let mut buffers = ReceiveBuffers::new();
        while !self.is_stopping {
            self.sleep();
            self.ring_alarm();
            self.receive(&mut buffers);
            self.take_input();
            self.resume_after_throttle();
            let dirty = self.process();
            self.events.publish();
            self.transmit(dirty);
            self.fire_timers();
            self.events.publish();
        }
    }

    /// First of all after sleep: what it wakes JavaScript for is due now.
    fn ring_alarm(&mut self) {
        if self.rings.take_alarm(now_us()) {
            self.events.wake();
        }
    }

    fn mark(&mut self, id: u32) {
        if let Some(connection) = self.connections.get_mut(&id)
            && !connection.is_dirty
        {
            connection.is_dirty = true;
            self.dirty.push(id);
        }
    }

    fn take_input(&mut self) {
        for input in self.rings.take() {
            match input {
                Input::Commands(submission) => self.carry_out(&submission),
                Input::Strays(lot) => self.take_strays(*lot),
                Input::AddEndpoint(endpoint) => {
                    let fd = endpoint.socket.fd();
                    self.poller.add(fd);
                    if let Some(relay) = endpoint.relay() {
                        self.poller.add(relay.fd());
                    }
                    self.endpoints.insert(fd, *endpoint);
                }
                Input::Dial(dial) => self.dial(*dial),
                Input::CloseListener(id) => self.close_listener(id),
                Input::Stop => {
                    self.is_stopping = true;
                    let ids: Vec<u32> = self.connections.keys().copied().collect();
                    for id in ids {
                        if let Some(connection) = self.connections.get_mut(&id) {
                            connection.shut_down();
                        }
                        self.mark(id);
                    }
                }
            }
        }
    }

    /// Accept no more. Handshakes under way end here: nobody is told of them, and nobody would wait for them.
    fn close_listener(&mut self, id: u32) {
        let listeners = self.endpoints.values_mut().filter_map(|endpoint| endpoint.listener.as_mut());
        let Some(listener) = listeners.into_iter().find(|listener| listener.id == id) else { return };
        listener.is_accepting = false;
        for id in listener.door.unestablished(listener.lane) {
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.give_up_handshake();
            }
            self.mark(id);
        }
        self.may_retire = true;
    }

    fn dial(&mut self, dial: Dial) {
        let (id, fd) = (dial.connection, dial.socket);
        match dial.begin() {
            Ok((connection, source_id)) => {
                self.routes.add(&source_id, id);
                self.connections.insert(id, Box::new(connection));
                if let Some(endpoint) = self.endpoints.get_mut(&fd) {
                    endpoint.connections += 1;
                }
                self.mark(id);
            }
            Err(failure) => {
                let header = Header { argument: CloseCause::Handshake as u32, ..record(event::CLOSED, id) };
                self.events.push(header, failure.message.as_bytes());
            }
        }
    }

    /// JavaScript has caught up: what was held back for it is read now.
    fn resume_after_throttle(&mut self) {
        let is_throttled = self.events.is_throttled();
        if self.was_throttled && !is_throttled {
            let ids: Vec<u32> = self.connections.keys().copied().collect();
            for id in ids {
                self.mark(id);
            }
        }
        self.was_throttled = is_throttled;
    }

    /// Let the connections that were touched produce their events; returns them.
    fn process(&mut self) -> Vec<u32> {
        let dirty = std::mem::take(&mut self.dirty);
        if !dirty.is_empty() && self.last_arrival_us > 0 {
            self.events.arrived(self.last_arrival_us);
        }
        for id in &dirty {
            let Some(connection) = self.connections.get_mut(id) else { continue };
            connection.is_dirty = false;
            let events = &mut self.events;
            let was_established = connection.is_established();
            if catch_unwind(AssertUnwindSafe(|| connection.process(events))).is_err() {
                self.abandon(*id);
            } else if connection.is_established() && !was_established {
                self.heap.touch();
                let fd = connection.socket;
                if let Some(token) = connection.reset_token() {
                    self.routes.add_reset_token(token, *id);
                }
                if let Some(listener) = self.listener(fd) {
                    listener.door.establish(listener.lane, *id);
                }
                self.look_for_another_source(*id, Instant::now());
            }
            self.tend_paths(*id);
            if self.connections.get(id).is_some_and(|connection| connection.ack_delay.expects_answer()) {
                self.awaiting.push(*id);
            }
        }
        if !dirty.is_empty() {
            let gives = self.events.waiting_bytes() > 0;
            self.awaited = Some(if gives { Awaited::Javascript } else { Awaited::Network });
        }
        // Before it is given anything.
        self.rings.await_javascript(!self.awaiting.is_empty());
        self.was_throttled |= self.events.is_throttled();
        dirty
    }

    fn transmit(&mut self, touched: Vec<u32>) {
        for id in touched {
            self.transmit_one(id);
        }
        self.send_batch();
        if std::mem::take(&mut self.may_retire) {
            self.retire_endpoints();
        }
    }

    fn transmit_one(&mut self, id: u32) {
        loop {
            let Some(connection) = self.connections.get_mut(&id) else { return };
            let (batch, events, departures) = (&mut self.batch, &mut self.events, &mut self.departures);
            let result = catch_unwind(AssertUnwindSafe(|| connection.transmit(batch, events, departures)));
            match result {
                Ok(Sent::Full) => self.send_batch(),
                Ok(Sent::Turn) => return self.mark(id),
                Ok(Sent::Everything) => break,
                Err(_) => return self.abandon(id),
            }
        }
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let is_known = connection.is_known();
        if connection.report_end(&mut self.events, self.batch.last_packet()) {
            let sockets: Vec<RawFd> = connection.sockets().collect();
            self.ended(id, is_known, &sockets);
        }
        if let Some(connection) = self.connections.get_mut(&id) {
            let deadline = connection.deadline();
            self.timers.arm(id, deadline, &mut connection.armed);
        }
    }

    fn send_batch(&mut self) {
        // Before the system calls: a datagram never arrives before the moment at which it is said to have left.
        let now_us = if self.departures.is_empty() { 0 } else { now_us() };
        let (buffer, runs) = self.batch.contents();
        for same_socket in runs.chunk_by(|one, other| one.socket == other.socket) {
            let Some(first) = same_socket.first() else { continue };
            if let Some(endpoint) = self.endpoints.get_mut(&first.socket) {
                endpoint.socket.send(buffer, same_socket);
            }
        }
        self.batch.clear();
        for (connection, id) in self.departures.drain(..) {
            report_departure(connection, id, now_us, &mut self.events);
        }
    }

    fn fire_timers(&mut self) {
        let now = Instant::now();
        self.heap.give_back(now);
        while let Some((at, id)) = self.timers.pop_due(now) {
            let Some(connection) = self.connections.get_mut(&id).filter(|it| it.armed == Some(at)) else { continue };
            connection.armed = None;
            let deadline = connection.deadline();
            if deadline.is_none_or(|deadline| deadline > now) {
                self.timers.arm(id, deadline, &mut connection.armed);
            } else if connection.has_lingered(now) {
                self.forget(id);
            } else {
                connection.on_deadline(now, &mut self.events);
                self.mark(id);
                self.look_for_another_source(id, now);
            }
        }
    }

    /// The connection is over. JavaScript, if the connection `is_known` to it, is told, and takes the last counters.
    fn ended(&mut self, id: u32, is_known: bool, sockets: &[RawFd]) {
        if !is_known {
            self.stats.remove(id);
        }
        for fd in sockets {
            self.leave_socket(*fd);
        }
    }

    fn listener(&self, fd: RawFd) -> Option<&Listener> {
        self.endpoints.get(&fd)?.listener.as_ref()
    }

    fn forget(&mut self, id: u32) {
        self.heap.touch();
        if let Some(connection) = self.connections.remove(&id)
            && let Some(listener) = self.listener(connection.socket)
        {
            listener.door.end(listener.lane, id);
        }
        self.routes.remove(id);
    }

    /// A panic while a connection was worked on: it ends, the others do not notice.
    fn abandon(&mut self, id: u32) {
        self.events.discard_partial();
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let is_known = connection.is_known();
        let sockets: Vec<RawFd> = connection.sockets().collect();
        if is_known {
            let header = Header { stream: 1, ..record(event::CLOSED, id) };
            self.events.push(header, b"internal error of the QUIC stack");
        }
        if !connection.is_lingering() {
            self.ended(id, is_known, &sockets);
        }
        self.forget(id);
    }

    /// Close the sockets of listeners that are closed and have no connection left.
    fn retire_endpoints(&mut self) {
        let finished: Vec<RawFd> =
            self.endpoints.iter().filter(|(_, endpoint)| endpoint.is_finished()).map(|(fd, _)| *fd).collect();
        for fd in finished {
            self.poller.remove(fd);
            if let Some(relay) = self.endpoints.get(&fd).and_then(Endpoint::relay) {
                self.poller.remove(relay.fd());
            }
            let lingering: Vec<u32> =
                self.connections.values().filter(|it| it.socket == fd).map(|connection| connection.id).collect();
            for id in lingering {
                self.forget(id);
            }
            let listener = self.endpoints.remove(&fd).and_then(|endpoint| endpoint.listener);
            if let Some(listener) = listener {
                let header = Header { stream: u64::from(listener.id), ..record(event::LISTENER_CLOSED, 0) };
                self.events.push(header, &[]);
            }
        }
    }
}
