//! Packets that came to the socket of one thread and belong to a connection of another: how they get there.
//!
//! The kernel goes by the connection id (`socket/sharing.rs`), but of packets that it got in one piece, for several connections of
//! one client, by that of the first only.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use crate::endpoint::Listener;
use crate::front_door::counters::Counter;
use crate::ring::{Input, Rings};
use crate::socket::SOCKET_BUFFER_BYTES;

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

    /// Give them to the threads of `listener`. One that is far behind gets no more, as from a socket whose buffer is full.
    pub fn hand_over(self, listener: &Listener) {
        for (lot, rings) in self.0.into_iter().zip(listener.lanes.iter()) {
            if lot.packets.is_empty() {
                continue;
            }
            let Some(rings) = rings.upgrade() else { continue };
            let count = lot.packets.len();
            let is_taken = rings.stray_bytes() < SOCKET_BUFFER_BYTES;
            if is_taken {
                rings.push(Input::Strays(Box::new(Lot { listener: listener.id, ..lot })));
            }
            listener.door.counters.add(if is_taken { Counter::HandedOver } else { Counter::DroppedHandingOver }, count);
        }
    }
}

/// The threads that serve one address, by lane. They own their rings; nobody here keeps these alive.
pub type Lanes = Arc<[Weak<Rings>]>;
