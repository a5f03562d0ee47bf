//! Counters of the connections, copied now and then to where JavaScript can read them without asking the I/O thread.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::quic::{Quic, datagram_room};

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

    /// Copy the counters out of quiche: what is counted of all paths together, what is measured of the one in use. Its packets are
    /// of `packet_bytes` at most; `path_limited` says whether something has waited for the path since the last time.
    pub fn update(&self, quic: &Quic, packet_bytes: usize, path_limited: bool) {
        let Some(path) = quic.path_stats().find(|path| path.active) else { return };
        let all = quic.stats();
        let of_paths =
            |count: fn(&quiche::PathStats) -> usize| quic.path_stats().map(|path| count(&path)).sum::<usize>() as f64;
        let micros = |duration: std::time::Duration| duration.as_micros() as f64;
        *lock(&self.0) = [
            micros(path.rtt),
            path.min_rtt.map_or(0.0, micros),
            path.cwnd as f64,
            path.delivery_rate as f64,
            all.sent as f64,
            all.recv as f64,
            of_paths(|path| path.lost),
            all.sent_bytes as f64,
            all.recv_bytes as f64,
            of_paths(|path| path.lost_bytes as usize),
            datagram_room(quic, packet_bytes).unwrap_or(0) as f64,
            f64::from(u8::from(path_limited)),
            micros(path.rttvar),
            path.pmtu.min(packet_bytes) as f64,
            of_paths(|path| path.retrans),
            of_paths(|path| path.total_pto_count),
            all.dgram_sent as f64,
            all.dgram_recv as f64,
            of_paths(|path| path.dgram_lost),
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
