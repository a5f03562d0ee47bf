//! What it takes to begin a connection as a client.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::Path;
use crate::connection::source::Source;
use crate::connection::ticket::{TicketScope, use_ticket};
use crate::connection::{Connection, Role, Settings};
use crate::endpoint::path_to;
use crate::error::{Failure, invalid};
use crate::lane::Lane;
use crate::quic::{Buffers, CONNECTION_ID_BYTES, Quic};
use crate::stats::Shared;
use crate::tls::verify::{Verification, expect_ip};
use crate::wake::RawFd;

/// quiche's configuration is shared by all connections that are alike; it is changed by none.
pub type SharedConfig = Arc<Mutex<quiche::Config>>;

/// A connection to begin.
pub struct Dial {
    pub connection: u32,
    pub socket: RawFd,
    pub local: SocketAddr,
    pub remote: SocketAddr,
    pub server_name: String,
    pub verification: Verification,
    /// Of an earlier connection.
    pub ticket: Option<Vec<u8>>,
    /// What a ticket may be used for; `None` when none is wanted.
    pub ticket_scope: Option<TicketScope>,
    /// Whether to send early data, should the ticket allow it.
    pub early_data: bool,
    pub config: SharedConfig,
    pub settings: Arc<Settings>,
    pub stats: Arc<Shared>,
}

impl Dial {
    /// The connection, about to send its first packet, and its connection id.
    pub fn begin(self) -> Result<(Connection, [u8; CONNECTION_ID_BYTES]), Failure> {
        let source_id = Lane::ONLY.connection_id()?;
        let ip: Option<IpAddr> = self.server_name.parse().ok();
        let host = if ip.is_none() && self.sends_name() { Some(self.server_name.as_str()) } else { None };
        let mut config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        let id = quiche::ConnectionId::from_ref(&source_id);
        let mut quic: Quic =
            quiche::connect_with_buffer_factory::<Buffers>(host, &id, self.local, self.remote, &mut config)
                .map_err(|error| invalid(format!("Cannot begin a connection to {}: {error:?}", self.remote)))?;
        drop(config);
        if let (Some(ip), true) = (ip, self.verification.checks_name()) {
            expect_ip(quic.as_mut(), ip)?;
        }
        if let (Some(scope), Some(ticket)) = (&self.ticket_scope, &self.ticket) {
            use_ticket(&mut quic, scope, ticket, self.early_data);
        }
        let moves_by_itself = self.settings.moves_by_itself && path_to(self.remote.ip()) == Path::Network;
        let role = Role::Dialled { server_name: self.server_name, verification: self.verification };
        let mut connection = Connection::new(self.connection, quic, self.socket, role, self.settings, self.stats);
        connection.ticket_scope = self.ticket_scope;
        connection.source = moves_by_itself.then(|| Box::new(Source::new()));
        Ok((connection, source_id))
    }

    /// An empty name is none.
    fn sends_name(&self) -> bool {
        !self.server_name.is_empty()
    }
}
