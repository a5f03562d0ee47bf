//! A socket with a role: a server's, or the one clients share.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::config::Path;
use crate::connection::{Connection, Role, Settings, dial::random_connection_id};
use crate::quic::{Buffers, CONNECTION_ID_BYTES, Quic};
use crate::socket::Socket;
use crate::stats::Table;
use crate::wake::RawFd;

/// Handshakes under way at once, about 22 KB each; first packets beyond are not answered (docs/security.md).
const MAX_HANDSHAKES: usize = 1_000;
/// Shortest connection id a client may choose for a server (RFC 9000 §7.2).
const MIN_CHOSEN_ID_BYTES: usize = 8;

/// A socket and what happens to packets of unknown connections on it.
pub struct Endpoint {
    pub socket: Socket,
    pub listener: Option<Listener>,
    /// Connections on this socket that JavaScript has not been told the end of.
    pub connections: usize,
}

/// A server's side of an endpoint.
pub struct Listener {
    pub id: u32,
    pub is_accepting: bool,
    /// Runs on a development certificate, and so is not there for other machines.
    pub is_development: bool,
    pub loopback_config: quiche::Config,
    pub network_config: quiche::Config,
    pub settings: Arc<Settings>,
    /// Connections that are not established, those that never will be included.
    pub handshakes: HashSet<u32>,
}

impl Endpoint {
    /// Whether the socket has done its duty.
    pub fn is_finished(&self) -> bool {
        self.connections == 0 && self.listener.as_ref().is_some_and(|listener| !listener.is_accepting)
    }
}

impl Listener {
    /// The connection a first packet begins, and the connection id chosen for it; `None` when it is not to be answered.
    pub fn accept(
        &mut self,
        header: &quiche::Header,
        connection: u32,
        from: SocketAddr,
        to: SocketAddr,
        socket: RawFd,
        stats: &Table,
    ) -> Option<(Connection, [u8; CONNECTION_ID_BYTES])> {
        let is_local = from.ip().to_canonical().is_loopback();
        if !self.is_accepting
            || self.handshakes.len() >= MAX_HANDSHAKES
            || header.ty != quiche::Type::Initial
            || header.dcid.len() < MIN_CHOSEN_ID_BYTES
            || !quiche::version_is_supported(header.version)
            || (self.is_development && !is_local)
        {
            return None;
        }
        let source_id = random_connection_id().ok()?;
        let config = match path_to(from.ip()) {
            Path::Loopback => &mut self.loopback_config,
            Path::Network => &mut self.network_config,
        };
        let id = quiche::ConnectionId::from_ref(&source_id);
        let quic: Quic = quiche::accept_with_buf_factory::<Buffers>(&id, None, to, from, config).ok()?;
        let role = Role::Accepted { listener: self.id };
        let shared = stats.insert(connection);
        self.handshakes.insert(connection);
        Some((Connection::new(connection, quic, socket, role, self.settings.clone(), shared), source_id))
    }
}

/// What lies between this machine and `ip`.
pub fn path_to(ip: IpAddr) -> Path {
    if ip.to_canonical().is_loopback() { Path::Loopback } else { Path::Network }
}
