//! What a server does with packets of no connection it knows: whom it lets in, who has to prove its address first, and what
//! is answered without keeping anything (RFC 9000 §5.2.2, §6, §8.1, §10.3).

mod admission;
pub mod counters;
mod retry_token;
mod stateless_reset;
mod version_negotiation;

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use boring::hash::hmac_sha256;

use crate::error::{Failure, internal};
use crate::lane::Lane;
use crate::quic::CONNECTION_ID_BYTES;

pub use admission::{Admission, Limits};
use admission::{ConnectionKey, Refusal, Verdict};
use counters::{Counter, Counters};
use retry_token::{Opened, RetryTokens};
use stateless_reset::{PerSecond, ResetTokens};
use version_negotiation::LongHeader;

/// Shortest connection id a client may choose for a server (RFC 9000 §7.2).
const MIN_CHOSEN_ID_BYTES: usize = 8;
/// Bytes of the ids in Retry packets. They serve one handshake only, and quiche has 128 bytes for all transport parameters, of which
/// each of three ids takes its share.
const RETRY_ID_BYTES: usize = 6;
/// Bytes of the secret that the keys of a server are derived from.
pub const SECRET_BYTES: usize = 32;

/// Stands between the sockets of a listener and new connections: one for all of its threads, so that its limits and keys are theirs.
pub struct FrontDoor {
    admission: Mutex<Admission>,
    tokens: RetryTokens,
    reset_tokens: ResetTokens,
    resets: Mutex<PerSecond>,
    pub counters: Counters,
}

/// What is known of a packet without looking into it.
pub struct Arrival {
    pub from: SocketAddr,
    /// Where it came in.
    pub lane: Lane,
    /// The number of the connection it may begin.
    pub connection: u32,
    pub now_us: u64,
}

/// What is to be done with a packet.
pub enum Decision {
    /// Nothing.
    Drop,
    /// Send back the first bytes of what was lent for an answer, so many of them.
    Answer(usize),
    /// Begin a connection.
    Accept(First),
}

/// The first packet of a connection to be.
pub struct First {
    /// The id it was sent to.
    pub destination_id: quiche::ConnectionId<'static>,
    /// Where the client proved its address: the id it chose at first.
    pub original_id: Option<quiche::ConnectionId<'static>>,
}

impl FrontDoor {
    /// `secret` may be shared with other servers and outlive the program; there is a fresh one when it is `None`.
    pub fn new(limits: Limits, resets_per_s: u32, secret: Option<&[u8]>) -> Result<FrontDoor, Failure> {
        let mut fresh = [0; SECRET_BYTES];
        boring::rand::rand_bytes(&mut fresh).map_err(|_| internal())?;
        let secret = secret.unwrap_or(&fresh);
        let key = |purpose: &str| hmac_sha256(secret, purpose.as_bytes()).map_err(|_| internal());
        Ok(FrontDoor {
            admission: Mutex::new(Admission::new(limits)),
            tokens: RetryTokens::new(key("echostream retry token")?),
            reset_tokens: ResetTokens::new(key("echostream stateless reset")?),
            resets: Mutex::new(PerSecond::new(resets_per_s)),
            counters: Counters::default(),
        })
    }

    /// Decide about a packet to no known connection. `answer` is room for one packet. Whoever is accepted counts from now on.
    pub fn judge(&self, packet: &mut [u8], arrival: &Arrival, answer: &mut [u8]) -> Decision {
        match LongHeader::of(packet) {
            Some(LongHeader { version: 0, .. }) => return self.drop(Counter::DroppedUnknown),
            Some(header) if !quiche::version_is_supported(header.version) => {
                if packet.len() < quiche::MIN_CLIENT_INITIAL_LEN {
                    return self.drop(Counter::DroppedShort);
                }
                return self.answer(header.negotiate(answer), Counter::VersionNegotiationsSent);
            }
            Some(_) => {}
            None if packet.first().is_none_or(|first| first & 0x80 != 0) => {
                return self.drop(Counter::DroppedMalformed);
            }
            None => return self.reset(packet, arrival.now_us, answer),
        }
        let Ok(header) = quiche::Header::from_slice(packet, CONNECTION_ID_BYTES) else {
            return self.drop(Counter::DroppedMalformed);
        };
        if header.ty != quiche::Type::Initial {
            return self.drop(Counter::DroppedUnknown);
        }
        if packet.len() < quiche::MIN_CLIENT_INITIAL_LEN {
            return self.drop(Counter::DroppedShort);
        }
        self.judge_first(&header, arrival, answer)
    }

    fn judge_first(&self, header: &quiche::Header, arrival: &Arrival, answer: &mut [u8]) -> Decision {
        let original_id = match header.token.as_deref().unwrap_or(&[]) {
            [] => None,
            token => match self.tokens.open(token, arrival.from, &header.dcid, arrival.now_us) {
                Opened::Valid(id) => Some(quiche::ConnectionId::from_vec(id)),
                // To begin anew would not help: a client takes one Retry only (RFC 9000 §17.2.5.2).
                Opened::Refused => return self.drop(Counter::TokensRefused),
                Opened::Foreign => {
                    self.counters.increment(Counter::TokensRefused);
                    None
                }
            },
        };
        if original_id.is_none() && header.dcid.len() < MIN_CHOSEN_ID_BYTES {
            return self.drop(Counter::DroppedShort);
        }
        let ip = arrival.from.ip();
        let mut admission = lock(&self.admission);
        match admission.judge(ip, original_id.is_some()) {
            Verdict::Refuse(refusal) => self.drop(refusal.counter()),
            Verdict::Retry => {
                drop(admission);
                self.retry(header, arrival, answer)
            }
            Verdict::Accept => {
                // At once, while no other lane can judge.
                admission.begin(key(arrival.lane, arrival.connection), ip, original_id.is_some());
                self.show_gauges(&admission);
                if original_id.is_some() {
                    self.counters.increment(Counter::TokensAccepted);
                }
                Decision::Accept(First { destination_id: header.dcid.clone().into_owned(), original_id })
            }
        }
    }

    fn retry(&self, header: &quiche::Header, arrival: &Arrival, answer: &mut [u8]) -> Decision {
        let Arrival { from, lane, now_us, .. } = *arrival;
        let written = lane.connection_id().ok().and_then(|random| {
            let retry_id = random.get(..RETRY_ID_BYTES)?;
            let token = self.tokens.seal(from, &header.dcid, retry_id, now_us)?;
            let retry_id = quiche::ConnectionId::from_ref(retry_id);
            quiche::retry(&header.scid, &header.dcid, &retry_id, &token, header.version, answer).ok()
        });
        self.answer(written, Counter::RetriesSent)
    }

    /// Tell who sent a packet with a short header that its connection is not known.
    fn reset(&self, packet: &[u8], now_us: u64, answer: &mut [u8]) -> Decision {
        let Some(length) = self.reset_tokens.write(packet, answer) else {
            return self.drop(Counter::DroppedUnknown);
        };
        if !lock(&self.resets).take(now_us) {
            return self.drop(Counter::ResetsWithheld);
        }
        self.answer(Some(length), Counter::ResetsSent)
    }

    fn answer(&self, length: Option<usize>, counter: Counter) -> Decision {
        match length {
            Some(length) => {
                self.counters.increment(counter);
                Decision::Answer(length)
            }
            // No room for an answer: there is a flood, and who means it comes again.
            None => self.drop(Counter::DroppedUnknown),
        }
    }

    /// The token that belongs to a connection id.
    pub fn reset_token(&self, id: &[u8]) -> Option<u128> {
        self.reset_tokens.of(id)
    }

    fn drop(&self, counter: Counter) -> Decision {
        self.counters.increment(counter);
        Decision::Drop
    }

    /// The handshake of `connection` is complete.
    pub fn establish(&self, lane: Lane, connection: u32) {
        let mut admission = lock(&self.admission);
        if admission.establish(key(lane, connection)) {
            self.counters.increment(Counter::HandshakesCompleted);
        }
        self.show_gauges(&admission);
    }

    /// The connection is forgotten.
    pub fn end(&self, lane: Lane, connection: u32) {
        let mut admission = lock(&self.admission);
        if admission.end(key(lane, connection)) {
            self.counters.increment(Counter::HandshakesFailed);
        }
        self.show_gauges(&admission);
    }

    /// The connections of `lane` that are not established, those that never will be included.
    pub fn unestablished(&self, lane: Lane) -> Vec<u32> {
        lock(&self.admission).unestablished(lane.index()).collect()
    }

    fn show_gauges(&self, admission: &Admission) {
        self.counters.set(Counter::Connections, admission.connections());
        self.counters.set(Counter::Handshakes, admission.handshakes());
    }
}

fn key(lane: Lane, connection: u32) -> ConnectionKey {
    ConnectionKey { lane: lane.index(), connection }
}

/// A poisoned lock only means that another thread panicked; what is counted stays consistent between statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Refusal {
    fn counter(self) -> Counter {
        match self {
            Refusal::Connections => Counter::RefusedConnections,
            Refusal::ConnectionsOfAddress => Counter::RefusedConnectionsOfAddress,
            Refusal::Handshakes => Counter::RefusedHandshakes,
            Refusal::HandshakesOfAddress => Counter::RefusedHandshakesOfAddress,
        }
    }
}
