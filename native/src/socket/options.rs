//! What is asked of the kernel for every socket: that it leaves the path MTU to QUIC (RFC 9000 §14), and that it tells
//! which address of this machine a packet came to.

use std::net::{SocketAddr, UdpSocket};

use crate::wake::raw_fd;

/// What the kernel does not know is done without: packets may be fragmented then, or leave from another address.
pub fn enable(socket: &UdpSocket, local: SocketAddr, source_address: bool) {
    for (level, name, value) in list(local.is_ipv4(), source_address) {
        set(socket, level, name, value);
    }
}

/// Level, name and value of options.
type Options = Vec<(i32, i32, i32)>;

#[cfg(target_os = "linux")]
fn list(is_v4: bool, source_address: bool) -> Options {
    // Probing sets the "don't fragment" bit, and takes no notice of what the kernel believes the path to carry.
    let (unfragmented, address) = if is_v4 {
        ((libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_PROBE), (libc::IPPROTO_IP, libc::IP_PKTINFO, 1))
    } else {
        (
            (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_PROBE),
            (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1),
        )
    };
    [unfragmented].into_iter().chain(source_address.then_some(address)).collect()
}

#[cfg(target_os = "macos")]
fn list(is_v4: bool, source_address: bool) -> Options {
    let (unfragmented, address) = if is_v4 {
        ((libc::IPPROTO_IP, libc::IP_DONTFRAG, 1), (libc::IPPROTO_IP, libc::IP_PKTINFO, 1))
    } else {
        ((libc::IPPROTO_IPV6, libc::IPV6_DONTFRAG, 1), (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1))
    };
    [unfragmented].into_iter().chain(source_address.then_some(address)).collect()
}

#[cfg(windows)]
fn list(is_v4: bool, _source_address: bool) -> Options {
    use windows_sys::Win32::Networking::WinSock::{IP_DONTFRAGMENT, IPPROTO_IP, IPPROTO_IPV6, IPV6_DONTFRAG};
    vec![if is_v4 { (IPPROTO_IP, IP_DONTFRAGMENT, 1) } else { (IPPROTO_IPV6, IPV6_DONTFRAG, 1) }]
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn list(_is_v4: bool, _source_address: bool) -> Options {
    Vec::new()
}

/// Set an option whose value is an int.
#[cfg(unix)]
pub fn set(socket: &UdpSocket, level: i32, name: i32, value: i32) {
    // SAFETY: the value is one int, which outlives the call.
    unsafe {
        libc::setsockopt(
            raw_fd(socket),
            level,
            name,
            std::ptr::from_ref(&value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        );
    }
}

/// Set an option whose value is a DWORD.
#[cfg(windows)]
pub fn set(socket: &UdpSocket, level: i32, name: i32, value: i32) {
    use windows_sys::Win32::Networking::WinSock::setsockopt;
    // SAFETY: the value is four bytes, which outlive the call.
    unsafe {
        setsockopt(raw_fd(socket), level, name, std::ptr::from_ref(&value).cast(), size_of::<i32>() as i32);
    }
}
