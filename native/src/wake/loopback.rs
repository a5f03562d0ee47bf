//! Two UDP sockets connected to each other, the second of which wakes a poll: Windows polls nothing but sockets.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};

use super::{RawFd, raw_fd};

/// Raised by one thread, seen by the poll of another.
pub struct Signal {
    read: UdpSocket,
    write: UdpSocket,
}

impl Signal {
    pub fn new() -> io::Result<Signal> {
        let [read, write] = [UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?, UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?];
        // Connected, they hear each other only.
        read.connect(write.local_addr()?)?;
        write.connect(read.local_addr()?)?;
        read.set_nonblocking(true)?;
        write.set_nonblocking(true)?;
        Ok(Signal { read, write })
    }

    /// What to poll.
    pub fn fd(&self) -> RawFd {
        raw_fd(&self.read)
    }

    pub fn raise(&self) {
        // A full buffer wakes as well.
        let _ = self.write.send(&[1]);
    }

    pub fn clear(&self) {
        while self.read.recv(&mut [0; 1]).is_ok() {}
    }
}
