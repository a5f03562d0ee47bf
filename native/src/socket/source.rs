//! From which address of this machine packets to another one leave. A socket that is bound to all addresses is not told;
//! the system says so of one that is connected there, which sends nothing.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::any_address;

/// How old an answer may be that is given again: all connections to one server have the same.
const MAX_AGE: Duration = Duration::from_millis(500);
/// Answers that are kept.
const MAX_ANSWERS: usize = 64;

/// What the system said lately.
#[derive(Default)]
pub struct SourceAddresses(HashMap<SocketAddr, (Instant, Option<IpAddr>)>);

impl SourceAddresses {
    /// The address that packets to `remote` leave from; `None` while there is no way there.
    pub fn towards(&mut self, remote: SocketAddr, now: Instant) -> Option<IpAddr> {
        if let Some((at, source)) = self.0.get(&remote)
            && now.saturating_duration_since(*at) < MAX_AGE
        {
            return *source;
        }
        let source = ask(remote).ok();
        if self.0.len() >= MAX_ANSWERS {
            self.0.clear();
        }
        self.0.insert(remote, (now, source));
        source
    }
}

fn ask(remote: SocketAddr) -> io::Result<IpAddr> {
    let socket = UdpSocket::bind(any_address(remote.is_ipv6()))?;
    socket.connect(remote)?;
    Ok(socket.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    #[test]
    fn packets_to_this_machine_leave_from_it() {
        let mut sources = SourceAddresses::default();
        let now = Instant::now();
        for ip in [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
            assert_eq!(sources.towards((ip, 9).into(), now), Some(ip));
        }
    }

    #[test]
    fn an_answer_is_given_again_while_it_is_fresh() {
        let mut sources = SourceAddresses::default();
        let (now, remote) = (Instant::now(), SocketAddr::from(([127, 0, 0, 1], 9)));
        sources.0.insert(remote, (now, None));
        assert_eq!(sources.towards(remote, now + MAX_AGE / 2), None);
        assert_eq!(sources.towards(remote, now + MAX_AGE), Some(remote.ip()));
    }
}
