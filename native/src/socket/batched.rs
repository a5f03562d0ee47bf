//! Packets by the dozen, on Linux: recvmmsg with UDP_GRO in, sendmmsg with UDP_SEGMENT out.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

use super::control::{self, CONTROL_WORDS};
use super::{MESSAGES, ReceiveBuffers, SEND_WAIT, address};
use crate::send_batch::Run;
use crate::wake::wait_writable;

/// Runs of one sendmmsg call.
const RUNS: usize = 16;

pub fn receive(
    socket: &UdpSocket,
    local: SocketAddr,
    buffers: &mut ReceiveBuffers,
    mut each: impl FnMut(&mut [u8], SocketAddr, SocketAddr),
) -> io::Result<bool> {
    // SAFETY: all of these are plain C structures for which zero is a valid value.
    let (mut names, mut vectors, mut messages): (
        [libc::sockaddr_storage; MESSAGES],
        [libc::iovec; MESSAGES],
        [libc::mmsghdr; MESSAGES],
    ) = unsafe { (zeroed(), zeroed(), zeroed()) };
    let mut controls = [[0u64; CONTROL_WORDS]; MESSAGES];
    let parts = messages.iter_mut().zip(&mut vectors).zip(&mut names).zip(&mut controls).zip(&mut buffers.0);
    for ((((message, vector), name), control), buffer) in parts {
        vector.iov_base = buffer.as_mut_ptr().cast();
        vector.iov_len = buffer.len();
        message.msg_hdr.msg_iov = vector;
        message.msg_hdr.msg_iovlen = 1;
        message.msg_hdr.msg_name = std::ptr::from_mut(name).cast();
        message.msg_hdr.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        message.msg_hdr.msg_control = control.as_mut_ptr().cast();
        message.msg_hdr.msg_controllen = size_of::<[u64; CONTROL_WORDS]>() as _;
    }
    // SAFETY: every pointer in `messages` leads to storage of this function or of `buffers`, which outlives the call.
    let count = unsafe {
        libc::recvmmsg(
            socket.as_raw_fd(),
            messages.as_mut_ptr(),
            MESSAGES as libc::c_uint,
            libc::MSG_DONTWAIT as _,
            std::ptr::null_mut(),
        )
    };
    if count < 0 {
        let error = io::Error::last_os_error();
        return if error.kind() == io::ErrorKind::WouldBlock { Ok(false) } else { Err(error) };
    }
    let count = count as usize;
    for ((message, name), buffer) in messages.iter().zip(&names).zip(&mut buffers.0).take(count) {
        let Some(from) = address::read(name) else { continue };
        let length = message.msg_len as usize;
        let control = control::read(&message.msg_hdr);
        let to = control.to.map_or(local, |ip| SocketAddr::new(ip, local.port()));
        let Some(bytes) = buffer.get_mut(..length) else { continue };
        for packet in bytes.chunks_mut(control.segment.unwrap_or(length).max(1)) {
            each(packet, from, to);
        }
    }
    Ok(count == MESSAGES)
}

/// Without `segments` packets are sent one by one; a kernel that refuses to split runs clears it.
pub fn send(socket: &UdpSocket, segments: &mut bool, source_address: bool, buffer: &[u8], runs: &[Run]) {
    let mut rest = runs;
    let mut waited = false;
    while let Some((first, others)) = rest.split_first() {
        if !*segments {
            send_singly(socket, source_address, buffer, first);
            rest = others;
            continue;
        }
        match send_some(socket, source_address, buffer, rest) {
            Ok(sent) => {
                rest = rest.get(sent.max(1)..).unwrap_or(&[]);
                waited = false;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && !waited => {
                wait_writable(socket.as_raw_fd(), SEND_WAIT);
                waited = true;
            }
            Err(error) if refuses_segments(&error) && first.length > first.segment => *segments = false,
            // A packet the kernel does not take (too large for the path, no route) is a packet lost.
            Err(_) => rest = others,
        }
    }
}

/// A device without checksum offload answers EIO, an old kernel EINVAL or ENOPROTOOPT.
fn refuses_segments(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EIO | libc::EINVAL | libc::ENOPROTOOPT))
}

fn send_singly(socket: &UdpSocket, source_address: bool, buffer: &[u8], run: &Run) {
    let mut start = run.start;
    let end = run.start + run.length;
    while start < end {
        let single = Run { start, length: run.segment.min(end - start), packets: 1, ..*run };
        if let Err(error) = send_some(socket, source_address, buffer, &[single])
            && error.kind() == io::ErrorKind::WouldBlock
        {
            wait_writable(socket.as_raw_fd(), SEND_WAIT);
            let _ = send_some(socket, source_address, buffer, &[single]);
        }
        start += single.length;
    }
}

/// One sendmmsg call; returns how many runs the kernel took.
fn send_some(socket: &UdpSocket, source_address: bool, buffer: &[u8], runs: &[Run]) -> io::Result<usize> {
    // SAFETY: plain C structures, zero is valid.
    let (mut names, mut vectors, mut messages): (
        [libc::sockaddr_storage; RUNS],
        [libc::iovec; RUNS],
        [libc::mmsghdr; RUNS],
    ) = unsafe { (zeroed(), zeroed(), zeroed()) };
    let mut controls = [[0u64; CONTROL_WORDS]; RUNS];
    let mut count = 0;
    let parts = runs.iter().zip(&mut messages).zip(&mut vectors).zip(&mut names).zip(&mut controls);
    for ((((run, message), vector), name), words) in parts {
        let Some(bytes) = buffer.get(run.start..run.start + run.length) else { break };
        vector.iov_base = bytes.as_ptr().cast_mut().cast();
        vector.iov_len = bytes.len();
        let header = &mut message.msg_hdr;
        header.msg_namelen = address::write(run.to, name);
        header.msg_name = std::ptr::from_mut(name).cast();
        header.msg_iov = vector;
        header.msg_iovlen = 1;
        let mut used = 0;
        if run.length > run.segment {
            used += control::write(words, used, libc::SOL_UDP, libc::UDP_SEGMENT, run.segment as u16);
        }
        if source_address {
            used += control::write_source(words, used, run.from.ip());
        }
        if used > 0 {
            header.msg_control = words.as_mut_ptr().cast();
            header.msg_controllen = used as _;
        }
        count += 1;
    }
    // SAFETY: every pointer leads to storage of this function or to `buffer`, which the kernel only reads.
    let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), messages.as_mut_ptr(), count, 0) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(sent as usize) }
}
