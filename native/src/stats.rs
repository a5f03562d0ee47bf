//! Counters of the connections, copied now and then to where JavaScript can read them without asking the I/O thread.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::quic::Quic;

/// How many numbers a snapshot has; `native.ts` reads them in the order of [`Shared::update`].
pub const COUNTERS: usize = 21;

/// Of BoringSSL (`ssl_early_data_accepted`).
const EARLY_DATA_ACCEPTED: u32 = 2;

/// The latest snapshot of one connection.
#[derive(Default)]
pub struct Shared(Mutex<[f64; COUNTERS]>);

impl Shared {
    pub fn read(&self) -> [f64; COUNTERS] {
        *lock(&self.0)
    }

    /// Copy the counters out of quiche; `path_limited` says whether something has waited for the path since the last time.
    pub fn update(&self, quic: &Quic, path_limited: bool) {
        let Some(path) = quic.path_stats().find(|path| path.active) else { return };
        let micros = |duration: std::time::Duration| duration.as_micros() as f64;
        *lock(&self.0) = [
            micros(path.rtt),
            path.min_rtt.map_or(0.0, micros),
            path.cwnd as f64,
            path.delivery_rate as f64,
            path.sent as f64,
            path.recv as f64,
            path.lost as f64,
            path.sent_bytes as f64,
            path.recv_bytes as f64,
            path.lost_bytes as f64,
            quic.dgram_max_writable_len().unwrap_or(0) as f64,
            f64::from(u8::from(path_limited)),
            micros(path.rttvar),
            path.pmtu as f64,
            path.retrans as f64,
            path.total_pto_count as f64,
            path.dgram_sent as f64,
            path.dgram_recv as f64,
            path.dgram_lost as f64,
            f64::from(u8::from(quic.is_resumed())),
            f64::from(u8::from(quic.early_data_reason() == EARLY_DATA_ACCEPTED)),
        ];
    }
}

/// Snapshots by connection.
#[derive(Default)]
pub struct Table(Mutex<HashMap<u32, Arc<Shared>>>);

impl Table {
    pub fn insert(&self, connection: u32) -> Arc<Shared> {
        let shared = Arc::<Shared>::default();
        lock(&self.0).insert(connection, shared.clone());
        shared
    }

    pub fn remove(&self, connection: u32) {
        lock(&self.0).remove(&connection);
    }

    pub fn get(&self, connection: u32) -> Option<Arc<Shared>> {
        lock(&self.0).get(&connection).cloned()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
