//! When an acknowledgement waits for the answer it can travel with.
//!
//! quiche acknowledges with the next packet that is asked of it. What a packet brings for JavaScript is often answered a moment later, and
//! a packet that only acknowledges costs both ends about as much as the answer: a system call here, a thread that is woken there. So
//! where the last such packet was answered, the acknowledgement waits until JavaScript has dealt with what came: its answer, or that
//! there is none, ends the wait. So does a second packet (RFC 9000 §13.2.2), and [`MAX_WAIT`]. There is no short timer: it costs more
//! than the packet it saves (docs/decisions/0017).
//!
//! That is so for packets full of messages. The acknowledgement of a single small one leaves at once: on a machine that has nothing else
//! to do it wakes the peer's processor, which is awake when the answer comes.
//!
//! Streams that go on are acknowledged at once: quiche loses the code of a STOP_SENDING that comes in one packet with the
//! acknowledgement of all that the stream has carried.

use std::time::{Duration, Instant};

/// For a program that is busy with something else. A timer nearer than the kernel's tick costs with each sleep.
const MAX_WAIT: Duration = Duration::from_millis(10);
/// As many bytes of messages in a packet are several messages, or a large one.
const MANY_BYTES: usize = 1024;
/// After a packet that JavaScript did not answer, so many are acknowledged at once before waiting is tried again.
const PACKETS_BETWEEN_TRIES: u32 = 15;

/// What has happened since a packet was last asked of QUIC, and what is expected of JavaScript.
#[derive(Default)]
pub struct AckDelay {
    packets: u32,
    /// JavaScript was given several messages, or a large one, which it may answer.
    has_brought: bool,
    /// There is nothing to wait for.
    is_over: bool,
    /// The acknowledgement waits, but no longer than to this moment.
    until: Option<Instant>,
    /// Packets to be acknowledged at once.
    left_out: u32,
}

impl AckDelay {
    pub fn packet_arrived(&mut self) {
        self.packets += 1;
    }

    /// JavaScript was given so many bytes of messages that came to their end.
    pub fn brought(&mut self, bytes: usize) {
        self.has_brought |= bytes >= MANY_BYTES;
    }

    /// JavaScript has asked for something, an answer maybe.
    pub fn commanded(&mut self) {
        self.is_over = true;
    }

    /// JavaScript has dealt with what it was given, and asks for nothing.
    pub fn unanswered(&mut self) {
        if !self.is_over && self.until.is_some() {
            self.left_out = PACKETS_BETWEEN_TRIES;
        }
        self.is_over = true;
    }

    /// Whether an answer may come soon.
    pub fn expects_answer(&self) -> bool {
        self.packets == 1 && self.has_brought && !self.is_over && self.left_out == 0
    }

    /// Whether nothing should be sent yet for the sake of an acknowledgement alone.
    pub fn waits(&mut self, now: Instant) -> bool {
        self.expects_answer() && *self.until.get_or_insert(now + MAX_WAIT) > now
    }

    /// When it has waited long enough.
    pub fn until(&self) -> Option<Instant> {
        self.until
    }

    /// QUIC is asked for packets: whatever is due goes with them.
    pub fn ended(&mut self) {
        let left_out = self.left_out.saturating_sub(u32::from(self.has_brought));
        *self = AckDelay { left_out, ..AckDelay::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive(delay: &mut AckDelay) {
        delay.packet_arrived();
        delay.brought(MANY_BYTES);
    }

    /// One whose acknowledgement waits.
    fn waiting(now: Instant) -> AckDelay {
        let mut delay = AckDelay::default();
        receive(&mut delay);
        assert!(delay.waits(now));
        delay
    }

    #[test]
    fn it_waits_for_javascript() {
        let now = Instant::now();
        let mut delay = waiting(now);
        assert_eq!(delay.until(), Some(now + MAX_WAIT));
        assert!(!delay.waits(now + MAX_WAIT));
        delay.commanded();
        assert!(!delay.waits(now));
        delay.ended();
        assert_eq!(delay.until(), None);
        receive(&mut delay);
        assert!(delay.waits(now), "the last was answered");
    }

    #[test]
    fn a_second_packet_or_nothing_to_answer_ends_the_wait() {
        let now = Instant::now();
        let mut delay = waiting(now);
        delay.packet_arrived();
        assert!(!delay.waits(now));
        delay.ended();
        delay.packet_arrived();
        delay.brought(100);
        assert!(!delay.waits(now), "a single small message");
    }

    #[test]
    fn it_learns_whether_answers_come() {
        let now = Instant::now();
        let mut delay = waiting(now);
        delay.unanswered();
        for _ in 0..PACKETS_BETWEEN_TRIES {
            assert!(!delay.waits(now));
            delay.ended();
            receive(&mut delay);
        }
        assert!(delay.waits(now));
    }
}
