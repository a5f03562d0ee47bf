//! Tickets of a client: by which a server knows it again, so that it need not prove anew who it is (RFC 8446 §2.2).

use crate::quic::Quic;
use crate::record::event;
use crate::ring::{Events, record};

use super::Connection;

/// What the server was asked for, and how it was judged, digested: a ticket is good for nothing else, since nothing is
/// verified anew when it is used.
pub type TicketScope = [u8; 32];

/// Offer `ticket` to the server. One that is for something else, or cannot be read, is passed over. The server's transport parameters
/// in it are remembered for early data only; else those of the handshake hold, which may be lower (RFC 9000 §7.4.1).
pub fn use_ticket(quic: &mut Quic, scope: &TicketScope, ticket: &[u8], early_data: bool) {
    let Some((of, session)) = ticket.split_first_chunk() else { return };
    let session = if early_data { Some(session.to_vec()) } else { without_parameters(session) };
    if let (true, Some(session)) = (of == scope, session) {
        let _ = quic.set_session(&session);
    }
}

impl Connection {
    /// Tell JavaScript of the ticket that has come, once.
    pub(super) fn report_ticket(&mut self, events: &mut Events) {
        if let Some(scope) = &self.ticket_scope
            && let Some(session) = self.quic.session()
        {
            events.push(record(event::TICKET, self.id), &[scope, session].concat());
            self.ticket_scope = None;
        }
    }
}

/// quiche's form of a session, without the transport parameters; each stands behind its length of 8 bytes.
fn without_parameters(session: &[u8]) -> Option<Vec<u8>> {
    let length = usize::try_from(u64::from_be_bytes(*session.first_chunk()?)).ok()?;
    Some([session.get(..length.checked_add(8)?)?, &0_u64.to_be_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_taken_off_a_session() {
        let session = [&3_u64.to_be_bytes()[..], &[7, 8, 9], &2_u64.to_be_bytes(), &[1, 2]].concat();
        let expected = [&3_u64.to_be_bytes()[..], &[7, 8, 9], &0_u64.to_be_bytes()].concat();
        assert_eq!(without_parameters(&session), Some(expected));
        assert_eq!(without_parameters(&session[..10]), None);
        assert_eq!(without_parameters(&[0xff; 8]), None);
    }
}
