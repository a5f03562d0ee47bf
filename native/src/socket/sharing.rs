//! Several sockets of one address, one for each thread: Linux lets programs say which of them gets a packet. Elsewhere sockets can share
//! an address too, but all packets would go to one of them.

use std::io;
use std::net::{SocketAddr, UdpSocket};
#[cfg(target_os = "linux")]
use std::os::fd::AsFd;

use super::Socket;
use super::way::Way;

/// Whether this system can.
pub const IS_SUPPORTED: bool = cfg!(target_os = "linux");

impl Socket {
    /// Bind `count` sockets to `address` that answer, and that share it with those of other programs.
    pub fn bind_shared(address: SocketAddr, count: usize) -> io::Result<Vec<Socket>> {
        (0..count).map(|_| Socket::bind_with(address, true, true, Way::chosen()?)).collect()
    }

    /// Bind `count` sockets to `address` that answer, one for each lane, in their order. Nobody else may have the address, nor gets it.
    pub fn bind_lanes(address: SocketAddr, count: usize) -> io::Result<Vec<Socket>> {
        // Sharing is allowed only when the address is taken: it fails where another program has it, one that shares it included.
        let first = Socket::bind(address, true)?;
        if count == 1 {
            return Ok(vec![first]);
        }
        share(&first.socket)?;
        let others = (1..count).map(|_| Socket::bind_with(first.local(), true, true, Way::chosen()?));
        let others = others.collect::<io::Result<Vec<Socket>>>()?;
        steer(&first.socket, count)?;
        Ok([first].into_iter().chain(others).collect())
    }
}

/// Let other sockets of this user have the same address.
#[cfg(target_os = "linux")]
pub fn share(socket: &impl AsFd) -> io::Result<()> {
    socket2::SockRef::from(socket).set_reuse_port(true)
}

/// Steer packets among `count` sockets of one address, of which `socket` is one: each to the socket whose number, in the order of binding,
/// is the first byte of its destination connection id modulo `count`, as `lane.rs` has it.
#[cfg(target_os = "linux")]
fn steer(socket: &UdpSocket, count: usize) -> io::Result<()> {
    use libc::{BPF_A, BPF_ABS, BPF_ALU, BPF_B, BPF_JA, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_MOD, BPF_RET};
    let step = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter { code: code as u16, jt, jf, k };
    let load_byte = |at: u32| step(BPF_LD | BPF_B | BPF_ABS, 0, 0, at);
    // A long header has the length of the id before it, a short one has nothing (RFC 8999 §5).
    let mut program = [
        load_byte(0),
        step(BPF_JMP | BPF_JSET | BPF_K, 0, 2, 0x80),
        load_byte(6),
        step(BPF_JMP | BPF_JA, 0, 0, 1),
        load_byte(1),
        step(BPF_ALU | BPF_MOD | BPF_K, 0, 0, count as u32),
        step(BPF_RET | BPF_A, 0, 0, 0),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the kernel copies the program, which outlives the call.
    let result = unsafe {
        libc::setsockopt(
            crate::wake::raw_fd(socket),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_REUSEPORT_CBPF,
            std::ptr::from_ref(&filter).cast(),
            size_of::<libc::sock_fprog>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(not(target_os = "linux"))]
pub fn share<S>(_socket: &S) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
fn steer(_socket: &UdpSocket, _count: usize) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::super::ReceiveBuffers;
    use super::*;

    #[test]
    fn packets_go_to_the_socket_their_connection_id_names() {
        for ip in ["127.0.0.1:0", "[::1]:0"] {
            let sockets = Socket::bind_lanes(ip.parse().unwrap(), 3).unwrap();
            let client = UdpSocket::bind(ip).unwrap();
            for byte in [0, 1, 2, 3, 100, 254, 255] {
                let short = [&[0x40, byte][..], &[0; 30]].concat();
                let long = [&[0xc0, 0, 0, 0, 1, 8, byte][..], &[0; 30]].concat();
                for packet in [short, long] {
                    client.send_to(&packet, sockets[0].local()).unwrap();
                    assert_eq!(receiver_of(&sockets), usize::from(byte % 3), "{byte}");
                }
            }
        }
    }

    /// Which of them gets the packet that is on its way; loopback delivers before the sender goes on.
    fn receiver_of(sockets: &[Socket]) -> usize {
        let mut buffers = ReceiveBuffers::new();
        let received = sockets.iter().map(|socket| {
            let mut count = 0;
            let _ = socket.receive(&mut buffers, |_, _, _| count += 1);
            count
        });
        let received: Vec<usize> = received.collect();
        assert_eq!(received.iter().sum::<usize>(), 1);
        received.iter().position(|count| *count == 1).unwrap()
    }

    #[test]
    fn nobody_else_gets_the_address_and_afterwards_everybody_can() {
        let sockets = Socket::bind_lanes("127.0.0.1:0".parse().unwrap(), 2).unwrap();
        let local = sockets[0].local();
        for count in [1, 2] {
            let error = Socket::bind_lanes(local, count).err().unwrap();
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        }
        drop(sockets);
        assert!(Socket::bind_lanes(local, 2).is_ok());
    }

    #[test]
    fn who_shares_an_address_with_others_of_its_kind_does_not_get_into_it() {
        let other = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
        share(&other).unwrap();
        other.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        let local = other.local_addr().unwrap().as_socket().unwrap();
        assert_eq!(Socket::bind_lanes(local, 2).err().unwrap().kind(), io::ErrorKind::AddrInUse);
    }
}
