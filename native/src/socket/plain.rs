//! Packets one by one by the calls of Rust's own library: every system. A socket bound to all addresses answers from the
//! one the system chooses.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use super::{ReceiveBuffers, SEND_WAIT};
use crate::send_batch::Run;
use crate::wake::{raw_fd, wait_writable};

/// Packets taken in before other work gets its turn.
const MAX_PACKETS: usize = 64;

pub fn receive(
    socket: &UdpSocket,
    local: SocketAddr,
    buffers: &mut ReceiveBuffers,
    mut each: impl FnMut(&mut [u8], SocketAddr, SocketAddr),
) -> io::Result<bool> {
    receive_each(buffers, |buffer| {
        let (length, from) = socket.recv_from(buffer)?;
        if let Some(packet) = buffer.get_mut(..length) {
            each(packet, from, local);
        }
        Ok(())
    })
}

pub fn send(socket: &UdpSocket, buffer: &[u8], runs: &[Run]) {
    send_each(socket, buffer, runs, |packet, run| socket.send_to(packet, run.to).map(|_| ()));
}

/// Take in packets by `receive_one` until there is none, or others have their turn (true).
pub fn receive_each(
    buffers: &mut ReceiveBuffers,
    mut receive_one: impl FnMut(&mut [u8]) -> io::Result<()>,
) -> io::Result<bool> {
    let Some(buffer) = buffers.0.first_mut() else { return Ok(false) };
    for _ in 0..MAX_PACKETS {
        match receive_one(buffer) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            // Some systems tell here that a packet sent earlier reached nobody, which QUIC finds out for itself.
            Err(error) if is_echo(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

fn is_echo(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::Interrupted
    )
}

/// Send every packet of `runs` by `send_one`, and wait once for room where there is none.
pub fn send_each(
    socket: &UdpSocket,
    buffer: &[u8],
    runs: &[Run],
    mut send_one: impl FnMut(&[u8], &Run) -> io::Result<()>,
) {
    for run in runs {
        let Some(bytes) = buffer.get(run.start..run.start + run.length) else { continue };
        for packet in bytes.chunks(run.segment.max(1)) {
            if let Err(error) = send_one(packet, run)
                && error.kind() == io::ErrorKind::WouldBlock
            {
                wait_writable(raw_fd(socket), SEND_WAIT);
                let _ = send_one(packet, run);
            }
        }
    }
}
