//! Whether a server takes early data with a client's first packet (RFC 8446 §8): with each ClientHello once at most.
//!
//! Who records a first flight can send it again, and what is in it would be done again. BoringSSL refuses early data of a hello that
//! is more than a minute too old or too young for its ticket; those of that time are remembered here (RFC 8446 §8.2).

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use boring::sha::sha256;
use boring::ssl::{ClientHello, ExtensionType};
use boring_sys as ffi;
use foreign_types_shared::ForeignTypeRef;

use crate::front_door::FrontDoor;
use crate::front_door::counters::Counter;

/// As long a copy of a hello may be taken for fresh: a minute before and a minute after.
const FRESH: Duration = Duration::from_secs(2 * 60);
/// Hellos remembered of that time; when there are more, no early data is taken.
const MAX_HELLOS: usize = 100_000;

/// What early data of a server depends on.
pub struct EarlyData {
    /// Stands for what clients remember of a server: a ticket that was given when it was another is good for no early data.
    scope: [u8; 32],
    started: Instant,
    /// Of the listener, for its counters.
    door: Arc<FrontDoor>,
}

/// The hellos of this process that came with early data.
static HELLOS: Mutex<Option<Hellos>> = Mutex::new(None);

struct Hellos {
    began: Instant,
    /// Of the time since then, and of the time before.
    recent: HashSet<u128>,
    former: HashSet<u128>,
}

impl EarlyData {
    /// `remembered`: the settings clients remember.
    pub fn new(remembered: &str, door: Arc<FrontDoor>) -> EarlyData {
        EarlyData { scope: sha256(remembered.as_bytes()), started: Instant::now(), door }
    }

    /// Decide for one handshake, after its context was chosen. `keys_outlive`: tickets that an earlier process gave can be opened,
    /// and what that has taken is not known here.
    pub fn decide(&self, hello: &mut ClientHello<'_>, keys_outlive: bool) {
        let now = Instant::now();
        let takes = hello.get_extension(ExtensionType::EARLY_DATA).is_none_or(|_| {
            let is_too_soon = keys_outlive && now.saturating_duration_since(self.started) < FRESH;
            !is_too_soon && is_first(name(hello.as_bytes()), now)
        });
        if !takes {
            self.door.counters.increment(Counter::EarlyDataRefused);
        }
        let ssl = hello.ssl_mut();
        // SAFETY: the connection is alive, its handshake has just begun, and BoringSSL copies the bytes.
        unsafe {
            ffi::SSL_set_early_data_enabled(ssl.as_ptr(), takes.into());
            ffi::SSL_set_quic_early_data_context(ssl.as_ptr(), self.scope.as_ptr(), self.scope.len());
        }
    }
}

/// A hello holds 32 random bytes, and a proof over all of it that nobody else can make.
fn name(hello: &[u8]) -> u128 {
    sha256(hello).first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes))
}

fn is_first(hello: u128, now: Instant) -> bool {
    let mut hellos = HELLOS.lock().unwrap_or_else(PoisonError::into_inner);
    hellos.get_or_insert_with(|| Hellos::new(now)).is_first(hello, now)
}

impl Hellos {
    fn new(began: Instant) -> Hellos {
        Hellos { began, recent: HashSet::new(), former: HashSet::new() }
    }

    fn is_first(&mut self, hello: u128, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.began);
        if age >= FRESH {
            self.former = std::mem::take(&mut self.recent);
            if age >= 2 * FRESH {
                self.former = HashSet::new();
            }
            self.began = now;
        }
        self.recent.len() < MAX_HELLOS && !self.former.contains(&hello) && self.recent.insert(hello)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_is_taken_once_for_as_long_as_it_is_fresh() {
        let start = Instant::now();
        let mut hellos = Hellos::new(start);
        assert!(hellos.is_first(1, start) && hellos.is_first(2, start + FRESH / 2));
        assert!(!hellos.is_first(1, start + FRESH / 2));
        assert!(!hellos.is_first(2, start + FRESH + FRESH / 4));
        assert!(hellos.is_first(3, start + FRESH * 2));
        assert!(!hellos.is_first(3, start + FRESH * 2));
        assert!(hellos.is_first(3, start + FRESH * 4));
    }

    #[test]
    fn beyond_the_bound_none_is_taken() {
        let start = Instant::now();
        let mut hellos = Hellos::new(start);
        assert!((0..MAX_HELLOS as u128).all(|hello| hellos.is_first(hello, start)));
        assert!(!hellos.is_first(u128::MAX, start));
        assert!(hellos.is_first(u128::MAX, start + FRESH));
    }
}
