//! A socket with a role: a server's, or the one clients share.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::clock::now_us;
use crate::config::Path;
use crate::connection::{Connection, Role, Settings};
use crate::front_door::counters::Counter;
use crate::front_door::{Arrival, Decision, First, FrontDoor};
use crate::lane::Lane;
use crate::quic::{Buffers, CONNECTION_ID_BYTES, Quic};
use crate::relay::Relay;
use crate::routes::destination_id;
use crate::socket::Socket;
use crate::stats::Table;
use crate::strays::Siblings;
use crate::tls::shed::shed_after_handshake;
use crate::wake::RawFd;

/// The type of Handshake packets in their first byte (RFC 9000 §17.2).
const HANDSHAKE: u8 = 0x20;

/// A socket and what happens to packets of unknown connections on it.
pub struct Endpoint {
    pub socket: Socket,
    pub listener: Option<Listener>,
    /// Connections on this socket that JavaScript has not been told the end of.
    pub connections: usize,
    /// Of a client that has moved: closes with its last connection.
    pub is_temporary: bool,
}

/// A server's side of an endpoint.
pub struct Listener {
    pub id: u32,
    pub lane: Lane,
    /// The threads that serve it, this one among them.
    pub siblings: Siblings,
    /// To other programs, when they share the address.
    pub relay: Option<Relay>,
    pub is_accepting: bool,
    /// Runs on a development certificate, and so is not there for other machines.
    pub is_development: bool,
    pub loopback_config: quiche::Config,
    pub network_config: quiche::Config,
    pub settings: Arc<Settings>,
    pub door: Arc<FrontDoor>,
}

impl Endpoint {
    pub fn relay(&self) -> Option<&Relay> {
        self.listener.as_ref()?.relay.as_ref()
    }

    /// Whether the socket has done its duty.
    pub fn is_finished(&self) -> bool {
        let is_wanted = self.listener.as_ref().map_or(!self.is_temporary, |listener| listener.is_accepting);
        self.connections == 0 && !is_wanted
    }
}

impl Listener {
    /// The lane a packet to no known connection belongs to, when that is another one.
    pub fn owner_elsewhere(&self, packet: &[u8]) -> Option<usize> {
        let mut owner = self.lane.owner(destination_id(packet)?);
        if self.relay.is_some() && !is_for_a_connection(packet) {
            // Servers that share an address take in who comes to them. One that takes in nobody any more leaves them to another.
            if self.is_accepting {
                return None;
            }
            if self.siblings.includes(owner) {
                owner = self.lane.later(owner, self.siblings.threads.len());
            }
        }
        (owner != self.lane.index()).then_some(owner)
    }

    /// What is to be done with a packet to no known connection, which may begin one with that number. `answer` is room for one packet.
    pub fn judge(&self, packet: &mut [u8], from: SocketAddr, connection: u32, answer: &mut [u8]) -> Decision {
        let is_local = from.ip().to_canonical().is_loopback();
        if !self.is_accepting || (self.is_development && !is_local) {
            self.door.counters.increment(Counter::DroppedUnwanted);
            return Decision::Drop;
        }
        let arrival = Arrival { from, lane: self.lane, connection, now_us: now_us() };
        self.door.judge(packet, &arrival, answer)
    }

    /// The connection that a first packet begins, which was judged, and the connection id chosen for it.
    pub fn accept(
        &mut self,
        first: &First,
        connection: u32,
        from: SocketAddr,
        to: SocketAddr,
        socket: RawFd,
        stats: &Table,
    ) -> Option<(Connection, [u8; CONNECTION_ID_BYTES])> {
        let source_id = self.lane.connection_id().ok()?;
        let config = match path_to(from.ip()) {
            Path::Loopback => &mut self.loopback_config,
            Path::Network => &mut self.network_config,
        };
        let reset_token = self.door.reset_token(&source_id);
        let id = quiche::ConnectionId::from_ref(&source_id);
        // After a Retry, and with the largest windows, there may be no room for the token: it is the one thing that can be spared.
        let quic = [reset_token, None].into_iter().find_map(|token| {
            config.set_stateless_reset_token(token);
            begin(&id, first, to, from, config)
        })?;
        let role = Role::Accepted { listener: self.id };
        let shared = stats.insert(connection);
        let mut begun = Connection::new(connection, quic, socket, role, self.settings.clone(), shared);
        if first.original_id.is_some() {
            begun.trust_address();
        }
        Some((begun, source_id))
    }
}

fn begin(
    id: &quiche::ConnectionId,
    first: &First,
    to: SocketAddr,
    from: SocketAddr,
    config: &mut quiche::Config,
) -> Option<Quic> {
    let mut quic = match &first.original_id {
        None => quiche::accept_with_buf_factory::<Buffers>(id, None, to, from, config),
        Some(original_id) => {
            let ids = quiche::RetryConnectionIds {
                original_destination_cid: original_id,
                retry_source_cid: &first.destination_id,
            };
            quiche::accept_with_retry::<Buffers>(id, ids, to, from, config)
        }
    }
    .ok()?;
    shed_after_handshake(quic.as_mut());
    Some(quic)
}

/// Whether the id in a packet is one we have given: all but first packets, and those of other versions.
fn is_for_a_connection(packet: &[u8]) -> bool {
    match packet {
        [first, version @ ..] if first & 0x80 != 0 => {
            first & 0x30 == HANDSHAKE && version.starts_with(&quiche::PROTOCOL_VERSION.to_be_bytes())
        }
        _ => true,
    }
}

/// What lies between this machine and `ip`.
pub fn path_to(ip: IpAddr) -> Path {
    if ip.to_canonical().is_loopback() { Path::Loopback } else { Path::Network }
}
