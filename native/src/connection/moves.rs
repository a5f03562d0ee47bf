//! How a client moves to another socket (RFC 9000 §9): it asks on the path from there whether it works, and goes that way
//! when an answer has come.

use std::net::SocketAddr;
use std::time::Instant;

use crate::record::{Header, event};
use crate::ring::{Events, record};
use crate::wake::RawFd;

use super::paths::{PATIENCE, Way};
use super::{Connection, Role};

/// The sockets of a connection besides its own, and a move to one of them.
#[derive(Default)]
pub struct Moves {
    /// Sockets in use, by their addresses.
    others: Vec<(SocketAddr, RawFd)>,
    /// Sockets of no use any more.
    released: Vec<RawFd>,
    moving: Option<Moving>,
}

/// A move under way.
struct Moving {
    local: SocketAddr,
    socket: RawFd,
    began: Instant,
    has_begun: bool,
}

impl Moves {
    /// The socket with that address, when it is not the connection's own.
    pub fn socket(&self, local: SocketAddr) -> Option<RawFd> {
        self.others.iter().find(|(address, _)| *address == local).map(|(_, socket)| *socket)
    }

    /// Whether `local` is where the connection moves to.
    pub fn is_towards(&self, local: SocketAddr) -> bool {
        self.moving.as_ref().is_some_and(|moving| moving.local == local)
    }

    /// When a move that has not begun is given up.
    pub fn next(&self) -> Option<Instant> {
        let moving = self.moving.as_ref().filter(|moving| !moving.has_begun)?;
        Some(moving.began + PATIENCE)
    }

    /// Packets leave from `local` now, and left from `before` until now. Returns the socket that is the connection's own
    /// from now on, in place of `own`, when it has moved.
    pub fn arrive(&mut self, local: SocketAddr, before: Option<SocketAddr>, own: RawFd) -> Option<RawFd> {
        let moved = self.moving.take_if(|moving| moving.local == local)?;
        // The socket before this one may still be sent to; older ones are not.
        self.others.retain(|(_, socket)| *socket != moved.socket);
        self.released.extend(self.others.drain(..).map(|(_, socket)| socket));
        self.others.extend(before.map(|before| (before, own)));
        Some(moved.socket)
    }
}

impl Connection {
    /// The sockets this connection receives on.
    pub fn sockets(&self) -> impl Iterator<Item = RawFd> {
        std::iter::once(self.socket).chain(self.moves.others.iter().map(|(_, socket)| *socket))
    }

    /// A socket that is of no use any more.
    pub fn release_socket(&mut self) -> Option<RawFd> {
        self.moves.released.pop()
    }

    /// Whether a move is under way.
    pub fn is_moving(&self) -> bool {
        self.moves.moving.is_some()
    }

    /// Whether the peer does not allow it (RFC 9000 §18.2).
    pub(super) fn is_kept_from_moving(&self) -> bool {
        self.quic.peer_transport_params().is_some_and(|peer| peer.disable_active_migration)
    }

    /// Move to `socket`, which is bound to `local`. What comes of it is an event; an error is told here.
    pub fn begin_move(&mut self, local: SocketAddr, socket: RawFd) -> Result<(), &'static str> {
        if !matches!(self.role, Role::Dialled { .. }) {
            return Err("only clients can move");
        }
        if !self.is_established || self.ending.is_lingering() {
            return Err("the connection is not established");
        }
        if self.is_kept_from_moving() {
            return Err("the server does not allow it (disable_active_migration)");
        }
        self.moves.moving = Some(Moving { local, socket, began: Instant::now(), has_begun: false });
        self.moves.others.push((local, socket));
        Ok(())
    }

    /// A move begins when the peer has given a connection id for it, and ends when its path, which goes to `remote`, has failed.
    pub(super) fn tend_move(&mut self, remote: SocketAddr, events: &mut Events) {
        let Some(moving) = &mut self.moves.moving else { return };
        let way: Way = (moving.local, remote);
        if !moving.has_begun && self.quic.is_path_validated(way.0, way.1) == Ok(true) {
            // The socket has got the port of an earlier one, and quiche tells nothing of a path that was validated before.
            moving.has_begun = true;
            let _ = self.quic.migrate(way.0, way.1);
        } else if !moving.has_begun {
            match self.quic.probe_path(way.0, way.1) {
                Ok(_) => {
                    moving.has_begun = true;
                    self.paths.begin_proof(way);
                }
                Err(_) if moving.began.elapsed() < PATIENCE => {}
                Err(_) => self.fail_move("the server has given no connection id for another path", events),
            }
        } else if !self.paths.is_unproven(way) && self.path() != Some(way) {
            self.fail_move("no answer came on the new path", events);
        }
    }

    fn fail_move(&mut self, reason: &str, events: &mut Events) {
        let Some(moving) = self.moves.moving.take() else { return };
        self.moves.others.retain(|(_, socket)| *socket != moving.socket);
        self.moves.released.push(moving.socket);
        report_failed_move(self.id, reason, events);
    }
}

/// What to answer to a move that cannot begin, or has failed.
pub fn report_failed_move(connection: u32, reason: &str, events: &mut Events) {
    events.push(Header { argument: 1, ..record(event::MOVED, connection) }, reason.as_bytes());
}
