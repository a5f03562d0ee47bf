//! What paths need of the driver: connection ids that packets find their way by, and sockets.

use std::time::Instant;

use crate::connection::moves::report_failed_move;
use crate::endpoint::Endpoint;
use crate::lane::Lane;
use crate::socket::{Socket, any_address};
use crate::wake::RawFd;

use super::Driver;

impl Driver {
    /// Give the peer of a connection the ids it should have, and close the sockets it does not need any more.
    pub(super) fn tend_paths(&mut self, id: u32) {
        while let Some(fd) = self.connections.get_mut(&id).and_then(|connection| connection.release_socket()) {
            self.leave_socket(fd);
        }
        let Some(connection) = self.connections.get_mut(&id) else { return };
        while connection.wants_id() {
            let listener = self.endpoints.get(&connection.socket).and_then(|endpoint| endpoint.listener.as_ref());
            let lane = listener.map_or(Lane::ONLY, |listener| listener.lane);
            let Ok(source_id) = lane.connection_id() else { return };
            // Only servers send stateless resets, so the token of a client is any number.
            let token = match listener {
                Some(listener) => listener.door.reset_token(&source_id),
                None => Lane::ONLY.connection_id().ok().map(u128::from_be_bytes),
            };
            if !token.is_some_and(|token| connection.give_id(&source_id, token)) {
                return;
            }
            self.routes.add(&source_id, id);
        }
    }

    /// Let a client move when its packets leave from another address of this machine than before.
    pub(super) fn look_for_another_source(&mut self, id: u32, now: Instant) {
        let is_due = self.connections.get(&id).is_some_and(|connection| connection.wants_source(now));
        if is_due && self.has_another_source(id, now) {
            self.begin_move(id);
        }
    }

    /// Whether a client's packets leave from another address than at the last look.
    fn has_another_source(&mut self, id: u32, now: Instant) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        let Some(remote) = connection.watched_peer() else { return false };
        connection.note_source(self.sources.towards(remote, now), now)
    }

    /// JavaScript wants a client to move.
    pub(super) fn begin_wanted_move(&mut self, id: u32) {
        // What has changed until now is done with by this move.
        self.has_another_source(id, Instant::now());
        self.begin_move(id);
    }

    /// Let a connection go on from a fresh socket, unless it is about to.
    fn begin_move(&mut self, id: u32) {
        let Some(connection) = self.connections.get_mut(&id).filter(|connection| !connection.is_moving()) else {
            return;
        };
        let is_ipv6 = self.endpoints.get(&connection.socket).is_some_and(|endpoint| endpoint.socket.local().is_ipv6());
        let begun = match Socket::bind(any_address(is_ipv6), false) {
            Ok(socket) => connection.begin_move(socket.local(), socket.fd()).map(|()| socket),
            Err(_) => Err("no socket could be bound"),
        };
        match begun {
            Ok(socket) => {
                self.poller.add(socket.fd());
                let endpoint = Endpoint { socket, listener: None, connections: 1, is_temporary: true };
                self.endpoints.insert(endpoint.socket.fd(), endpoint);
                self.mark(id);
            }
            Err(reason) => report_failed_move(id, reason, &mut self.events),
        }
    }

    /// One connection less on this socket.
    pub(super) fn leave_socket(&mut self, fd: RawFd) {
        if let Some(endpoint) = self.endpoints.get_mut(&fd) {
            endpoint.connections = endpoint.connections.saturating_sub(1);
            self.may_retire |= endpoint.listener.is_some() || endpoint.is_temporary;
        }
    }
}
