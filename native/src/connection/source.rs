//! From which address of this machine a client's packets leave, and what is done when that is another one.
//!
//! The socket is bound to all addresses: the system chooses one for each packet, and says nothing when it chooses another.
//! It is asked now and then when the connection has something to do anyway, and regularly while there is no way to the peer.
//! Packets find their way without that, as after a NAT has chosen another port; but with the old connection id, what was
//! measured on another path, and not before there is something to send. So the connection moves to another socket.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::Connection;

/// How long after a look there is no other.
const INTERVAL: Duration = Duration::from_secs(1);

/// What was seen at the last look.
pub struct Source {
    address: Option<IpAddr>,
    /// There is no way to the peer.
    is_cut_off: bool,
    next: Instant,
}

#[derive(Debug, PartialEq, Eq)]
enum Change {
    Nothing,
    /// There is a way to the peer again, from the same address.
    Return,
    /// Packets leave from another address now.
    Address,
}

impl Source {
    pub fn new() -> Source {
        Source { address: None, is_cut_off: false, next: Instant::now() }
    }

    /// When to look although there is nothing else to do.
    pub fn next(&self) -> Option<Instant> {
        self.is_cut_off.then_some(self.next)
    }

    /// Packets leave from `address`, if at all.
    fn look(&mut self, address: Option<IpAddr>, now: Instant) -> Change {
        self.next = now + INTERVAL;
        let was_cut_off = std::mem::replace(&mut self.is_cut_off, address.is_none());
        let before = self.address;
        self.address = address.or(before);
        match (before, address) {
            (Some(before), Some(address)) if address != before => Change::Address,
            (Some(_), Some(_)) if was_cut_off => Change::Return,
            _ => Change::Nothing,
        }
    }
}

impl Connection {
    /// Whether it is time to look from where packets to the peer leave.
    pub fn wants_source(&self, now: Instant) -> bool {
        let is_due = self.source.as_ref().is_some_and(|source| source.next <= now);
        is_due && self.is_established && !self.ending.is_lingering() && !self.is_kept_from_moving()
    }

    /// The peer, when it matters from where packets to it leave.
    pub fn watched_peer(&self) -> Option<SocketAddr> {
        self.source.as_ref()?;
        self.path().map(|(_, remote)| remote)
    }

    /// Packets leave from `address`, if at all. Returns whether to move.
    pub fn note_source(&mut self, address: Option<IpAddr>, now: Instant) -> bool {
        match self.source.as_mut().map(|source| source.look(address, now)) {
            Some(Change::Address) => true,
            Some(Change::Return) => {
                // Not when the next timer fires, which may be long until then.
                let _ = self.quic.send_ack_eliciting();
                false
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_once_and_a_gap_is_looked_at_again() {
        let [home, train] = [[10, 0, 0, 1], [10, 0, 1, 1]].map(|octets| Some(IpAddr::from(octets)));
        let now = Instant::now();
        let mut source = Source::new();
        assert_eq!(source.look(home, now), Change::Nothing);
        assert_eq!(source.look(home, now), Change::Nothing);
        assert_eq!(source.look(train, now), Change::Address);
        assert_eq!(source.look(train, now), Change::Nothing);
        assert_eq!(source.next(), None);
        assert_eq!(source.look(None, now), Change::Nothing);
        assert_eq!(source.next(), Some(now + INTERVAL));
        assert_eq!(source.look(train, now), Change::Return);
        assert_eq!(source.look(None, now), Change::Nothing);
        assert_eq!(source.look(home, now), Change::Address);
        assert_eq!(source.next(), None);
    }
}
