//! A client that goes on sending Initial packets has not got the server's answer to them. quiche acknowledges each and waits for a
//! timer of its own before it sends the answer again, which doubles every time: minutes, where much is lost. So the
//! acknowledgement asks to be acknowledged as well; what comes back shows quiche which packets were lost, and how long the path
//! is (RFC 9002 §6.2.3 allows to hurry here).

use std::time::{Duration, Instant};

use super::coalesced::{Kind, Packets};

/// What a server has seen of its client's Initial packets.
#[derive(Default)]
pub struct RepeatedHello {
    /// When the first came, or an acknowledgement was asked for.
    last: Option<Instant>,
}

impl RepeatedHello {
    /// Whether to ask for an acknowledgement, now that `datagram` has come. At most once in a round trip and a half: what answers one
    /// may be an Initial packet too.
    pub fn asks(&mut self, datagram: &[u8], now: Instant, round_trip_time: Duration) -> bool {
        if Packets::of(datagram).next() != Some(Some(Kind::Initial)) {
            return false;
        }
        let asks = self.last.is_some_and(|last| now - last >= round_trip_time * 3 / 2);
        if asks || self.last.is_none() {
            self.last = Some(now);
        }
        asks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INITIAL: [u8; 13] = [0xc0, 0, 0, 0, 1, 1, 9, 0, 2, 5, 5, 1, 7];
    const HANDSHAKE: [u8; 12] = [0xe0, 0, 0, 0, 1, 1, 9, 0, 2, 5, 5, 7];

    #[test]
    fn what_comes_again_later_is_asked_about_and_the_answer_to_that_is_not() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let round_trip_time = Duration::from_millis(100);
        let mut hello = RepeatedHello::default();
        assert!(!hello.asks(&HANDSHAKE, at(0), round_trip_time));
        let asked = [200, 201, 349, 350, 450, 499, 500].map(|ms| hello.asks(&INITIAL, at(ms), round_trip_time));
        assert_eq!(asked, [false, false, false, true, false, false, true]);
        assert!(!hello.asks(&HANDSHAKE, at(1_000), round_trip_time));
    }
}
