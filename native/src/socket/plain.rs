//! Packets one by one: every Unix system, and the reference the batched calls are compared with.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use crate::send_batch::Run;
use crate::wake::wait_writable;

/// Packets taken in before other work gets its turn.
const MAX_PACKETS: usize = 64;
/// How long a full send buffer is waited for before packets count as lost.
const SEND_WAIT: Duration = Duration::from_millis(5);

/// Nothing to switch on.
pub struct Options;

impl Options {
    pub fn enable(_socket: &UdpSocket, _local: SocketAddr, _source_address: bool) -> Options {
        Options
    }
}

/// Room for one packet of any size.
pub struct ReceiveBuffers(Vec<u8>);

impl ReceiveBuffers {
    pub fn new() -> ReceiveBuffers {
        ReceiveBuffers(vec![0; 65_536])
    }
}

pub fn receive(
    socket: &UdpSocket,
    local: SocketAddr,
    buffers: &mut ReceiveBuffers,
    mut each: impl FnMut(&mut [u8], SocketAddr, SocketAddr),
) -> io::Result<bool> {
    for _ in 0..MAX_PACKETS {
        match socket.recv_from(&mut buffers.0) {
            Ok((length, from)) => {
                if let Some(packet) = buffers.0.get_mut(..length) {
                    each(packet, from, local);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

pub fn send(socket: &UdpSocket, _options: &mut Options, buffer: &[u8], runs: &[Run]) {
    for run in runs {
        let Some(bytes) = buffer.get(run.start..run.start + run.length) else { continue };
        for packet in bytes.chunks(run.segment.max(1)) {
            if let Err(error) = socket.send_to(packet, run.to)
                && error.kind() == io::ErrorKind::WouldBlock
            {
                wait_writable(socket.as_raw_fd(), SEND_WAIT);
                let _ = socket.send_to(packet, run.to);
            }
        }
    }
}
