//! Socket addresses between Rust and the C structures of the socket calls.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// `address` as a `sockaddr` in `storage`; returns its length.
pub fn write(address: SocketAddr, storage: &mut libc::sockaddr_storage) -> libc::socklen_t {
    let raw = socket2::SockAddr::from(address);
    // SAFETY: a SockAddr holds a sockaddr_storage's worth of initialised bytes.
    *storage = unsafe { *raw.as_ptr().cast::<libc::sockaddr_storage>() };
    raw.len()
}

/// The address in `storage`; `None` for families other than IPv4 and IPv6.
pub fn read(storage: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match libc::c_int::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that a sockaddr_in lies here, and the storage is large and aligned enough.
            let v4 = unsafe { &*std::ptr::from_ref(storage).cast::<libc::sockaddr_in>() };
            Some((IpAddr::V4(Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr))), u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above, with a sockaddr_in6.
            let v6 = unsafe { &*std::ptr::from_ref(storage).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            Some(SocketAddrV6::new(ip, u16::from_be(v6.sin6_port), 0, v6.sin6_scope_id).into())
        }
        _ => None,
    }
}
