//! Packets that came to the socket of one thread and belong to a connection of another: how they get there.
//!
//! The kernel goes by the connection id (`socket/sharing.rs`), but of packets that it got in one piece, for several connections of
//! one client, by that of the first only. Where programs share an address it knows nothing of ids (`relay.rs`).

use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use crate::endpoint::Listener;
use crate::front_door::counters::Counter;
use crate::ring::{Input, Rings};
use crate::socket::SOCKET_BUFFER_BYTES;

/// No program is that lane now.
pub struct NobodyThere;

/// Packets for one thread.
#[derive(Default)]
pub struct Lot {
    pub listener: u32,
    /// When the first of them arrived.
    pub arrival_us: u64,
    pub bytes: Vec<u8>,
    pub packets: Vec<Stray>,
}

/// One of them: its length in the bytes of its lot, where it came from and to.
#[derive(Clone, Copy)]
pub struct Stray {
    pub length: usize,
    pub from: SocketAddr,
    pub to: SocketAddr,
}

/// Packets for other threads, by the lane they belong to. Empty, it holds no memory.
#[derive(Default)]
pub struct Strays(Vec<Lot>);

impl Strays {
    pub fn add(&mut self, lane: usize, packet: &[u8], from: SocketAddr, to: SocketAddr, arrival_us: u64) {
        if self.0.len() <= lane {
            self.0.resize_with(lane + 1, Lot::default);
        }
        let Some(lot) = self.0.get_mut(lane) else { return };
        if lot.packets.is_empty() {
            lot.arrival_us = arrival_us;
        }
        lot.bytes.extend_from_slice(packet);
        lot.packets.push(Stray { length: packet.len(), from, to });
    }

    /// Give them to whom they belong. Who is far behind gets no more, as from a socket whose buffer is full. Returns those of programs that
    /// are not there.
    pub fn hand_over(self, listener: &Listener) -> Vec<Lot> {
        let mut orphans = Vec::new();
        for (lane, lot) in self.0.into_iter().enumerate().filter(|(_, lot)| !lot.packets.is_empty()) {
            let count = lot.packets.len();
            let lot = Lot { listener: listener.id, ..lot };
            let taken = match (listener.siblings.get(lane), &listener.relay) {
                (Some(rings), _) => give(&rings, lot),
                (None, Some(relay)) => match relay.send(lane, &lot) {
                    Ok(taken) => taken,
                    Err(NobodyThere) => {
                        orphans.push(lot);
                        continue;
                    }
                },
                (None, None) => 0,
            };
            listener.door.counters.add(Counter::HandedOver, taken);
            listener.door.counters.add(Counter::DroppedHandingOver, count - taken);
        }
        orphans
    }
}

/// Returns how many were taken.
fn give(rings: &Rings, lot: Lot) -> usize {
    let count = lot.packets.len();
    if rings.stray_bytes() >= SOCKET_BUFFER_BYTES {
        return 0;
    }
    rings.push(Input::Strays(Box::new(lot)));
    count
}

/// The threads of this listener, which have lanes in a row. They own their rings; nobody here keeps these alive.
#[derive(Clone)]
pub struct Siblings {
    pub first: usize,
    pub threads: Arc<[Weak<Rings>]>,
}

impl Siblings {
    pub fn includes(&self, lane: usize) -> bool {
        (self.first..self.first + self.threads.len()).contains(&lane)
    }

    fn get(&self, lane: usize) -> Option<Arc<Rings>> {
        self.threads.get(lane.checked_sub(self.first)?)?.upgrade()
    }
}
