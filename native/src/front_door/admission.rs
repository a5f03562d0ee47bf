//! How many connections and handshakes there are, of whom, and so whether one more may begin: counts in, a verdict out.
//!
//! The source of a first packet may be forged. So what is counted for an address by packets that prove nothing never locks
//! that address out: beyond the limit its owner is asked to prove that it receives there (Retry), and who has done so is
//! counted apart.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

/// Bounds of one listener; `accept_options.ts` has their defaults.
#[derive(Clone, Debug)]
pub struct Limits {
    pub connections: usize,
    pub connections_per_address: usize,
    pub handshakes: usize,
    pub handshakes_per_address: usize,
    /// Handshakes under way from which on a client has to prove its address.
    pub retry_threshold: usize,
    /// Loopback addresses are not counted one by one.
    pub is_loopback_exempt: bool,
}

/// What becomes of a first packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Accept,
    /// First the client has to show that it receives at its address (RFC 9000 §8.1.2).
    Retry,
    Refuse(Refusal),
}

/// Which limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Connections,
    ConnectionsOfAddress,
    Handshakes,
    HandshakesOfAddress,
}

/// A connection among those of all lanes of an address; each lane numbers its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionKey {
    pub lane: usize,
    pub connection: u32,
}

struct Entry {
    block: IpAddr,
    is_validated: bool,
    is_established: bool,
}

/// Of one address block.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    /// Those under way included.
    connections: usize,
    handshakes: usize,
    /// Handshakes whose client had proved its address before they began.
    validated_handshakes: usize,
}

/// The connections of one listener, from their first packet until they are forgotten.
pub struct Admission {
    limits: Limits,
    entries: HashMap<ConnectionKey, Entry>,
    by_block: HashMap<IpAddr, Counts>,
    handshakes: usize,
}

impl Admission {
    pub fn new(limits: Limits) -> Admission {
        Admission { limits, entries: HashMap::new(), by_block: HashMap::new(), handshakes: 0 }
    }

    pub fn connections(&self) -> usize {
        self.entries.len()
    }

    pub fn handshakes(&self) -> usize {
        self.handshakes
    }

    /// The connections of that lane that are not established.
    pub fn unestablished(&self, lane: usize) -> impl Iterator<Item = u32> {
        let of_lane = self.entries.iter().filter(move |(key, entry)| key.lane == lane && !entry.is_established);
        of_lane.map(|(key, _)| key.connection)
    }

    /// Whether a client at `ip` may begin a connection. `is_validated`: it has proved to receive there.
    pub fn judge(&self, ip: IpAddr, is_validated: bool) -> Verdict {
        let limits = &self.limits;
        let of_address = if self.is_exempt(ip) {
            Counts::default()
        } else {
            self.by_block.get(&block(ip)).copied().unwrap_or_default()
        };
        if self.connections() >= limits.connections {
            Verdict::Refuse(Refusal::Connections)
        } else if self.handshakes >= limits.handshakes {
            Verdict::Refuse(Refusal::Handshakes)
        } else if of_address.connections >= limits.connections_per_address {
            Verdict::Refuse(Refusal::ConnectionsOfAddress)
        } else if of_address.validated_handshakes >= limits.handshakes_per_address {
            Verdict::Refuse(Refusal::HandshakesOfAddress)
        } else if !is_validated
            && (self.handshakes >= limits.retry_threshold || of_address.handshakes >= limits.handshakes_per_address)
        {
            Verdict::Retry
        } else {
            Verdict::Accept
        }
    }

    /// The handshake of `connection` begins.
    pub fn begin(&mut self, connection: ConnectionKey, ip: IpAddr, is_validated: bool) {
        self.end(connection);
        let block = block(ip);
        self.entries.insert(connection, Entry { block, is_validated, is_established: false });
        self.handshakes += 1;
        let counts = self.by_block.entry(block).or_default();
        counts.connections += 1;
        counts.handshakes += 1;
        counts.validated_handshakes += usize::from(is_validated);
    }

    /// The handshake is complete, and with it the address proved. Whether there was one.
    pub fn establish(&mut self, connection: ConnectionKey) -> bool {
        let Some(entry) = self.entries.get_mut(&connection).filter(|entry| !entry.is_established) else { return false };
        entry.is_established = true;
        let (block, was_validated) = (entry.block, entry.is_validated);
        self.handshakes = self.handshakes.saturating_sub(1);
        self.change(block, |counts| counts.handshake_ended(was_validated));
        true
    }

    /// The connection is forgotten. Whether its handshake was still under way.
    pub fn end(&mut self, connection: ConnectionKey) -> bool {
        let was_half_open = self.establish(connection);
        if let Some(Entry { block, .. }) = self.entries.remove(&connection) {
            self.change(block, |counts| counts.connections = counts.connections.saturating_sub(1));
        }
        was_half_open
    }

    fn change(&mut self, block: IpAddr, change: impl FnOnce(&mut Counts)) {
        if let Some(counts) = self.by_block.get_mut(&block) {
            change(counts);
            if *counts == Counts::default() {
                self.by_block.remove(&block);
            }
        }
    }

    fn is_exempt(&self, ip: IpAddr) -> bool {
        self.limits.is_loopback_exempt && ip.to_canonical().is_loopback()
    }
}

impl Counts {
    fn handshake_ended(&mut self, was_validated: bool) {
        self.handshakes = self.handshakes.saturating_sub(1);
        self.validated_handshakes = self.validated_handshakes.saturating_sub(usize::from(was_validated));
    }
}

/// What counts as one address: of IPv6 the first 64 bits, which is what one subscriber gets at least (RFC 6177 §2).
fn block(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6) & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        connections: 10,
        connections_per_address: 5,
        handshakes: 8,
        handshakes_per_address: 3,
        retry_threshold: 6,
        is_loopback_exempt: true,
    };
    const REFUSE_ADDRESS: Verdict = Verdict::Refuse(Refusal::ConnectionsOfAddress);

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn key(connection: u32) -> ConnectionKey {
        ConnectionKey { lane: 0, connection }
    }

    /// As many handshakes as the listener lets begin without a proof, each from an address of its own.
    fn fill(admission: &mut Admission, from: u32, count: u32) {
        for id in from..from + count {
            let [.., high, low] = id.to_be_bytes();
            admission.begin(key(id), IpAddr::from([10, 0, high, low]), false);
        }
    }

    #[test]
    fn from_the_threshold_on_an_address_has_to_be_proved() {
        let mut admission = Admission::new(LIMITS);
        fill(&mut admission, 0, 5);
        assert_eq!(admission.judge(ip("192.0.2.1"), false), Verdict::Accept);
        fill(&mut admission, 5, 1);
        assert_eq!(admission.judge(ip("192.0.2.1"), false), Verdict::Retry);
        assert_eq!(admission.judge(ip("192.0.2.1"), true), Verdict::Accept);
        admission.establish(key(0));
        assert_eq!(admission.judge(ip("192.0.2.1"), false), Verdict::Accept);
        let always = Admission::new(Limits { retry_threshold: 0, ..LIMITS });
        assert_eq!(always.judge(ip("127.0.0.1"), false), Verdict::Retry);
    }

    #[test]
    fn beyond_the_limits_of_all_addresses_everybody_is_refused() {
        let mut admission = Admission::new(LIMITS);
        fill(&mut admission, 0, 8);
        for is_validated in [false, true] {
            assert_eq!(admission.judge(ip("127.0.0.1"), is_validated), Verdict::Refuse(Refusal::Handshakes));
        }
        assert!((0..8).all(|id| admission.establish(key(id))));
        fill(&mut admission, 8, 2);
        assert_eq!(admission.judge(ip("127.0.0.1"), true), Verdict::Refuse(Refusal::Connections));
        admission.end(key(3));
        assert_eq!(admission.judge(ip("127.0.0.1"), true), Verdict::Accept);
    }

    #[test]
    fn forged_first_packets_do_not_lock_an_address_out() {
        let mut admission = Admission::new(LIMITS);
        (0..3).for_each(|id| admission.begin(key(id), ip("192.0.2.1"), false));
        assert_eq!(admission.judge(ip("192.0.2.1"), false), Verdict::Retry);
        assert_eq!(admission.judge(ip("192.0.2.1"), true), Verdict::Accept);
        assert_eq!(admission.judge(ip("192.0.2.2"), false), Verdict::Accept);
    }

    #[test]
    fn an_address_that_is_proved_has_its_share_of_handshakes() {
        let mut admission = Admission::new(LIMITS);
        (0..3).for_each(|id| admission.begin(key(id), ip("192.0.2.1"), true));
        for is_validated in [false, true] {
            let verdict = admission.judge(ip("192.0.2.1"), is_validated);
            assert_eq!(verdict, Verdict::Refuse(Refusal::HandshakesOfAddress));
        }
        admission.establish(key(0));
        assert_eq!(admission.judge(ip("192.0.2.1"), true), Verdict::Accept);
    }

    #[test]
    fn an_address_has_its_share_of_connections_and_ipv6_counts_by_64_bits() {
        let mut admission = Admission::new(LIMITS);
        for id in 0..5 {
            admission.begin(key(id), ip(&format!("2001:db8:0:7::{id}")), false);
            admission.establish(key(id));
        }
        assert_eq!(admission.judge(ip("2001:db8:0:7:ffff::1"), true), REFUSE_ADDRESS);
        assert_eq!(admission.judge(ip("2001:db8:0:8::1"), true), Verdict::Accept);
        admission.end(key(4));
        assert_eq!(admission.judge(ip("2001:db8:0:7:ffff::1"), true), Verdict::Accept);
    }

    #[test]
    fn loopback_is_counted_only_where_asked_for() {
        let mut admissions =
            [true, false].map(|exempt| Admission::new(Limits { is_loopback_exempt: exempt, ..LIMITS }));
        for admission in &mut admissions {
            for id in 0..5 {
                admission.begin(key(id), ip("::ffff:127.0.0.1"), false);
                admission.establish(key(id));
            }
        }
        let verdicts = admissions.map(|admission| admission.judge(ip("127.0.0.1"), true));
        assert_eq!(verdicts, [Verdict::Accept, REFUSE_ADDRESS]);
    }

    #[test]
    fn what_ended_leaves_nothing_behind() {
        let mut admission = Admission::new(LIMITS);
        fill(&mut admission, 0, 6);
        admission.establish(key(1));
        admission.establish(key(1));
        (0..6).for_each(|id| _ = admission.end(key(id)));
        admission.end(key(9));
        assert_eq!((admission.connections(), admission.handshakes()), (0, 0));
        assert!(admission.by_block.is_empty());
    }

    #[test]
    fn lanes_share_the_limits_and_number_their_connections_themselves() {
        let mut admission = Admission::new(LIMITS);
        for lane in 0..5 {
            let own = ConnectionKey { lane, connection: 7 };
            admission.begin(own, ip("192.0.2.1"), true);
            admission.establish(own);
        }
        assert_eq!(admission.judge(ip("192.0.2.1"), true), REFUSE_ADDRESS);
        admission.begin(ConnectionKey { lane: 1, connection: 8 }, ip("192.0.2.2"), true);
        assert_eq!((admission.connections(), admission.handshakes()), (6, 1));
        assert_eq!(admission.unestablished(1).collect::<Vec<_>>(), [8]);
        assert_eq!(admission.unestablished(0).count(), 0);
    }
}
