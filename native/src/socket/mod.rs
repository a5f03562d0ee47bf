//! UDP sockets: how they are bound and tuned, and packets in and out of them.

#[cfg(all(target_os = "linux", not(feature = "plain-sockets")))]
mod address;
#[cfg(all(target_os = "linux", not(feature = "plain-sockets")))]
mod batched;
#[cfg(not(all(target_os = "linux", not(feature = "plain-sockets"))))]
mod plain;

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

use socket2::{Domain, Protocol, Socket as RawSocket, Type};

#[cfg(all(target_os = "linux", not(feature = "plain-sockets")))]
use batched as packets;
#[cfg(not(all(target_os = "linux", not(feature = "plain-sockets"))))]
use plain as packets;

use crate::send_batch::Run;
pub use packets::ReceiveBuffers;

/// Bytes asked of the kernel for each direction: a burst at 1 Gbit/s for 30 ms.
pub const SOCKET_BUFFER_BYTES: usize = 4 << 20;

/// A bound, non-blocking UDP socket.
pub struct Socket {
    socket: UdpSocket,
    local: SocketAddr,
    options: packets::Options,
}

impl Socket {
    /// Bind to `address`. An IPv6 socket takes IPv6 only, so that `[::]` and `0.0.0.0` can be bound side by side.
    /// A socket that `answers` sends from the address it was spoken to, also when it is bound to all of them.
    pub fn bind(address: SocketAddr, answers: bool) -> io::Result<Socket> {
        let raw = RawSocket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            raw.set_only_v6(true)?;
        }
        // The kernel keeps what its own limits allow; `receive_buffer_bytes` tells how much that is.
        let _ = raw.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
        let _ = raw.set_send_buffer_size(SOCKET_BUFFER_BYTES);
        raw.set_nonblocking(true)?;
        raw.bind(&address.into())?;
        let socket = UdpSocket::from(raw);
        let local = socket.local_addr()?;
        let options = packets::Options::enable(&socket, local, answers && local.ip().is_unspecified());
        Ok(Socket { socket, local, options })
    }

    pub fn local(&self) -> SocketAddr {
        self.local
    }

    pub fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// The receive buffer the kernel granted; Linux doubles what it was asked for, for its own book-keeping.
    pub fn receive_buffer_bytes(&self) -> usize {
        let bytes = socket2::SockRef::from(&self.socket).recv_buffer_size().unwrap_or(0);
        if cfg!(target_os = "linux") { bytes / 2 } else { bytes }
    }

    /// Take in what has arrived, up to what the buffers hold: calls `each(packet, from, to)`, and returns whether the
    /// socket may hold more.
    pub fn receive(
        &self,
        buffers: &mut ReceiveBuffers,
        each: impl FnMut(&mut [u8], SocketAddr, SocketAddr),
    ) -> io::Result<bool> {
        packets::receive(&self.socket, self.local, buffers, each)
    }

    /// Send runs of packets out of `buffer`. A packet the network refuses counts as lost; QUIC repeats it.
    pub fn send(&mut self, buffer: &[u8], runs: &[Run]) {
        packets::send(&self.socket, &mut self.options, buffer, runs);
    }
}
