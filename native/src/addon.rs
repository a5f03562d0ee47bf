//! What JavaScript sees: plain functions and numbers.
//!
//! No classes: Deno runs finalizers of wrapped objects before clean-up hooks when an environment ends, and may call
//! back into JavaScript in between, which would then hold an object whose memory is gone.

use bytes::Bytes;
use napi::Env;
use napi::bindgen_prelude::{Float64ArraySlice, Function, Uint8Array, Uint8ArraySlice};
use napi_derive::napi;

use crate::clock;
use crate::config::TransportSettings;
use crate::error::{Failure, unavailable};
use crate::handle;
use crate::listen;
use crate::ring::Input;
use crate::tls::issue;
use crate::tls::own::OwnCertificate;
use crate::tls::peer::{self, CertificateContent};

type Result<T> = napi::Result<T, &'static str>;

/// What a server asks for.
#[napi(object)]
pub struct ListenSettings {
    pub address: String,
    pub port: u32,
    /// Absent for a development certificate.
    pub identity: Option<IdentitySettings>,
    pub transport: TransportSettings,
    pub accept: AcceptSettings,
    /// Present when other programs serve the same address.
    pub share: Option<ShareSettings>,
}

/// Which of the programs that serve an address this one is.
#[napi(object)]
pub struct ShareSettings {
    pub index: u32,
    pub count: u32,
}

/// Whom a server lets in, as `AcceptOptions` of `accept_options.ts` names it.
#[napi(object)]
pub struct AcceptSettings {
    pub max_connections: u32,
    pub max_connections_per_address: u32,
    pub max_handshakes: u32,
    pub max_handshakes_per_address: u32,
    pub retry_threshold: u32,
    pub exempt_loopback: bool,
    pub max_resets_per_s: u32,
    pub secret: Option<Uint8Array>,
}

/// PEM of a certificate chain and its key.
#[napi(object)]
pub struct CertificateSettings {
    pub certificate_pem: String,
    pub key_pem: String,
}

impl From<OwnCertificate> for CertificateSettings {
    fn from(own: OwnCertificate) -> CertificateSettings {
        CertificateSettings { certificate_pem: own.certificate_pem, key_pem: own.key_pem }
    }
}

impl From<CertificateSettings> for OwnCertificate {
    fn from(settings: CertificateSettings) -> OwnCertificate {
        OwnCertificate { certificate_pem: settings.certificate_pem, key_pem: settings.key_pem }
    }
}

/// Who a server is.
#[napi(object)]
pub struct IdentitySettings {
    /// The first is shown to clients that ask for a name in none of them.
    pub certificates: Vec<CertificateSettings>,
    /// PEM of those whose certificates clients are asked for.
    pub client_authority_pem: Option<String>,
    /// Whether a client without one is refused.
    pub requires_client_certificate: bool,
    /// Of session tickets, 48 bytes each, the newest first; absent for those of the process.
    pub ticket_keys: Option<Vec<Uint8Array>>,
}

/// What a client asks for.
#[napi(object)]
pub struct DialSettings {
    pub address: String,
    pub port: u32,
    pub server_name: String,
    /// `system`, `authority`, `pin`, `development` or `none`.
    pub verification: String,
    pub authority_pem: Option<String>,
    pub pins: Option<Vec<Uint8Array>>,
    /// What a server that asks is shown.
    pub certificate: Option<CertificateSettings>,
    /// Of an earlier connection.
    pub ticket: Option<Uint8Array>,
    /// Whether to be told of one for the next.
    pub wants_ticket: bool,
    pub transport: TransportSettings,
}

/// A bound socket.
#[napi(object)]
pub struct Bound {
    pub address: String,
    pub port: u32,
    /// What the kernel left of the receive buffer asked for.
    pub receive_buffer_bytes: u32,
    pub wanted_buffer_bytes: u32,
    /// Where the secrets of its connections are written.
    pub key_log_file: Option<String>,
}

/// Start an I/O thread and return its number. `on_events` is called, without arguments, when there is something to drain.
/// The thread ends with the environment; after that its number means nothing, and the other functions do nothing.
#[napi(catch_unwind)]
pub fn start(env: Env, on_events: Function<(), ()>) -> napi::Result<u32> {
    handle::start(&env, &on_events)
}

/// Hand over the first `length` bytes of `commands`; none of them: everything drained so far has been dealt with.
#[napi(catch_unwind)]
pub fn submit(driver: u32, commands: &[u8], length: u32) {
    let Some(handle) = handle::get(driver) else { return };
    if length == 0 {
        handle.rings.push_nothing();
    } else if let Some(commands) = commands.get(..length as usize) {
        handle.rings.push(Input::Commands(Bytes::copy_from_slice(commands)));
    }
}

/// Fill `target` with events; returns the bytes written, 0 when there is nothing more.
#[napi(catch_unwind)]
pub fn drain_into(driver: u32, mut target: Uint8ArraySlice) -> u32 {
    // SAFETY: JavaScript waits for this call and shares the array with nobody.
    handle::get(driver).map_or(0, |handle| handle.rings.drain_into(unsafe { target.as_mut() }) as u32)
}

/// Bind a server's address and accept connections on it, as `listener`, in all of these threads. What concerns the listener as a whole is
/// asked of the first of them.
#[napi(catch_unwind)]
pub fn listen(drivers: Vec<u32>, listener: u32, settings: ListenSettings) -> Result<Bound> {
    let threads: Option<Vec<_>> = drivers.into_iter().map(handle::get).collect();
    Ok(listen::listen(&threads.ok_or_else(ended)?, listener, settings)?)
}

/// Show another identity from the next handshake on. One that cannot be used changes nothing.
#[napi(catch_unwind)]
pub fn set_identity(driver: u32, listener: u32, identity: IdentitySettings) -> Result<()> {
    let handle = handle::get(driver).ok_or_else(ended)?;
    Ok(handle.servers.set_identity(listener, identity)?)
}

/// Read a certificate (DER).
#[napi(catch_unwind)]
pub fn read_certificate(der: &[u8]) -> Result<CertificateContent> {
    Ok(peer::content(der)?)
}

/// What a certificate for a test is to say.
#[napi(object)]
pub struct CertificateRequest {
    pub common_name: String,
    pub names: Vec<String>,
    /// Milliseconds since 1970.
    pub not_before_ms: f64,
    pub not_after_ms: f64,
}

/// A new authority for tests.
#[napi(catch_unwind)]
pub fn create_authority(name: String) -> Result<CertificateSettings> {
    Ok(issue::authority(&name)?.into())
}

/// A new certificate of the authority with that name and key.
#[napi(catch_unwind)]
pub fn issue_certificate(name: String, key_pem: String, request: CertificateRequest) -> Result<CertificateSettings> {
    let CertificateRequest { common_name, names, not_before_ms, not_after_ms } = request;
    Ok(issue::issue(&name, &key_pem, &issue::Request { common_name, names, not_before_ms, not_after_ms })?.into())
}

/// Stop accepting; the socket of each thread closes with its last connection.
#[napi(catch_unwind)]
pub fn close_listener(driver: u32, listener: u32) {
    if let Some(handle) = handle::get(driver) {
        handle.servers.close(listener);
    }
}

/// Begin a handshake, as `connection`.
#[napi(catch_unwind)]
pub fn dial(driver: u32, connection: u32, settings: DialSettings) -> Result<Bound> {
    let handle = handle::get(driver).ok_or_else(ended)?;
    Ok(handle.dial(connection, settings)?)
}

/// Copy a connection's counters, a few milliseconds old at most; false when it is gone.
#[napi(catch_unwind)]
pub fn stats(driver: u32, connection: u32, mut target: Float64ArraySlice) -> bool {
    let Some(shared) = handle::get(driver).and_then(|handle| handle.stats.get(connection)) else { return false };
    // SAFETY: JavaScript waits for this call and shares the array with nobody.
    for (room, value) in unsafe { target.as_mut() }.iter_mut().zip(shared.read()) {
        *room = value;
    }
    true
}

/// Copy the last counters of a connection that has ended, which are forgotten with that.
#[napi(catch_unwind)]
pub fn last_stats(driver: u32, connection: u32, target: Float64ArraySlice) {
    stats(driver, connection, target);
    if let Some(handle) = handle::get(driver) {
        handle.stats.remove(connection);
    }
}

/// Copy a listener's counters, which `front_door/counters.rs` names; false when it is gone.
#[napi(catch_unwind)]
pub fn listener_stats(driver: u32, listener: u32, mut target: Float64ArraySlice) -> bool {
    let Some(door) = handle::get(driver).and_then(|handle| handle.servers.door_of(listener)) else { return false };
    // SAFETY: JavaScript waits for this call and shares the array with nobody.
    for (room, value) in unsafe { target.as_mut() }.iter_mut().zip(door.counters.read()) {
        *room = value;
    }
    true
}

/// Whether the thread keeps the program alive.
#[napi(catch_unwind)]
pub fn set_referenced(env: Env, driver: u32, referenced: bool) {
    if let Some(handle) = handle::get(driver) {
        handle.set_referenced(&env, referenced);
    }
}

/// Call `on_events` in `delay_us` microseconds, be there something to drain or not. Only the last call counts.
#[napi(catch_unwind)]
pub fn set_alarm(driver: u32, delay_us: f64) {
    if let Some(handle) = handle::get(driver) {
        // Conversion saturates: of what is negative or no number, 0 comes.
        handle.rings.set_alarm(clock::now_us().saturating_add(delay_us as u64).max(1));
    }
}

/// How many processors this program may use.
#[napi(catch_unwind)]
pub fn processors() -> u32 {
    std::thread::available_parallelism().map_or(1, |count| count.get() as u32)
}

/// The clock that stamps packets, in microseconds.
#[napi(catch_unwind)]
pub fn now_us() -> f64 {
    clock::now_us() as f64
}

fn ended() -> Failure {
    unavailable("The program is ending")
}
