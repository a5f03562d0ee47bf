//! An I/O thread, seen from JavaScript's thread: what it shares with it, and the sockets it was given.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use boring::sha::sha256;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};

use crate::addon::{Bound, DialSettings};
use crate::config::quic_config;
use crate::connection::Settings;
use crate::connection::dial::{Dial, SharedConfig};
use crate::driver::Driver;
use crate::endpoint::{Endpoint, path_to};
use crate::error::{Failure, invalid, io_text, unavailable};
use crate::listen::Servers;
use crate::ring::{Events, Input, Rings};
use crate::socket::{Socket, any_address};
use crate::stats::Table;
use crate::tls::key_log::KeyLog;
use crate::tls::own::OwnCertificate;
use crate::tls::verify::{Verification, client_context};
use crate::wake::RawFd;

type Notify = ThreadsafeFunction<(), (), (), Status, false, false, 0>;

/// JavaScript's end of one I/O thread.
pub struct Handle {
    pub rings: Arc<Rings>,
    pub stats: Arc<Table>,
    notify: napi::sys::napi_threadsafe_function,
    clients: Mutex<Clients>,
    pub servers: Servers,
}

/// Configurations of clients that are kept for connections to come: a program has few. To make one takes half a
/// millisecond, most of it for the system's roots.
const MAX_CONFIGS: usize = 8;

/// Sockets that clients share, one per address family, and configurations that connections share.
#[derive(Default)]
struct Clients {
    v4: Option<ClientSocket>,
    v6: Option<ClientSocket>,
    /// With what they were made of, the one used last in front.
    configs: VecDeque<(String, SharedConfig)>,
}

#[derive(Clone, Copy)]
struct ClientSocket {
    fd: RawFd,
    local: SocketAddr,
    receive_buffer_bytes: usize,
}

thread_local! {
    /// The I/O threads of this JavaScript thread. An environment never leaves its thread.
    static HANDLES: RefCell<HashMap<u32, Rc<Handle>>> = RefCell::default();
}

/// The I/O thread of that number, as long as its environment lives.
pub fn get(id: u32) -> Option<Rc<Handle>> {
    HANDLES.with_borrow(|handles| handles.get(&id).cloned())
}

/// Start an I/O thread. When the environment ends it is stopped and waited for, so that neither it nor a socket of it
/// outlives a terminated worker.
pub fn start(env: &Env, on_events: &Function<(), ()>) -> napi::Result<u32> {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    let notify: Notify = on_events.build_threadsafe_function::<()>().build()?;
    let raw = notify.handle.get_raw();
    let rings = Arc::new(Rings::new().map_err(|error| napi::Error::from_reason(io_text(&error)))?);
    let stats = Arc::<Table>::default();
    let thread = start_thread(rings.clone(), stats.clone(), notify)?;
    let stopping = rings.clone();
    env.add_env_cleanup_hook((), move |()| {
        HANDLES.with_borrow_mut(|handles| handles.remove(&id));
        stopping.push(Input::Stop);
        let _ = thread.join();
    })?;
    let handle = Handle { rings, stats, notify: raw, clients: Mutex::default(), servers: Servers::default() };
    HANDLES.with_borrow_mut(|handles| handles.insert(id, Rc::new(handle)));
    Ok(id)
}

impl Handle {
    pub fn set_referenced(&self, env: &Env, referenced: bool) {
        // SAFETY: the function lives as long as the thread, and this handle is gone before the thread is.
        unsafe {
            if referenced {
                napi::sys::napi_ref_threadsafe_function(env.raw(), self.notify);
            } else {
                napi::sys::napi_unref_threadsafe_function(env.raw(), self.notify);
            }
        }
    }

    pub fn dial(&self, connection: u32, settings: DialSettings) -> Result<Bound, Failure> {
        let remote = socket_address(&settings.address, settings.port)?;
        let verification = verification(&settings, remote.ip())?;
        let certificate = settings.certificate.map(OwnCertificate::from);
        let key_log = KeyLog::open(&settings.transport.key_log_file)?;
        let mut clients = lock(&self.clients);
        let path = path_to(remote.ip());
        let shown = certificate.as_ref().map(|certificate| &certificate.certificate_pem);
        let tls_name = format!("{verification:?} {shown:?}");
        let ticket_scope = sha256(format!("{} {tls_name}", settings.server_name).as_bytes());
        let key_log_file = key_log.as_ref().map(|key_log| &key_log.path);
        let made_of = format!("{:?} {path:?} {tls_name} {key_log_file:?}", settings.transport);
        let config = clients.config(made_of, || {
            let tls = client_context(&verification, certificate.as_ref(), key_log.as_ref())?;
            quic_config(&settings.transport, path, tls)
        })?;
        let socket = clients.socket(remote.ip(), &self.rings)?;
        self.rings.push(Input::Dial(Box::new(Dial {
            connection,
            socket: socket.fd,
            local: socket.local,
            remote,
            server_name: settings.server_name,
            verification,
            ticket: settings.ticket.map(|ticket| ticket.to_vec()),
            ticket_scope: settings.wants_ticket.then_some(ticket_scope),
            early_data: settings.transport.early_data,
            config,
            settings: Arc::new(Settings::try_from(&settings.transport)?),
            stats: self.stats.insert(connection),
        })));
        Ok(bound(socket.local, socket.receive_buffer_bytes, key_log.as_ref()))
    }
}

impl Clients {
    /// The configuration made of that, by `make` when it is not kept.
    fn config(
        &mut self,
        made_of: String,
        make: impl FnOnce() -> Result<quiche::Config, Failure>,
    ) -> Result<SharedConfig, Failure> {
        let at = self.configs.iter().position(|(of, _)| *of == made_of);
        let kept = match at.and_then(|at| self.configs.remove(at)) {
            Some(kept) => kept,
            None => (made_of, Arc::new(Mutex::new(make()?))),
        };
        let config = kept.1.clone();
        self.configs.truncate(MAX_CONFIGS - 1);
        self.configs.push_front(kept);
        Ok(config)
    }

    fn socket(&mut self, remote: IpAddr, rings: &Rings) -> Result<ClientSocket, Failure> {
        let slot = if remote.is_ipv6() { &mut self.v6 } else { &mut self.v4 };
        if let Some(socket) = slot {
            return Ok(*socket);
        }
        let any = any_address(remote.is_ipv6());
        let socket = Socket::bind(any, false).map_err(|error| not_bound(any, &error))?;
        let receive_buffer_bytes = socket.receive_buffer_bytes();
        let client = ClientSocket { fd: socket.fd(), local: socket.local(), receive_buffer_bytes };
        rings.push(Input::AddEndpoint(Box::new(Endpoint {
            socket,
            listener: None,
            connections: 0,
            is_temporary: false,
        })));
        *slot = Some(client);
        Ok(client)
    }
}

fn start_thread(rings: Arc<Rings>, stats: Arc<Table>, notify: Notify) -> napi::Result<JoinHandle<()>> {
    let run = move || {
        let wake = Box::new(move || {
            notify.call((), ThreadsafeFunctionCallMode::NonBlocking);
        });
        let mut driver = Driver::new(rings.clone(), Events::new(rings, wake), stats);
        // Each connection is guarded on its own; what gets here is a bug of the loop itself.
        let _ = catch_unwind(AssertUnwindSafe(|| driver.run()));
    };
    std::thread::Builder::new()
        .name("echostream-io".to_owned())
        .spawn(run)
        .map_err(|error| napi::Error::from_reason(io_text(&error)))
}

fn verification(settings: &DialSettings, remote: IpAddr) -> Result<Verification, Failure> {
    match settings.verification.as_str() {
        "system" => Ok(Verification::System),
        "development" => Ok(Verification::development(remote)),
        "authority" => Ok(Verification::Authority(settings.authority_pem.clone().unwrap_or_default())),
        "none" => Ok(Verification::None),
        "pin" => {
            let pins = settings.pins.as_deref().unwrap_or(&[]);
            let digests = pins.iter().map(|pin| {
                <[u8; 32]>::try_from(pin.as_ref())
                    .map_err(|_| invalid(format!("Pin has {} bytes; a SHA-256 digest has 32", pin.len())))
            });
            let digests: Vec<_> = digests.collect::<Result<_, _>>()?;
            if digests.is_empty() { Err(invalid("No pin was given")) } else { Ok(Verification::Pin(digests)) }
        }
        other => Err(invalid(format!("Unknown verification \"{other}\""))),
    }
}

pub fn socket_address(address: &str, port: u32) -> Result<SocketAddr, Failure> {
    let ip: IpAddr = address.parse().map_err(|_| invalid(format!("\"{address}\" is not an IP address")))?;
    let port = u16::try_from(port).map_err(|_| invalid(format!("Port {port} is not between 0 and 65535")))?;
    Ok(SocketAddr::new(ip, port))
}

/// Why a socket could not be bound, in words.
pub fn not_bound(address: SocketAddr, error: &std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            unavailable(format!("Address {address} is already in use; choose another port, or 0 for a free one"))
        }
        _ => unavailable(format!("Cannot bind to {address}: {}", io_text(error))),
    }
}

pub fn bound(local: SocketAddr, receive_buffer_bytes: usize, key_log: Option<&KeyLog>) -> Bound {
    Bound {
        address: local.ip().to_string(),
        port: u32::from(local.port()),
        receive_buffer_bytes: receive_buffer_bytes as u32,
        wanted_buffer_bytes: crate::socket::SOCKET_BUFFER_BYTES as u32,
        key_log_file: key_log.map(|key_log| key_log.path.clone()),
    }
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
