//! Control messages of recvmsg and sendmsg: the segment size of a run, and the address of this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Room for control messages: a segment size and an address. In words, since the kernel wants them aligned.
pub const CONTROL_WORDS: usize = 16;

/// What came beside a packet.
#[derive(Default)]
pub struct Control {
    /// Bytes of each packet of a run.
    #[cfg(target_os = "linux")]
    pub segment: Option<usize>,
    /// The address of this machine that it came to.
    pub to: Option<IpAddr>,
}

/// Read what the kernel wrote beside `message`.
pub fn read(message: &libc::msghdr) -> Control {
    let mut control = Control::default();
    // SAFETY: the kernel filled in `message`; the CMSG macros stay within its control buffer, and each payload read has
    // the type its level and type name stand for.
    unsafe {
        let mut next = libc::CMSG_FIRSTHDR(message);
        while let Some(header) = next.as_ref() {
            let data = libc::CMSG_DATA(next);
            match (header.cmsg_level, header.cmsg_type) {
                #[cfg(target_os = "linux")]
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

/// Append the address of this machine to send from; returns the bytes appended.
pub fn write_source(control: &mut [u64; CONTROL_WORDS], offset: usize, from: IpAddr) -> usize {
    match from {
        IpAddr::V4(ip) => {
            let source = libc::in_addr { s_addr: u32::from(ip).to_be() };
            let info = libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: source, ipi_addr: source };
            write(control, offset, libc::IPPROTO_IP, libc::IP_PKTINFO, info)
        }
        IpAddr::V6(ip) => {
            let source = libc::in6_addr { s6_addr: ip.octets() };
            let info = libc::in6_pktinfo { ipi6_addr: source, ipi6_ifindex: 0 };
            write(control, offset, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info)
        }
    }
}

/// Append a control message at `offset`; returns its length with padding, 0 when there is no room for it.
pub fn write<T>(
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
