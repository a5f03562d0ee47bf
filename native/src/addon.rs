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
use crate::ring::Input;

type Result<T> = napi::Result<T, &'static str>;

/// What a server asks for.
#[napi(object)]
pub struct ListenSettings {
    pub address: String,
    pub port: u32,
    /// PEM of a certificate chain and its key; both absent for a development certificate.
    pub certificate_pem: Option<String>,
    pub key_pem: Option<String>,
    pub transport: TransportSettings,
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
}

/// Start an I/O thread and return its number. `on_events` is called, without arguments, when there is something to drain.
/// The thread ends with the environment; after that its number means nothing, and the other functions do nothing.
#[napi(catch_unwind)]
pub fn start(env: Env, on_events: Function<(), ()>) -> napi::Result<u32> {
    handle::start(&env, &on_events)
}

/// Hand over the first `length` bytes of `commands`.
#[napi(catch_unwind)]
pub fn submit(driver: u32, commands: &[u8], length: u32) {
    if let (Some(handle), Some(commands)) = (handle::get(driver), commands.get(..length as usize)) {
        handle.rings.push(Input::Commands(Bytes::copy_from_slice(commands)));
    }
}

/// Fill `target` with events; returns the bytes written, 0 when there is nothing more.
#[napi(catch_unwind)]
pub fn drain_into(driver: u32, mut target: Uint8ArraySlice) -> u32 {
    // SAFETY: JavaScript waits for this call and shares the array with nobody.
    handle::get(driver).map_or(0, |handle| handle.rings.drain_into(unsafe { target.as_mut() }) as u32)
}

/// Bind a server's socket and accept connections on it, as `listener`.
#[napi(catch_unwind)]
pub fn listen(driver: u32, listener: u32, settings: ListenSettings) -> Result<Bound> {
    let handle = handle::get(driver).ok_or_else(ended)?;
    Ok(handle.listen(listener, settings)?)
}

/// Stop accepting; the socket closes with its last connection.
#[napi(catch_unwind)]
pub fn close_listener(driver: u32, listener: u32) {
    if let Some(handle) = handle::get(driver) {
        handle.rings.push(Input::CloseListener(listener));
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

/// The clock that stamps packets, in microseconds.
#[napi(catch_unwind)]
pub fn now_us() -> f64 {
    clock::now_us() as f64
}

fn ended() -> Failure {
    unavailable("The program is ending")
}
