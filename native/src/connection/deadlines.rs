//! What a connection does because time has passed.

use std::time::Instant;

use crate::ring::Events;

use super::Connection;

impl Connection {
    /// When this connection has something to do without a packet or a command.
    pub fn deadline(&self) -> Option<Instant> {
        if let Some(until) = self.ending.lingers_until() {
            return Some(until);
        }
        let keep_alive = self.settings.keep_alive.filter(|_| self.is_established);
        [
            self.quic.timeout_instant(),
            self.release,
            self.ack_delay.until(),
            self.stats_due,
            self.datagrams.next_expiry(),
            self.streams.lifetimes.next(),
            self.offer.recheck(),
            self.streams.quiet.due(),
            self.paths.next(),
            self.moves.next(),
            self.source.as_ref().and_then(|source| source.next()),
            self.path_response.next(),
            self.rest.next(),
            keep_alive.map(|interval| self.last_received + interval),
            (!self.is_established).then_some(self.started + self.settings.handshake_timeout),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The deadline has passed.
    pub fn on_deadline(&mut self, now: Instant, events: &mut Events) {
        if self.ending.is_lingering() {
            return;
        }
        self.quic.on_timeout();
        self.datagrams.drop_expired(now, events);
        self.streams.expire(now, &mut self.quic, events);
        self.offer.rechecked(now);
        self.rest(now);
        if self.release.is_some_and(|at| at <= now) {
            self.release = None;
        }
        if self.stats_due.is_some_and(|at| at <= now) {
            self.stats_due = None;
            let path_limited = std::mem::take(&mut self.path_limited);
            self.stats.update(&self.quic, self.paths.packet_bytes(), path_limited);
            if path_limited {
                self.refresh_stats_after(now);
            }
            if let Some(path) = self.quic.path_stats().find(|path| path.active) {
                let packet_bytes = self.quic.max_send_udp_payload_size();
                self.offer.adapt(path.delivery_rate, packet_bytes, path.stream_retrans_bytes);
            }
        }
        if !self.is_established {
            if self.started + self.settings.handshake_timeout <= now {
                self.give_up_handshake();
            }
        } else if let Some(interval) = self.settings.keep_alive
            && self.last_received + interval <= now
        {
            let _ = self.quic.send_ack_eliciting();
            // The next one after the same time again, should no answer come.
            self.last_received = now;
        }
    }
}
