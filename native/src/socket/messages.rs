//! Packets one by one by recvmsg and sendmsg, which tell and take the address of this machine: macOS, and Linux for tests.

use std::io;
use std::mem::zeroed;
use std::net::{SocketAddr, UdpSocket};

use super::control::{self, CONTROL_WORDS};
use super::{ReceiveBuffers, address, plain};
use crate::send_batch::Run;
use crate::wake::raw_fd;

pub fn receive(
    socket: &UdpSocket,
    local: SocketAddr,
    buffers: &mut ReceiveBuffers,
    mut each: impl FnMut(&mut [u8], SocketAddr, SocketAddr),
) -> io::Result<bool> {
    plain::receive_each(buffers, |buffer| {
        let mut words = [0u64; CONTROL_WORDS];
        let mut vector = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
        // SAFETY: plain C structures, zero is valid.
        let (mut name, mut message): (libc::sockaddr_storage, libc::msghdr) = unsafe { (zeroed(), zeroed()) };
        message.msg_name = std::ptr::from_mut(&mut name).cast();
        message.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        message.msg_iov = &raw mut vector;
        message.msg_iovlen = 1;
        message.msg_control = words.as_mut_ptr().cast();
        message.msg_controllen = size_of::<[u64; CONTROL_WORDS]>() as _;
        // SAFETY: every pointer in `message` leads to storage of this function or to `buffer`, which outlive the call.
        let length = unsafe { libc::recvmsg(raw_fd(socket), &raw mut message, 0) };
        if length < 0 {
            return Err(io::Error::last_os_error());
        }
        let to = control::read(&message).to.map_or(local, |ip| SocketAddr::new(ip, local.port()));
        if let (Some(from), Some(packet)) = (address::read(&name), buffer.get_mut(..length as usize)) {
            each(packet, from, to);
        }
        Ok(())
    })
}

pub fn send(socket: &UdpSocket, source_address: bool, buffer: &[u8], runs: &[Run]) {
    plain::send_each(socket, buffer, runs, |packet, run| {
        let mut words = [0u64; CONTROL_WORDS];
        let mut vector = libc::iovec { iov_base: packet.as_ptr().cast_mut().cast(), iov_len: packet.len() };
        // SAFETY: plain C structures, zero is valid.
        let (mut name, mut message): (libc::sockaddr_storage, libc::msghdr) = unsafe { (zeroed(), zeroed()) };
        message.msg_namelen = address::write(run.to, &mut name);
        message.msg_name = std::ptr::from_mut(&mut name).cast();
        message.msg_iov = &raw mut vector;
        message.msg_iovlen = 1;
        if source_address {
            message.msg_controllen = control::write_source(&mut words, 0, run.from.ip()) as _;
            message.msg_control = words.as_mut_ptr().cast();
        }
        // SAFETY: every pointer leads to storage of this function or to `packet`, which the kernel only reads.
        let sent = unsafe { libc::sendmsg(raw_fd(socket), &raw const message, 0) };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    });
}
