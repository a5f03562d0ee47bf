//! Packets for a program that shares our address: those of its connections that came to one of our sockets.
//!
//! The kernel spreads packets over the sockets of an address by where they come from and how many sockets there are. So a packet comes to
//! another program than its connection's when its client's address has changed, or when a program has joined or left. Each thread of each
//! program listens on a socket of this machine that is named after the address and the lane; packets that came together travel together,
//! sealed by a key that all programs derive from the secret they share.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixDatagram};

use boring::hash::hmac_sha256;

use crate::clock::now_us;
use crate::socket::SOCKET_BUFFER_BYTES;
use crate::strays::{Lot, NobodyThere, Stray};
use crate::wake::{RawFd, raw_fd};

/// Bytes that travel at once, about: the kernel counts what waits in datagrams, and lets as few as ten.
const BATCH_BYTES: usize = 64 << 10;
const TAG_BYTES: usize = 16;
/// Before each packet: its length, and where it came from and to.
const HEADER_BYTES: usize = 2 + 2 * ADDRESS_BYTES;
/// An IPv6 address, port and scope.
const ADDRESS_BYTES: usize = 16 + 2 + 4;

/// One thread's end.
pub struct Relay {
    socket: UnixDatagram,
    address: SocketAddr,
    key: [u8; 32],
}

impl Relay {
    /// Listen for packets to `lane` of `address`. Fails with `AddrInUse` when another thread is that lane.
    pub fn bind(address: SocketAddr, lane: usize, key: [u8; 32]) -> io::Result<Relay> {
        let socket = UnixDatagram::bind_addr(&name(address, lane)?)?;
        socket.set_nonblocking(true)?;
        // The kernel keeps what its own limits allow.
        let _ = socket2::SockRef::from(&socket).set_send_buffer_size(SOCKET_BUFFER_BYTES);
        Ok(Relay { socket, address, key })
    }

    pub fn fd(&self) -> RawFd {
        raw_fd(&self.socket)
    }

    /// Send packets to the thread that is `lane`; returns how many left: not all when it is far behind.
    pub fn send(&self, lane: usize, lot: &Lot) -> Result<usize, NobodyThere> {
        let name = name(self.address, lane).map_err(|_| NobodyThere)?;
        let mut batch = vec![0; TAG_BYTES];
        let (mut sent, mut gathered) = (0, 0);
        let mut rest = lot.bytes.as_slice();
        for (index, stray) in lot.packets.iter().enumerate() {
            let Some((packet, others)) = rest.split_at_checked(stray.length) else { break };
            rest = others;
            batch.extend_from_slice(&(stray.length as u16).to_be_bytes());
            write_address(stray.from, &mut batch);
            write_address(stray.to, &mut batch);
            batch.extend_from_slice(packet);
            gathered += 1;
            if batch.len() >= BATCH_BYTES || index + 1 == lot.packets.len() {
                match self.seal_and_send(&mut batch, &name) {
                    Ok(()) => sent += gathered,
                    Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Err(NobodyThere),
                    Err(_) => {}
                }
                batch.truncate(TAG_BYTES);
                gathered = 0;
            }
        }
        Ok(sent)
    }

    fn seal_and_send(&self, batch: &mut [u8], name: &UnixAddress) -> io::Result<()> {
        if let Some((tag, content)) = batch.split_first_chunk_mut::<TAG_BYTES>() {
            *tag = self.tag(content).ok_or(io::ErrorKind::Other)?;
        }
        self.socket.send_to_addr(batch, name).map(|_| ())
    }

    /// Packets that another program has sent here, for `listener`; `None` when there are none (any more).
    pub fn receive(&self, listener: u32) -> Option<Lot> {
        let mut batch = vec![0; BATCH_BYTES + HEADER_BYTES + usize::from(u16::MAX) + TAG_BYTES];
        loop {
            let length = self.socket.recv(&mut batch).ok()?;
            // Whoever has not the secret is not heard.
            if let Some(lot) = batch.get(..length).and_then(|batch| self.open(batch, listener)) {
                return Some(lot);
            }
        }
    }

    fn open(&self, batch: &[u8], listener: u32) -> Option<Lot> {
        let (tag, mut rest) = batch.split_first_chunk::<TAG_BYTES>()?;
        if !boring::memcmp::eq(tag, &self.tag(rest)?) {
            return None;
        }
        // When it came here: later than in truth, which harms no measurement.
        let mut lot = Lot { listener, arrival_us: now_us(), ..Lot::default() };
        while let Some((header, others)) = rest.split_first_chunk::<HEADER_BYTES>() {
            let (length, addresses) = header.split_first_chunk::<2>()?;
            let (from, to) = addresses.split_at_checked(ADDRESS_BYTES)?;
            let (packet, others) = others.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            lot.bytes.extend_from_slice(packet);
            lot.packets.push(Stray { length: packet.len(), from: read_address(from)?, to: read_address(to)? });
            rest = others;
        }
        Some(lot)
    }

    fn tag(&self, content: &[u8]) -> Option<[u8; TAG_BYTES]> {
        hmac_sha256(&self.key, content).ok()?.first_chunk().copied()
    }
}

/// A name that is no file, and is free again when its socket is closed (unix(7), abstract).
fn name(address: SocketAddr, lane: usize) -> io::Result<UnixAddress> {
    UnixAddress::from_abstract_name(format!("echostream {address} {lane}"))
}

fn write_address(address: SocketAddr, target: &mut Vec<u8>) {
    let (ip, scope) = match address {
        SocketAddr::V4(v4) => (v4.ip().to_ipv6_mapped(), 0),
        SocketAddr::V6(v6) => (*v6.ip(), v6.scope_id()),
    };
    target.extend_from_slice(&ip.octets());
    target.extend_from_slice(&address.port().to_be_bytes());
    target.extend_from_slice(&scope.to_be_bytes());
}

fn read_address(bytes: &[u8]) -> Option<SocketAddr> {
    let (ip, rest) = bytes.split_first_chunk::<16>()?;
    let (port, scope) = rest.split_first_chunk::<2>()?;
    let port = u16::from_be_bytes(*port);
    Some(match Ipv6Addr::from(*ip).to_canonical() {
        IpAddr::V4(v4) => (v4, port).into(),
        IpAddr::V6(v6) => SocketAddrV6::new(v6, port, 0, u32::from_be_bytes(*scope.first_chunk()?)).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn address(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    fn lot(packets: &[(Vec<u8>, SocketAddr, SocketAddr)]) -> Lot {
        Lot {
            bytes: packets.iter().flat_map(|(packet, ..)| packet.clone()).collect(),
            packets: packets
                .iter()
                .map(|(packet, from, to)| Stray { length: packet.len(), from: *from, to: *to })
                .collect(),
            ..Lot::default()
        }
    }

    fn taken(lot: Lot) -> Vec<(Vec<u8>, SocketAddr, SocketAddr)> {
        let mut rest = lot.bytes.as_slice();
        let mut next = |length| rest.split_off(..length).unwrap().to_vec();
        lot.packets.iter().map(|stray| (next(stray.length), stray.from, stray.to)).collect()
    }

    #[test]
    fn packets_arrive_whole_with_their_addresses() {
        let (one, other) = (Relay::bind(address(1), 0, KEY).unwrap(), Relay::bind(address(1), 1, KEY).unwrap());
        let v6 = SocketAddrV6::new("fe80::1".parse().unwrap(), 9, 0, 3).into();
        let packets = vec![(vec![1; 1_200], address(5), address(1)), (vec![2; 30], v6, address(1)), (vec![], v6, v6)];
        assert!(matches!(one.send(1, &lot(&packets)), Ok(3)));
        let received = other.receive(4).unwrap();
        assert_eq!(received.listener, 4);
        assert_eq!(taken(received), packets);
        assert!(other.receive(4).is_none() && one.receive(4).is_none());
    }

    #[test]
    fn many_packets_travel_in_few_pieces() {
        let (one, other) = (Relay::bind(address(2), 0, KEY).unwrap(), Relay::bind(address(2), 1, KEY).unwrap());
        let packets: Vec<_> = (0..100).map(|n| (vec![n as u8; 1_400], address(n), address(2))).collect();
        assert!(matches!(one.send(1, &lot(&packets)), Ok(100)));
        let mut received = Vec::new();
        let mut pieces = 0;
        while let Some(lot) = other.receive(0) {
            received.extend(taken(lot));
            pieces += 1;
        }
        assert_eq!((received, pieces), (packets, 3));
    }

    #[test]
    fn who_has_another_secret_is_not_heard_and_nobody_takes_a_lane_that_is_taken() {
        let one = Relay::bind(address(3), 0, KEY).unwrap();
        let stranger = Relay::bind(address(3), 1, [8; 32]).unwrap();
        let packets = [(vec![1; 50], address(5), address(3))];
        assert!(matches!(stranger.send(0, &lot(&packets)), Ok(1)));
        stranger.socket.send_to_addr(b"short", &name(address(3), 0).unwrap()).unwrap();
        assert!(one.receive(0).is_none());
        assert_eq!(Relay::bind(address(3), 0, KEY).err().unwrap().kind(), io::ErrorKind::AddrInUse);
        assert!(matches!(one.send(2, &lot(&packets)), Err(NobodyThere)));
    }
}
