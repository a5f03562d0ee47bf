//! Staying awake for a moment when something will come soon.
//!
//! To fall asleep and be woken takes a thread longer than most of what it waits for: JavaScript answers a call within some ten
//! microseconds, and so does a peer on the same machine; waking an idle processor takes that long itself, and costs whoever wakes it as
//! much. So the I/O thread looks for a while whether something comes, letting other threads have the processor in between, before it
//! sleeps. How often that was in vain decides how soon it tries again, apart for what JavaScript and what the network is waited for: a
//! peer far away costs next to nothing. Figures: docs/decisions/0018.

use std::thread;
use std::time::{Duration, Instant};

/// No longer than this, which is a few times what waking costs.
pub const WATCH: Duration = Duration::from_micros(100);
/// Watches left out after many in vain: one costs [`WATCH`] of a processor nobody else wants.
const MAX_LEFT_OUT: u32 = 255;

/// Who has been given something, and may have something to give in turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Awaited {
    Javascript,
    Network,
}

/// Whether it is worth watching for each of them.
#[derive(Default)]
pub struct Lookout {
    javascript: Luck,
    network: Luck,
}

impl Lookout {
    /// Whether to watch now for `awaited`.
    pub fn is_worthwhile(&mut self, awaited: Awaited) -> bool {
        self.luck(awaited).try_again()
    }

    /// Look until `something_came` or [`WATCH`] or `pause` is over, whichever is first.
    pub fn watch(&mut self, awaited: Awaited, pause: Option<Duration>, mut something_came: impl FnMut() -> bool) {
        let until = Instant::now() + pause.map_or(WATCH, |pause| pause.min(WATCH));
        let mut has_come = something_came();
        while !has_come && Instant::now() < until {
            thread::yield_now();
            has_come = something_came();
        }
        self.luck(awaited).note(has_come);
    }

    fn luck(&mut self, awaited: Awaited) -> &mut Luck {
        match awaited {
            Awaited::Javascript => &mut self.javascript,
            Awaited::Network => &mut self.network,
        }
    }
}

/// How watching went of late.
#[derive(Default)]
struct Luck {
    /// Watches to be left out before the next.
    left_out: u32,
    /// How many were left out after the last one in vain.
    penalty: u32,
}

impl Luck {
    fn try_again(&mut self) -> bool {
        let is_time = self.left_out == 0;
        self.left_out = self.left_out.saturating_sub(1);
        is_time
    }

    fn note(&mut self, has_come: bool) {
        self.penalty = if has_come { self.penalty / 4 } else { (2 * self.penalty + 1).min(MAX_LEFT_OUT) };
        self.left_out = self.penalty;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of a thousand watches were taken when `comes` tells whether something came.
    fn taken(lookout: &mut Lookout, awaited: Awaited, comes: bool) -> usize {
        (0..1000)
            .filter(|_| {
                let is_worthwhile = lookout.is_worthwhile(awaited);
                if is_worthwhile {
                    lookout.watch(awaited, Some(Duration::ZERO), || comes);
                }
                is_worthwhile
            })
            .count()
    }

    #[test]
    fn watching_in_vain_becomes_rare_and_success_brings_it_back() {
        let mut lookout = Lookout::default();
        assert_eq!(taken(&mut lookout, Awaited::Javascript, true), 1000);
        assert!(taken(&mut lookout, Awaited::Network, false) < 15);
        assert_eq!(taken(&mut lookout, Awaited::Javascript, true), 1000, "each has its own luck");
        assert!(taken(&mut lookout, Awaited::Network, true) > 700, "a peer that came near");
    }

    #[test]
    fn it_ends_with_what_comes_and_when_something_else_is_due() {
        let mut lookout = Lookout::default();
        let mut looks = 0;
        lookout.watch(Awaited::Javascript, None, || {
            looks += 1;
            looks == 3
        });
        assert_eq!(looks, 3);
        let begun = Instant::now();
        lookout.watch(Awaited::Javascript, None, || false);
        assert!(begun.elapsed() >= WATCH);
        looks = 0;
        lookout.watch(Awaited::Network, Some(Duration::ZERO), || {
            looks += 1;
            false
        });
        assert_eq!(looks, 1);
    }
}
