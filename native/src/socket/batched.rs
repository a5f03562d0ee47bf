//! Packets by the dozen, on Linux: recvmmsg with UDP_GRO in, sendmmsg with UDP_SEGMENT out.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use super::address;
use crate::send_batch::Run;
use crate::wake::wait_writable;

/// Messages of one recvmmsg call. GRO puts up to 64 packets into each.
const MESSAGES: usize = 8;
/// Runs of one sendmmsg call.
const RUNS: usize = 16;
/// Largest UDP datagram, and so the largest GRO aggregate.
const MESSAGE_BYTES: usize = 65_536;
/// Room for control messages: a segment size and a destination address.
const CONTROL_WORDS: usize = 16;
/// How long a full send buffer is waited for before packets count as lost.
const SEND_WAIT: Duration = Duration::from_millis(5);

/// What the kernel agreed to.
pub struct Options {
    segments: bool,
    /// Answers must leave from the address the question came to.
    source_address: bool,
}

impl Options {
    pub fn enable(socket: &UdpSocket, local: SocketAddr, source_address: bool) -> Options {
        let set = |level, name, value: libc::c_int| {
            // SAFETY: the option's value is one int, which outlives the call.
            unsafe {
                libc::setsockopt(
                    socket.as_raw_fd(),
                    level,
                    name,
                    std::ptr::from_ref(&value).cast(),
                    size_of::<libc::c_int>() as libc::socklen_t,
                ) == 0
            }
        };
        // Without GRO the kernel delivers packets singly, which `receive` handles alike.
        set(libc::SOL_UDP, libc::UDP_GRO, 1);
        // Probing sets the "don't fragment" bit and leaves the path MTU to QUIC (RFC 9000 §14).
        if local.is_ipv4() {
            set(libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_PROBE);
            if source_address {
                set(libc::IPPROTO_IP, libc::IP_PKTINFO, 1);
            }
        } else {
            set(libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_PROBE);
            if source_address {
                set(libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1);
            }
        }
        Options { segments: true, source_address }
    }
}

/// Room for one recvmmsg call.
pub struct ReceiveBuffers(Vec<Vec<u8>>);

impl ReceiveBuffers {
    pub fn new() -> ReceiveBuffers {
        ReceiveBuffers(vec![vec![0; MESSAGE_BYTES]; MESSAGES])
    }
}

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
        let control = read_control(&message.msg_hdr);
        let to = control.to.map_or(local, |ip| SocketAddr::new(ip, local.port()));
        let Some(bytes) = buffer.get_mut(..length) else { continue };
        for packet in bytes.chunks_mut(control.segment.unwrap_or(length).max(1)) {
            each(packet, from, to);
        }
    }
    Ok(count == MESSAGES)
}

#[derive(Default)]
struct Control {
    segment: Option<usize>,
    to: Option<IpAddr>,
}

fn read_control(message: &libc::msghdr) -> Control {
    let mut control = Control::default();
    // SAFETY: the kernel filled in `message`; the CMSG macros stay within its control buffer, and each payload read has
    // the type its level and type name stand for.
    unsafe {
        let mut next = libc::CMSG_FIRSTHDR(message);
        while let Some(header) = next.as_ref() {
            let data = libc::CMSG_DATA(next);
            match (header.cmsg_level, header.cmsg_type) {
                (libc::SOL_UDP, libc::UDP_GRO) => {
                    let segment = data.cast::<libc::c_int>().read_unaligned();
                    control.segment = usize::try_from(segment).ok();
                }
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let info = data.cast::<libc::in_pktinfo>().read_unaligned();
                    control.to = Some(Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr)).into());
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let info = data.cast::<libc::in6_pktinfo>().read_unaligned();
                    control.to = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into());
                }
                _ => {}
            }
            next = libc::CMSG_NXTHDR(message, next);
        }
    }
    control
}

pub fn send(socket: &UdpSocket, options: &mut Options, buffer: &[u8], runs: &[Run]) {
    let mut rest = runs;
    let mut waited = false;
    while let Some((first, others)) = rest.split_first() {
        if !options.segments {
            send_singly(socket, options, buffer, first);
            rest = others;
            continue;
        }
        match send_some(socket, options, buffer, rest) {
            Ok(sent) => {
                rest = rest.get(sent.max(1)..).unwrap_or(&[]);
                waited = false;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && !waited => {
                wait_writable(socket.as_raw_fd(), SEND_WAIT);
                waited = true;
            }
            Err(error) if refuses_segments(&error) && first.length > first.segment => options.segments = false,
            // A packet the kernel does not take (too large for the path, no route) is a packet lost.
            Err(_) => rest = others,
        }
    }
}

/// A device without checksum offload answers EIO, an old kernel EINVAL or ENOPROTOOPT.
fn refuses_segments(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EIO | libc::EINVAL | libc::ENOPROTOOPT))
}

fn send_singly(socket: &UdpSocket, options: &Options, buffer: &[u8], run: &Run) {
    let mut start = run.start;
    let end = run.start + run.length;
    while start < end {
        let single = Run { start, length: run.segment.min(end - start), packets: 1, ..*run };
        if let Err(error) = send_some(socket, options, buffer, &[single])
            && error.kind() == io::ErrorKind::WouldBlock
        {
            wait_writable(socket.as_raw_fd(), SEND_WAIT);
            let _ = send_some(socket, options, buffer, &[single]);
        }
        start += single.length;
    }
}

/// One sendmmsg call; returns how many runs the kernel took.
fn send_some(socket: &UdpSocket, options: &Options, buffer: &[u8], runs: &[Run]) -> io::Result<usize> {
    // SAFETY: plain C structures, zero is valid.
    let (mut names, mut vectors, mut messages): (
        [libc::sockaddr_storage; RUNS],
        [libc::iovec; RUNS],
        [libc::mmsghdr; RUNS],
    ) = unsafe { (zeroed(), zeroed(), zeroed()) };
    let mut controls = [[0u64; CONTROL_WORDS]; RUNS];
    let mut count = 0;
    let parts = runs.iter().zip(&mut messages).zip(&mut vectors).zip(&mut names).zip(&mut controls);
    for ((((run, message), vector), name), control) in parts {
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
            used += write_control(control, used, libc::SOL_UDP, libc::UDP_SEGMENT, run.segment as u16);
        }
        if options.source_address {
            used += match run.from.ip() {
                IpAddr::V4(ip) => {
                    let source = libc::in_addr { s_addr: u32::from(ip).to_be() };
                    let info = libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: source, ipi_addr: source };
                    write_control(control, used, libc::IPPROTO_IP, libc::IP_PKTINFO, info)
                }
                IpAddr::V6(ip) => {
                    let source = libc::in6_addr { s6_addr: ip.octets() };
                    let info = libc::in6_pktinfo { ipi6_addr: source, ipi6_ifindex: 0 };
                    write_control(control, used, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info)
                }
            };
        }
        if used > 0 {
            header.msg_control = control.as_mut_ptr().cast();
            header.msg_controllen = used as _;
        }
        count += 1;
    }
    // SAFETY: every pointer leads to storage of this function or to `buffer`, which the kernel only reads.
    let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), messages.as_mut_ptr(), count, 0) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(sent as usize) }
}

/// Append a control message at `offset`; returns its length with padding.
fn write_control<T>(
    control: &mut [u64; CONTROL_WORDS],
    offset: usize,
    level: libc::c_int,
    kind: libc::c_int,
    value: T,
) -> usize {
    let length = size_of::<T>() as libc::c_uint;
    // SAFETY: the macros only compute sizes.
    let (space, with_header) = unsafe { (libc::CMSG_SPACE(length) as usize, libc::CMSG_LEN(length) as usize) };
    if offset + space > size_of::<[u64; CONTROL_WORDS]>() {
        return 0;
    }
    // SAFETY: the message fits behind `offset`, as just checked; CMSG_SPACE keeps offsets aligned for a cmsghdr.
    unsafe {
        let header = control.as_mut_ptr().cast::<u8>().add(offset).cast::<libc::cmsghdr>();
        (*header).cmsg_level = level;
        (*header).cmsg_type = kind;
        (*header).cmsg_len = with_header as _;
        libc::CMSG_DATA(header).cast::<T>().write_unaligned(value);
    }
    space
}
