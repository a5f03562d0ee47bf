//! Servers, seen from JavaScript's thread: how they begin, what may be changed of them, and how they end.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use boring::hash::hmac_sha256;

use crate::addon::{AcceptSettings, Bound, IdentitySettings, ListenSettings, ShareSettings};
use crate::config::{Path, quic_config};
use crate::connection::Settings;
use crate::endpoint::{Endpoint, Listener};
use crate::error::{Failure, internal, invalid, io_text, unavailable};
use crate::front_door::{FrontDoor, Limits};
use crate::handle::{Handle, bound, lock, not_bound, socket_address};
use crate::lane::Lane;
use crate::relay::Relay;
use crate::ring::{Input, Rings};
use crate::socket::{Socket, sharing};
use crate::strays::Siblings;
use crate::tls::authority;
use crate::tls::early_data::EarlyData;
use crate::tls::key_log::KeyLog;
use crate::tls::own::OwnCertificate;
use crate::tls::server::{ClientAuthority, CurrentIdentity, Identity, Manner, server_context};
use crate::tls::tickets::TicketKeys;

/// What a listener shows, how, what it counts, and who serves it.
struct Server {
    identity: Arc<CurrentIdentity>,
    manner: Manner,
    door: Arc<FrontDoor>,
    threads: Vec<Arc<Rings>>,
}

/// The listeners that are open, by number.
#[derive(Default)]
pub struct Servers(Mutex<HashMap<u32, Server>>);

/// Let `threads` serve one address, as listener `id` of each. The first of them keeps what is to be known of it.
pub fn listen(threads: &[Rc<Handle>], id: u32, settings: ListenSettings) -> Result<Bound, Failure> {
    let first = threads.first().ok_or_else(|| invalid("No thread was given"))?;
    if threads.len() > 1 && !sharing::IS_SUPPORTED {
        return Err(invalid("Several I/O threads can serve one address on Linux only: leave threads out, or give 1"));
    }
    if settings.share.is_some() && !sharing::IS_SUPPORTED {
        return Err(invalid("Several programs can serve one address on Linux only: leave reusePort out"));
    }
    let address = socket_address(&settings.address, settings.port)?;
    let share = Share::of(&settings, address, threads.len())?;
    let is_development = settings.identity.is_none();
    let key_log = KeyLog::open(&settings.transport.key_log_file)?;
    let manner = Manner { alpn: settings.transport.alpn.clone(), key_log };
    let identity = match settings.identity {
        Some(identity) => identity_of(identity, &manner)?,
        None => Identity::new(&[authority::issue()?], None, &TicketKeys::of_process()?, &manner)?,
    };
    let identity = Arc::new(CurrentIdentity::new(identity));
    let transport = &settings.transport;
    let door = Arc::new(front_door(&settings.accept)?);
    let early_data =
        |path| transport.early_data.then(|| EarlyData::new(&format!("{transport:?} {path:?}"), door.clone()));
    let config = |path| {
        let mut config = quic_config(transport, path, server_context(identity.clone(), early_data(path))?)?;
        config.set_disable_active_migration(!transport.active_migration);
        Ok(config)
    };
    let connection_settings = Arc::new(Settings::try_from(&settings.transport)?);
    let siblings = Siblings {
        first: share.as_ref().map_or(0, |share| share.first),
        threads: threads.iter().map(|thread| Arc::downgrade(&thread.rings)).collect(),
    };
    let count = share.as_ref().map_or(threads.len(), |share| share.lanes);
    let listener = |index| {
        Ok(Listener {
            id,
            lane: Lane::new(siblings.first + index, count).ok_or_else(internal)?,
            siblings: siblings.clone(),
            relay: share.as_ref().map(|share| share.relay(index)).transpose()?,
            is_accepting: true,
            is_development,
            loopback_config: config(Path::Loopback)?,
            network_config: config(Path::Network)?,
            settings: connection_settings.clone(),
            door: door.clone(),
        })
    };
    let listeners = (0..threads.len()).map(listener).collect::<Result<Vec<_>, Failure>>()?;
    let sockets = match &share {
        Some(_) => Socket::bind_shared(address, threads.len()).map_err(|error| not_shared(address, &error))?,
        None => Socket::bind_lanes(address, threads.len()).map_err(|error| not_bound(address, &error))?,
    };
    let socket = sockets.first().ok_or_else(internal)?;
    let bound = bound(socket.local(), socket.receive_buffer_bytes(), manner.key_log.as_ref());
    for ((socket, listener), thread) in sockets.into_iter().zip(listeners).zip(threads) {
        let endpoint = Endpoint { socket, listener: Some(listener), connections: 0, is_temporary: false };
        thread.rings.push(Input::AddEndpoint(Box::new(endpoint)));
    }
    let threads = threads.iter().map(|thread| thread.rings.clone()).collect();
    lock(&first.servers.0).insert(id, Server { identity, manner, door, threads });
    Ok(bound)
}

/// What this program has of an address that several serve.
struct Share {
    address: SocketAddr,
    /// Its first lane, and the number of all lanes of all programs.
    first: usize,
    lanes: usize,
    index: u32,
    key: [u8; 32],
}

impl Share {
    fn of(settings: &ListenSettings, address: SocketAddr, threads: usize) -> Result<Option<Share>, Failure> {
        let Some(ShareSettings { index, count }) = settings.share else { return Ok(None) };
        let secret = settings.accept.secret.as_deref();
        let secret = secret.ok_or_else(|| invalid("Programs that share an address need a secret that they share"))?;
        let key = hmac_sha256(secret, b"echostream relay").map_err(|_| internal())?;
        let (first, lanes) = (index as usize * threads, count as usize * threads);
        Ok(Some(Share { address, first, lanes, index, key }))
    }

    fn relay(&self, thread: usize) -> Result<Relay, Failure> {
        let Share { address, index, .. } = self;
        Relay::bind(*address, self.first + thread, self.key).map_err(|error| match error.kind() {
            ErrorKind::AddrInUse => unavailable(format!("Another server has the index {index} of {address}")),
            _ => unavailable(format!("Cannot listen for other servers of {address}: {}", io_text(&error))),
        })
    }
}

fn not_shared(address: SocketAddr, error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::AddrInUse => unavailable(format!("Address {address} is in use by a program that does not share it")),
        _ => not_bound(address, error),
    }
}

impl Servers {
    pub fn set_identity(&self, listener: u32, identity: IdentitySettings) -> Result<(), Failure> {
        let servers = lock(&self.0);
        let server = servers.get(&listener).ok_or_else(|| unavailable("The listener is closed"))?;
        server.identity.replace(identity_of(identity, &server.manner)?);
        Ok(())
    }

    /// The front door of a listener that is open, with its counters.
    pub fn door_of(&self, listener: u32) -> Option<Arc<FrontDoor>> {
        lock(&self.0).get(&listener).map(|server| server.door.clone())
    }

    pub fn close(&self, listener: u32) {
        let Some(server) = lock(&self.0).remove(&listener) else { return };
        for thread in server.threads {
            thread.push(Input::CloseListener(listener));
        }
    }
}

fn front_door(settings: &AcceptSettings) -> Result<FrontDoor, Failure> {
    let limits = Limits {
        connections: settings.max_connections as usize,
        connections_per_address: settings.max_connections_per_address as usize,
        handshakes: settings.max_handshakes as usize,
        handshakes_per_address: settings.max_handshakes_per_address as usize,
        retry_threshold: settings.retry_threshold as usize,
        is_loopback_exempt: settings.exempt_loopback,
    };
    FrontDoor::new(limits, settings.max_resets_per_s, settings.secret.as_deref())
}

fn identity_of(settings: IdentitySettings, manner: &Manner) -> Result<Identity, Failure> {
    let certificates: Vec<OwnCertificate> = settings.certificates.into_iter().map(OwnCertificate::from).collect();
    let is_required = settings.requires_client_certificate;
    let clients = settings.client_authority_pem.map(|pem| ClientAuthority { pem, is_required });
    let ticket_keys = match settings.ticket_keys {
        Some(keys) => TicketKeys::given(&keys)?,
        None => TicketKeys::of_process()?,
    };
    Identity::new(&certificates, clients.as_ref(), &ticket_keys, manner)
}
