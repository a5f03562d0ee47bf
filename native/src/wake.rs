//! Sleeping until a socket is readable, a moment has come, or JavaScript has work.

#[cfg(any(windows, test))]
mod loopback;
#[cfg(unix)]
mod pipe;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

#[cfg(windows)]
use loopback::Signal;
#[cfg(unix)]
use pipe::Signal;
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

pub use system::{RawFd, raw_fd, sleep_precisely};

/// Wakes the I/O thread from another thread, with a system call only when it really sleeps.
pub struct Waker {
    signal: Signal,
    sleeping: AtomicBool,
}

impl Waker {
    pub fn new() -> io::Result<Waker> {
        Ok(Waker { signal: Signal::new()?, sleeping: AtomicBool::new(false) })
    }

    /// Called by JavaScript's thread after it has published its work.
    pub fn wake(&self) {
        if self.sleeping.swap(false, SeqCst) {
            self.signal.raise();
        }
    }

    /// Announce sleep; the caller re-checks for work afterwards, so that no wake-up is lost in between.
    pub fn prepare(&self) {
        self.sleeping.store(true, SeqCst);
    }

    /// Awake again, for whatever reason.
    pub fn finish(&self) {
        self.sleeping.store(false, SeqCst);
    }
}

/// What to sleep on: the waker first, then the sockets.
pub struct Poller {
    fds: Vec<system::PollFd>,
}

impl Poller {
    pub fn new(waker: &Waker) -> Poller {
        Poller { fds: vec![poll_fd(waker.signal.fd())] }
    }

    pub fn add(&mut self, fd: RawFd) {
        self.fds.push(poll_fd(fd));
    }

    pub fn remove(&mut self, fd: RawFd) {
        self.fds.retain(|entry| entry.fd != fd);
    }

    /// Sleep until a socket is readable or `timeout` is over; `None` sleeps until something happens.
    pub fn wait(&mut self, waker: &Waker, timeout: Option<Duration>) {
        poll(&mut self.fds, timeout);
        if self.fds.first().is_some_and(|entry| entry.revents != 0) {
            waker.signal.clear();
        }
    }

    /// How many sockets it sleeps on.
    pub fn sockets(&self) -> usize {
        self.fds.len() - 1
    }

    /// Whether a socket is readable now.
    pub fn has_packets(&mut self, waker: &Waker) -> bool {
        self.wait(waker, Some(Duration::ZERO));
        self.ready().next().is_some()
    }

    /// The sockets the last [`wait`](Self::wait) found readable (or in error).
    pub fn ready(&self) -> impl Iterator<Item = RawFd> {
        self.fds.iter().skip(1).filter(|entry| entry.revents != 0).map(|entry| entry.fd)
    }
}

/// Wait until `fd` takes data again, for at most `timeout`.
pub fn wait_writable(fd: RawFd, timeout: Duration) {
    poll(&mut [system::PollFd { fd, events: system::WRITABLE, revents: 0 }], Some(timeout));
}

fn poll_fd(fd: RawFd) -> system::PollFd {
    system::PollFd { fd, events: system::READABLE, revents: 0 }
}

fn poll(fds: &mut [system::PollFd], timeout: Option<Duration>) {
    if !system::poll(fds, timeout) {
        // An interrupted poll leaves the results of the one before it.
        for entry in fds {
            entry.revents = 0;
        }
    }
}

/// Whole milliseconds for systems that count in them, rounded up: a timer that fires early would spin. -1 is forever.
#[cfg(not(target_os = "linux"))]
fn milliseconds(timeout: Option<Duration>) -> i32 {
    timeout.map_or(-1, |value| value.as_micros().div_ceil(1000).min(i32::MAX as u128) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::thread;

    #[test]
    fn a_signal_ends_a_sleep_once() {
        assert_ends_a_sleep_once(
            &pipe::Signal::new().unwrap(),
            pipe::Signal::fd,
            pipe::Signal::raise,
            pipe::Signal::clear,
        );
    }

    #[test]
    fn a_signal_over_loopback_ends_a_sleep_once() {
        use loopback::Signal;
        assert_ends_a_sleep_once(&Signal::new().unwrap(), Signal::fd, Signal::raise, Signal::clear);
    }

    fn assert_ends_a_sleep_once<S: Sync>(signal: &S, fd: fn(&S) -> RawFd, raise: fn(&S), clear: fn(&S)) {
        let mut fds = [poll_fd(fd(signal))];
        poll(&mut fds, Some(Duration::ZERO));
        assert_eq!(fds[0].revents, 0);
        thread::scope(|scope| {
            scope.spawn(|| (0..3).for_each(|_| raise(signal)));
            poll(&mut fds, None);
        });
        assert_ne!(fds[0].revents, 0);
        clear(signal);
        poll(&mut fds, Some(Duration::ZERO));
        assert_eq!(fds[0].revents, 0);
    }

    #[test]
    fn a_poller_tells_which_sockets_are_readable() {
        let waker = Waker::new().unwrap();
        let [one, other] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let mut poller = Poller::new(&waker);
        poller.add(raw_fd(&one));
        poller.add(raw_fd(&other));
        one.send_to(b"x", other.local_addr().unwrap()).unwrap();
        poller.wait(&waker, None);
        assert_eq!(poller.ready().collect::<Vec<_>>(), [raw_fd(&other)]);
        poller.remove(raw_fd(&other));
        poller.wait(&waker, Some(Duration::ZERO));
        assert_eq!(poller.ready().count(), 0);
    }
}
