//! QUIC for JavaScript: an I/O thread per environment, or several, and two rings to talk to each (`record.rs` has their layout).
//!
//! This crate knows QUIC and TLS and nothing of what is said over them.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
// Test builds leave out the exports, and with them the only users of some functions.
#![cfg_attr(test, allow(dead_code))]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod addon;
mod clock;
mod close;
mod config;
mod connection;
mod driver;
mod endpoint;
mod error;
mod front_door;
mod handle;
mod heap;
mod lane;
mod listen;
mod qlog;
mod quic;
mod record;
#[cfg(target_os = "linux")]
mod relay;
#[cfg(not(target_os = "linux"))]
#[path = "relay_elsewhere.rs"]
mod relay;
mod resolve;
mod ring;
mod routes;
mod send_batch;
mod socket;
mod stats;
mod strays;
mod timers;
mod tls;
mod wake;
