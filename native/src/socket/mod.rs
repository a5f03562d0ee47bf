//! UDP sockets: how they are bound and tuned, and packets in and out of them.
//!
//! There are three ways to move packets: `batched` (Linux), `messages` (Linux and macOS) and `plain` (everywhere). Each is
//! built wherever it can run, and the first of them is taken, unless `ECHOSTREAM_SOCKETS` names another one: so the ways
//! of other systems are tested on Linux too.

#[cfg(any(target_os = "linux", target_os = "macos"))]
mod address;
#[cfg(target_os = "linux")]
mod batched;
#[cfg(any(target_os = "linux", target_os = "macos"))]
mod control;
#[cfg(any(target_os = "linux", target_os = "macos"))]
mod messages;
mod options;
mod plain;
pub mod sharing;
pub mod source;
mod way;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket as RawSocket, Type};

use crate::send_batch::Run;
use crate::wake::{RawFd, raw_fd};
use way::Way;

/// Bytes asked of the kernel for each direction: a burst at 1 Gbit/s for 30 ms.
pub const SOCKET_BUFFER_BYTES: usize = 4 << 20;
/// How long a full send buffer is waited for before packets count as lost.
const SEND_WAIT: Duration = Duration::from_millis(5);
/// Messages of one receive call, where there are several.
const MESSAGES: usize = 8;
/// Largest UDP datagram, and so the largest aggregate of them.
const MESSAGE_BYTES: usize = 65_536;

/// A bound, non-blocking UDP socket.
pub struct Socket {
    socket: UdpSocket,
    local: SocketAddr,
    way: Way,
}

/// Room for what one receive call takes in. What is never written to is never there.
pub struct ReceiveBuffers(Vec<Vec<u8>>);

impl ReceiveBuffers {
    pub fn new() -> ReceiveBuffers {
        ReceiveBuffers(vec![vec![0; MESSAGE_BYTES]; MESSAGES])
    }
}

/// All addresses of this machine, of that version, and whichever port is free: where clients are bound.
pub fn any_address(is_ipv6: bool) -> SocketAddr {
    let ip = if is_ipv6 { IpAddr::from(Ipv6Addr::UNSPECIFIED) } else { Ipv4Addr::UNSPECIFIED.into() };
    SocketAddr::new(ip, 0)
}

impl Socket {
    /// Bind to `address`. An IPv6 socket takes IPv6 only, so that `[::]` and `0.0.0.0` can be bound side by side.
    /// A socket that `answers` sends from the address it was spoken to, also when it is bound to all of them.
    pub fn bind(address: SocketAddr, answers: bool) -> io::Result<Socket> {
        Socket::bind_with(address, answers, false, Way::chosen()?)
    }

    fn bind_with(address: SocketAddr, answers: bool, shares: bool, way: Way) -> io::Result<Socket> {
        let raw = RawSocket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            raw.set_only_v6(true)?;
        }
        if shares {
            sharing::share(&raw)?;
        }
        // The kernel keeps what its own limits allow; `receive_buffer_bytes` tells how much that is.
        let _ = raw.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
        let _ = raw.set_send_buffer_size(SOCKET_BUFFER_BYTES);
        raw.set_nonblocking(true)?;
        raw.bind(&address.into())?;
        let socket = UdpSocket::from(raw);
        let local = socket.local_addr()?;
        let source_address = answers && local.ip().is_unspecified();
        options::enable(&socket, local, source_address);
        #[cfg(target_os = "linux")]
        if matches!(way, Way::Batched { .. }) {
            // Without it the kernel delivers packets singly, which is received alike.
            options::set(&socket, libc::SOL_UDP, libc::UDP_GRO, 1);
        }
        Ok(Socket { socket, local, way: way.answering(source_address) })
    }

    pub fn local(&self) -> SocketAddr {
        self.local
    }

    pub fn fd(&self) -> RawFd {
        raw_fd(&self.socket)
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
        match &self.way {
            #[cfg(target_os = "linux")]
            Way::Batched { .. } => batched::receive(&self.socket, self.local, buffers, each),
            #[cfg(any(target_os = "linux", target_os = "macos"))]
            Way::Messages { .. } => messages::receive(&self.socket, self.local, buffers, each),
            Way::Plain => plain::receive(&self.socket, self.local, buffers, each),
        }
    }

    /// Send runs of packets out of `buffer`. A packet the network refuses counts as lost; QUIC repeats it.
    pub fn send(&mut self, buffer: &[u8], runs: &[Run]) {
        match &mut self.way {
            #[cfg(target_os = "linux")]
            Way::Batched { segments, source_address } => {
                batched::send(&self.socket, segments, *source_address, buffer, runs);
            }
            #[cfg(any(target_os = "linux", target_os = "macos"))]
            Way::Messages { source_address } => messages::send(&self.socket, *source_address, buffer, runs),
            Way::Plain => plain::send(&self.socket, buffer, runs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    fn ways() -> Vec<Way> {
        ["batched", "messages", "plain"].iter().filter_map(|name| Way::named(name)).collect()
    }

    fn bind(ip: impl Into<IpAddr>, answers: bool, way: &Way) -> Socket {
        Socket::bind_with((ip.into(), 0).into(), answers, false, way.clone()).unwrap()
    }

    /// All packets that come until there are `count`, each with where it came from and to.
    fn take(socket: &Socket, count: usize) -> Vec<(Vec<u8>, SocketAddr, SocketAddr)> {
        let mut buffers = ReceiveBuffers::new();
        let mut packets = Vec::new();
        let waker = crate::wake::Waker::new().unwrap();
        let mut poller = crate::wake::Poller::new(&waker);
        poller.add(socket.fd());
        while packets.len() < count {
            poller.wait(&waker, None);
            while socket.receive(&mut buffers, |packet, from, to| packets.push((packet.to_vec(), from, to))).unwrap() {}
        }
        packets
    }

    /// Two packets of 1,000 bytes and one of 200; returns them.
    fn send_run(socket: &mut Socket, from: Option<SocketAddr>, to: SocketAddr) -> Vec<Vec<u8>> {
        let from = from.unwrap_or(socket.local());
        let buffer: Vec<u8> = (0..2_200).map(|n| (n / 100) as u8).collect();
        let run = Run { socket: socket.fd(), start: 0, length: 2_200, segment: 1_000, from, to, packets: 3 };
        socket.send(&buffer, &[run]);
        buffer.chunks(1_000).map(<[u8]>::to_vec).collect()
    }

    #[test]
    fn every_way_of_sending_is_understood_by_every_way_of_receiving() {
        for sends in ways() {
            for receives in ways() {
                for ip in [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
                    let (mut sender, receiver) = (bind(ip, false, &sends), bind(ip, true, &receives));
                    let sent = send_run(&mut sender, None, receiver.local());
                    let taken = take(&receiver, sent.len());
                    let expected: Vec<_> =
                        sent.into_iter().map(|packet| (packet, sender.local(), receiver.local())).collect();
                    assert_eq!(taken, expected, "{sends:?} to {receives:?} over {ip}");
                }
            }
        }
    }

    #[test]
    fn a_socket_bound_to_all_addresses_answers_from_the_one_it_was_spoken_to() {
        for way in ways().into_iter().filter(|way| !matches!(way, Way::Plain)) {
            let mut server = bind(Ipv4Addr::UNSPECIFIED, true, &way);
            // Linux has all of 127.0.0.0/8; the kernel by itself would answer from 127.0.0.1.
            let spoken_to: SocketAddr = ([127, 0, 0, 3], server.local().port()).into();
            let client = UdpSocket::bind("127.0.0.1:0").unwrap();
            client.send_to(b"question", spoken_to).unwrap();
            let (_, from, to) = take(&server, 1).remove(0);
            assert_eq!(to, spoken_to, "{way:?}");
            send_run(&mut server, Some(to), from);
            let (_, answered_from) = client.recv_from(&mut [0; 2_000]).unwrap();
            assert_eq!(answered_from, spoken_to, "{way:?}");
        }
    }

    #[test]
    fn a_packet_nobody_listens_for_is_lost_without_harm() {
        for way in ways() {
            let (mut one, mut other) = (bind(Ipv4Addr::LOCALHOST, false, &way), bind(Ipv4Addr::LOCALHOST, false, &way));
            let nobody = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            send_run(&mut one, None, nobody);
            send_run(&mut other, None, one.local());
            assert_eq!(take(&one, 3).len(), 3, "{way:?}");
        }
    }
}
