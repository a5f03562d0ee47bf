//! One QUIC connection: its life, its timers, and the order in which its parts have their turn.

mod ack_delay;
mod amplification;
mod coalesced;
mod commands;
mod datagrams;
mod deadlines;
pub mod dial;
mod early;
mod ending;
#[cfg(test)]
mod fin_rule_test;
#[cfg(test)]
mod idle_test;
mod ids;
mod inbound;
mod lifetimes;
#[cfg(test)]
mod lifetimes_test;
mod messages;
pub mod moves;
mod offer;
mod outbound;
#[cfg(test)]
mod pair;
mod path_response;
pub mod paths;
#[cfg(test)]
mod paths_test;
mod quiet;
mod ready;
mod repeated_hello;
mod rest;
mod settings;
mod source;
mod streams;
#[cfg(test)]
mod streams_test;
mod ticket;
mod transmit;
mod urgency;
mod verdict;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::quic::Quic;
use crate::record::{Header, event};
use crate::ring::{Events, record};
use crate::stats::Shared;
use crate::tls::verify::Verification;
use crate::wake::RawFd;

use ack_delay::AckDelay;
use amplification::AmplificationLimit;
use datagrams::Datagrams;
pub use datagrams::report_departure;
use ending::Ending;
use ids::Ids;
use messages::Messages;
use moves::Moves;
use offer::Offer;
use path_response::PathResponse;
use paths::Paths;
use repeated_hello::RepeatedHello;
use rest::Rest;
pub use settings::Settings;
use source::Source;
use streams::Streams;
use ticket::TicketScope;
pub use transmit::Sent;

/// How old the counters JavaScript reads may be.
const STATS_INTERVAL: Duration = Duration::from_millis(10);

/// Which side of the connection this is.
pub enum Role {
    Dialled { server_name: String, verification: Verification },
    Accepted { listener: u32 },
}

pub struct Connection {
    pub id: u32,
    pub socket: RawFd,
    /// Stands in the driver's list of connections with something to do.
    pub is_dirty: bool,
    /// The moment the driver's timers have noted for this connection.
    pub armed: Option<Instant>,
    quic: Quic,
    role: Role,
    settings: Arc<Settings>,
    stats: Arc<Shared>,
    stats_due: Option<Instant>,
    started: Instant,
    is_established: bool,
    /// JavaScript uses the connection although the handshake is not done.
    is_early: bool,
    /// The server has shown that it takes what the client has shown.
    has_verdict: bool,
    /// A ticket is wanted for the next connection, and has not come yet.
    ticket_scope: Option<TicketScope>,
    last_received: Instant,
    /// Packets have come since the last one went, so an acknowledgement may be due.
    ack_due: bool,
    pub ack_delay: AckDelay,
    /// The pacer lets nothing go before this moment.
    release: Option<Instant>,
    ending: Ending,
    streams: Streams,
    messages: Messages,
    datagrams: Datagrams,
    offer: Offer,
    amplification: AmplificationLimit,
    repeated_hello: RepeatedHello,
    rest: Rest,
    paths: Paths,
    ids: Ids,
    moves: Moves,
    /// Of a client that moves by itself.
    source: Option<Box<Source>>,
    path_response: PathResponse,
    /// Something has waited for the path since the counters were copied.
    path_limited: bool,
}

impl Connection {
    pub fn new(
        id: u32,
        mut quic: Quic,
        socket: RawFd,
        role: Role,
        settings: Arc<Settings>,
        stats: Arc<Shared>,
    ) -> Connection {
        let is_server = quic.is_server();
        let now = Instant::now();
        if let Some(folder) = &settings.qlog {
            folder.record(&mut quic);
        }
        Connection {
            id,
            socket,
            is_dirty: false,
            armed: None,
            quic,
            role,
            stats,
            stats_due: None,
            started: now,
            is_established: false,
            is_early: false,
            has_verdict: false,
            ticket_scope: None,
            last_received: now,
            ack_due: false,
            ack_delay: AckDelay::default(),
            release: None,
            ending: Ending::default(),
            streams: Streams::new(id, is_server, settings.initial_credit, settings.expired_code),
            messages: Messages::new(settings.message_kind),
            datagrams: Datagrams::new(id),
            offer: Offer::default(),
            amplification: AmplificationLimit::new(is_server),
            repeated_hello: RepeatedHello::default(),
            rest: Rest::default(),
            paths: Paths::new(),
            ids: Ids::default(),
            moves: Moves::default(),
            source: None,
            path_response: PathResponse::default(),
            path_limited: false,
            settings,
        }
    }

    /// Whether JavaScript knows of this connection and has not been told its end.
    pub fn is_known(&self) -> bool {
        let is_dialled = matches!(self.role, Role::Dialled { .. });
        (self.is_usable() || is_dialled) && !self.ending.is_lingering()
    }

    pub fn is_established(&self) -> bool {
        self.is_established
    }

    /// What a packet ends in by which the peer says that it has forgotten this connection. Only servers give one with the handshake
    /// (RFC 9000 §18.2).
    pub fn reset_token(&self) -> Option<u128> {
        self.quic.peer_transport_params()?.stateless_reset_token
    }

    /// Whether no packet so far was authentic.
    pub fn has_heard_nothing(&self) -> bool {
        self.quic.stats().recv == 0
    }

    pub fn is_lingering(&self) -> bool {
        self.ending.is_lingering()
    }

    /// Whether nobody needs to be answered any more.
    pub fn has_lingered(&self, now: Instant) -> bool {
        self.ending.lingers_until().is_some_and(|until| until <= now)
    }

    /// Close because the program ends.
    pub fn shut_down(&mut self) {
        self.close(0, b"");
    }

    /// Take in a packet that arrived at `arrival_us`.
    pub fn receive(
        &mut self,
        packet: &mut [u8],
        from: SocketAddr,
        to: SocketAddr,
        arrival_us: u64,
        events: &mut Events,
    ) {
        if self.ending.is_lingering() {
            self.ending.packet_arrived(packet.len());
            return;
        }
        if self.paths.are_stranded() || self.ids.refuse(packet) {
            return;
        }
        self.last_received = Instant::now();
        self.refresh_stats_after(self.last_received);
        self.ack_due = true;
        if self.is_established {
            self.ack_delay.packet_arrived();
        }
        self.streams.quiet.packet_arrived();
        self.amplification.arrived(packet.len());
        let proof = self.amplification.proof(packet).map(|packets| self.quic.stats().recv + packets);
        // Where it matters: before the connection is established.
        let heard_before = self.may_bring_verdict(packet).then(|| self.quic.stats().recv);
        let asks = self.quic.is_server()
            && !self.quic.is_established()
            && self.repeated_hello.asks(packet, self.last_received, self.round_trip_time());
        if let Err(error) = self.quic.recv(packet, quiche::RecvInfo { from, to })
            && error != quiche::Error::Done
        {
            self.ending.failed(error);
        }
        self.note_paths();
        if proof.is_some_and(|heard| self.quic.stats().recv >= heard) || self.quic.is_established() {
            self.amplification.lift();
        }
        if asks {
            let _ = self.quic.send_ack_eliciting();
        }
        self.has_verdict |= heard_before.is_some_and(|heard| self.quic.stats().recv > heard);
        // At once, so that each carries the arrival time of its own packet.
        if self.is_established && self.quic.dgram_recv_queue_len() > 0 {
            events.arrived(arrival_us);
            self.read_datagrams(events);
        }
    }

    /// The peer has shown that it receives where its packets come from.
    pub fn trust_address(&mut self) {
        self.amplification.lift();
    }

    /// Events out, stream data in and out: everything but packets.
    pub fn process(&mut self, events: &mut Events) {
        if self.ending.is_lingering() {
            return;
        }
        if !self.is_established && self.quic.is_established() && !self.awaits_verdict() {
            self.establish(events);
        } else if self.begins_early_data() {
            self.begin_early_data(events);
        }
        if !self.is_usable() {
            return;
        }
        self.report_ticket(events);
        if self.is_established {
            self.tend_paths(events);
        }
        if self.is_established && self.quic.dgram_recv_queue_len() > 0 {
            self.read_datagrams(events);
        }
        self.streams.open_waiting(&mut self.quic, events);
        self.streams.check_quiet(&mut self.quic, events, Instant::now());
        self.streams.settle_delivered(&mut self.quic, events);
        self.ack_delay.brought(self.streams.read(&mut self.quic, events));
        self.streams.notice_writable(&mut self.quic);
        self.offer_streams(events);
    }

    /// Packets have changed the counters. Without packets nothing does, and an idle connection sleeps.
    fn refresh_stats_after(&mut self, now: Instant) {
        if self.is_established {
            self.stats_due.get_or_insert(now + STATS_INTERVAL);
        }
    }

    /// Give QUIC a portion of the streams, when it has sent most of the last.
    fn offer_streams(&mut self, events: &mut Events) {
        let room = self.offer.room();
        if room > 0 && !self.streams.ready.is_empty() {
            let budget = self.messages.stream_budget(&mut self.quic, &mut self.streams);
            self.offer.given(self.streams.write(&mut self.quic, events, room.min(budget)));
        }
    }

    fn establish(&mut self, events: &mut Events) {
        self.is_established = true;
        self.stats.update(&self.quic, self.paths.packet_bytes(), false);
        if self.is_early {
            self.confirm(events);
        } else {
            self.announce(0, events);
        }
    }

    /// JavaScript may use the connection.
    fn announce(&self, flags: u8, events: &mut Events) {
        let certificate = self.quic.peer_cert().unwrap_or_default();
        match self.role {
            Role::Dialled { .. } => events.push(Header { flags, ..record(event::ESTABLISHED, self.id) }, certificate),
            Role::Accepted { listener } => {
                let addresses = self.addresses();
                let argument = addresses.len() as u32;
                let stream = u64::from(listener);
                let header = Header { flags, stream, argument, ..record(event::ACCEPTED, self.id) };
                events.push(header, &[addresses.as_bytes(), certificate].concat());
            }
        }
    }

    fn read_datagrams(&mut self, events: &mut Events) {
        while !events.is_throttled()
            && let Ok(datagram) = self.quic.dgram_recv_buf()
        {
            events.push(record(event::DATAGRAM, self.id), &datagram);
        }
    }
}
