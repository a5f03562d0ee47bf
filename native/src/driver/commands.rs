//! What JavaScript hands over: commands for connections.

use bytes::Bytes;

use crate::record::{HEADER_BYTES, Header, command, padded};

use super::Driver;

impl Driver {
    /// Carry out what JavaScript asks for, having dealt with what it was given; that may be nothing.
    pub(super) fn carry_out(&mut self, submission: &Bytes) {
        let mut at = 0;
        while let Some(header) = submission.get(at..).and_then(Header::decode) {
            let start = at + HEADER_BYTES;
            let end = start + header.length as usize;
            if end > submission.len() {
                break;
            }
            at = start + padded(header.length as usize);
            if header.kind == command::MOVE {
                self.begin_wanted_move(header.connection);
                continue;
            }
            if let Some(connection) = self.connections.get_mut(&header.connection) {
                connection.command(&header, submission.slice(start..end), submission.len(), &mut self.events);
                self.mark(header.connection);
            }
        }
        for id in std::mem::take(&mut self.awaiting) {
            let Some(connection) = self.connections.get_mut(&id) else { continue };
            if submission.is_empty() {
                connection.ack_delay.unanswered();
            } else {
                connection.ack_delay.commanded();
            }
            self.mark(id);
        }
    }
}
