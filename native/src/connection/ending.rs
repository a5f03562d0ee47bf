//! How a connection ends: who wanted it, what JavaScript is told, and what still answers afterwards.

use std::time::{Duration, Instant};

use crate::close::{Close, CloseCause, concerns_certificate, describe};
use crate::record::{APPLICATION, Header, event};
use crate::ring::{Events, record};
use crate::tls::verify::{client_refusal, refusal};

use super::datagrams::Datagrams;
use super::messages::Messages;
use super::streams::Streams;
use super::{Connection, Role};

/// How long a closed connection repeats its CONNECTION_CLOSE to a peer that has missed it (RFC 9000 §10.2.1: at least
/// three probe timeouts).
const MIN_LINGER: Duration = Duration::from_millis(500);
/// Bytes sent for each byte received, at most (RFC 9000 §10.2.1), by who does not know whether packets are authentic.
const AMPLIFICATION: usize = 3;
/// The TLS alert of a server whose client shows no certificate (RFC 8446 §6.2).
const CERTIFICATE_REQUIRED: u64 = 0x174;

/// The state of an end that may be under way.
#[derive(Default)]
pub struct Ending {
    /// JavaScript closed, with this code and reason.
    requested: Option<(u64, Vec<u8>)>,
    /// quiche refused something the peer did.
    failure: Option<quiche::Error>,
    /// The handshake is given up, because of its timeout or because the listener closes.
    gave_up: bool,
    lingering: Option<Lingering>,
}

struct Lingering {
    until: Instant,
    /// The packet with the CONNECTION_CLOSE; empty when the peer closed.
    last_packet: Vec<u8>,
    /// Bytes that may be sent.
    allowance: usize,
    packets: u32,
    is_due: bool,
}

impl Lingering {
    /// Ever fewer packets are answered, and none with more than what came allows (RFC 9000 §10.2.1).
    fn packet_arrived(&mut self, length: usize) {
        self.packets = self.packets.saturating_add(1);
        self.allowance = self.allowance.saturating_add(length.saturating_mul(AMPLIFICATION));
        self.is_due |= self.packets.is_power_of_two() && !self.last_packet.is_empty();
    }

    fn take_repeat(&mut self) -> Option<&[u8]> {
        if !self.is_due {
            return None;
        }
        self.allowance = self.allowance.checked_sub(self.last_packet.len())?;
        self.is_due = false;
        Some(&self.last_packet)
    }
}

impl Ending {
    /// JavaScript has been told; only latecomers are answered.
    pub fn is_lingering(&self) -> bool {
        self.lingering.is_some()
    }

    pub fn lingers_until(&self) -> Option<Instant> {
        self.lingering.as_ref().map(|lingering| lingering.until)
    }

    pub fn failed(&mut self, error: quiche::Error) {
        self.failure.get_or_insert(error);
    }

    /// A packet of `length` bytes came too late.
    pub fn packet_arrived(&mut self, length: usize) {
        if let Some(lingering) = &mut self.lingering {
            lingering.packet_arrived(length);
        }
    }

    /// The CONNECTION_CLOSE to be repeated now.
    pub fn take_repeat(&mut self) -> Option<&[u8]> {
        self.lingering.as_mut()?.take_repeat()
    }
}

impl Connection {
    /// JavaScript closes.
    pub(super) fn close(&mut self, code: u64, reason: &[u8]) {
        if self.ending.requested.is_none() {
            self.ending.requested = Some((code, reason.to_vec()));
        }
    }

    /// JavaScript's close goes to quiche after what was written before it has had its chance to leave.
    pub(super) fn apply_requested_close(&mut self) -> bool {
        match &self.ending.requested {
            Some((code, reason)) if !self.delays_close() => self.quic.close(true, *code, reason).is_ok(),
            _ => false,
        }
    }

    /// Go no further with a handshake; an established connection is not affected.
    pub fn give_up_handshake(&mut self) {
        if !self.is_established {
            self.ending.gave_up = true;
            // CONNECTION_REFUSED (RFC 9000 §20.1).
            let _ = self.quic.close(false, 0x2, b"");
        }
    }

    /// Tell JavaScript if the connection has ended; afterwards it lingers. `last_packet` is the one sent last.
    pub fn report_end(&mut self, events: &mut Events, last_packet: &[u8]) -> bool {
        let was_requested = self.ending.requested.is_some() && !self.delays_close();
        let has_ended = self.quic.is_closed() || self.quic.is_draining() || was_requested || self.ending.gave_up;
        if self.ending.is_lingering() || !has_ended {
            return false;
        }
        let close = self.describe_end();
        self.stats.update(&self.quic, self.paths.packet_bytes(), false);
        // A connection that was never established on an accepting side is nothing JavaScript knows.
        if self.is_usable() || matches!(self.role, Role::Dialled { .. }) {
            let header = Header {
                flags: if close.application { APPLICATION } else { 0 },
                stream: close.code,
                argument: close.cause as u32,
                ..record(event::CLOSED, self.id)
            };
            events.push(header, close.reason.as_bytes());
        } else if let Role::Accepted { listener } = self.role {
            self.report_refusal(listener, &close, events);
        }
        let is_ours = self.quic.peer_error().is_none() && !self.quic.is_timed_out();
        let counts = self.quic.stats();
        let allowance = (counts.recv_bytes as usize).saturating_mul(AMPLIFICATION);
        self.ending.lingering = Some(Lingering {
            until: self.quic.timeout_instant().unwrap_or_else(Instant::now).max(Instant::now() + MIN_LINGER),
            last_packet: if is_ours { last_packet.to_vec() } else { Vec::new() },
            allowance: allowance.saturating_sub(counts.sent_bytes as usize),
            packets: 0,
            is_due: false,
        });
        self.streams = Streams::new(self.id, false, 0, 0);
        self.messages = Messages::new(0);
        self.datagrams = Datagrams::new(self.id);
        true
    }

    fn describe_end(&mut self) -> Close {
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let close = |cause, application, code, reason| Close { cause, application, code, reason };
        if let Some(error) = self.quic.peer_error() {
            let reason = if error.is_app || !error.reason.is_empty() {
                lossy(&error.reason)
            } else {
                self.remote_reason(error.error_code)
            };
            let cause = if self.is_established { CloseCause::Remote } else { CloseCause::Handshake };
            return close(cause, error.is_app, error.error_code, reason);
        }
        if let Some((code, reason)) = &self.ending.requested {
            return close(CloseCause::Local, true, *code, lossy(reason));
        }
        if self.ending.gave_up {
            let waited = self.settings.handshake_timeout.as_millis();
            return close(CloseCause::Handshake, false, 0, format!("no answer within {waited} ms"));
        }
        if self.quic.is_timed_out() {
            let cause = if self.is_established { CloseCause::Timeout } else { CloseCause::Handshake };
            return close(cause, false, 0, "no packet from the peer within the idle timeout".to_owned());
        }
        if self.quic.is_closed() && self.quic.local_error().is_none() {
            // quiche closes without an error of either end when it has recognised a stateless reset, or has no path left.
            return match self.quic.path_stats().any(|path| path.active) {
                true => close(CloseCause::Reset, false, 0, "the peer does not know it any more".to_owned()),
                false => close(CloseCause::Timeout, false, 0, "no path to the peer works any more".to_owned()),
            };
        }
        let code = self.quic.local_error().map_or(0x1, |error| error.error_code);
        let cause = if self.is_established { CloseCause::Local } else { CloseCause::Handshake };
        close(cause, false, code, self.local_reason(code))
    }

    /// A server judges certificates of clients only, and the other way round.
    fn remote_reason(&self, code: u64) -> String {
        match self.role {
            Role::Dialled { .. } if code == CERTIFICATE_REQUIRED => {
                "the server asks for a certificate, and none was given".to_owned()
            }
            Role::Dialled { .. } if concerns_certificate(code) => {
                format!("the server refuses the certificate it was given: {}", describe(code))
            }
            Role::Accepted { .. } if concerns_certificate(code) => {
                format!("the client refuses this server's certificate: {}", describe(code))
            }
            _ => describe(code),
        }
    }

    fn local_reason(&mut self, code: u64) -> String {
        let refused = match &self.role {
            _ if !concerns_certificate(code) => None,
            Role::Dialled { server_name, verification } => refusal(self.quic.as_mut(), verification, server_name),
            Role::Accepted { .. } => client_refusal(self.quic.as_mut()),
        };
        if let Some(reason) = refused {
            return reason;
        }
        match self.ending.failure {
            Some(quiche::Error::TlsFail) | None => describe(code),
            Some(error) => format!("{} ({error:?})", describe(code)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lingering(allowance: usize) -> Lingering {
        Lingering { until: Instant::now(), last_packet: vec![7; 60], allowance, packets: 0, is_due: false }
    }

    #[test]
    fn ever_fewer_late_packets_are_answered() {
        let mut lingering = lingering(0);
        let answered: Vec<u32> = (1..=100)
            .filter(|_| {
                lingering.packet_arrived(1_200);
                lingering.take_repeat().is_some()
            })
            .collect();
        assert_eq!(answered, [1, 2, 4, 8, 16, 32, 64]);
    }

    #[test]
    fn answers_to_late_packets_are_no_longer_than_three_times_what_came() {
        for (allowance, length) in [(0, 17), (0, 1), (50, 17), (1_000, 5)] {
            let mut lingering = lingering(allowance);
            let (mut received, mut sent) = (0, 0);
            for _ in 0..1_000 {
                received += length;
                lingering.packet_arrived(length);
                sent += lingering.take_repeat().map_or(0, <[u8]>::len);
                assert!(sent <= allowance + 3 * received);
            }
            assert!(sent > 0);
        }
    }
}
