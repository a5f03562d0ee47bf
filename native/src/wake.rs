//! Sleeping until a socket is readable, a moment has come, or JavaScript has work.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

/// Wakes the I/O thread from another thread, with a system call only when it really sleeps.
pub struct Waker {
    read: OwnedFd,
    write: OwnedFd,
    sleeping: AtomicBool,
}

impl Waker {
    pub fn new() -> io::Result<Waker> {
        let mut fds = [0; 2];
        // SAFETY: `fds` has room for the two descriptors; both are owned from here on.
        let (read, write) = unsafe {
            if libc::pipe(fds.as_mut_ptr()) != 0 {
                return Err(io::Error::last_os_error());
            }
            let [read, write] = fds;
            for fd in fds {
                libc::fcntl(fd, libc::F_SETFL, libc::O_NONBLOCK);
                libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
            }
            (OwnedFd::from_raw_fd(read), OwnedFd::from_raw_fd(write))
        };
        Ok(Waker { read, write, sleeping: AtomicBool::new(false) })
    }

    /// Called by JavaScript's thread after it has published its work.
    pub fn wake(&self) {
        if self.sleeping.swap(false, SeqCst) {
            // SAFETY: the descriptor is open, the byte lives on the stack. A full pipe wakes as well.
            unsafe { libc::write(self.write.as_raw_fd(), [1u8].as_ptr().cast(), 1) };
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

    fn drain(&self) {
        let mut bytes = [0u8; 64];
        // SAFETY: reads at most the array's length from an open descriptor.
        unsafe { libc::read(self.read.as_raw_fd(), bytes.as_mut_ptr().cast(), bytes.len()) };
    }
}

/// The descriptors to sleep on: the waker first, then the sockets.
pub struct Poller {
    fds: Vec<libc::pollfd>,
}

impl Poller {
    pub fn new(waker: &Waker) -> Poller {
        Poller { fds: vec![poll_fd(waker.read.as_raw_fd())] }
    }

    pub fn add(&mut self, fd: RawFd) {
        self.fds.push(poll_fd(fd));
    }

    pub fn remove(&mut self, fd: RawFd) {
        self.fds.retain(|entry| entry.fd != fd);
    }

    /// Sleep until a descriptor is readable or `timeout` is over; `None` sleeps until something happens.
    pub fn wait(&mut self, waker: &Waker, timeout: Option<Duration>) {
        poll(&mut self.fds, timeout);
        if self.fds.first().is_some_and(|entry| entry.revents != 0) {
            waker.drain();
        }
    }

    /// The sockets the last [`wait`](Self::wait) found readable (or in error).
    pub fn ready(&self) -> impl Iterator<Item = RawFd> {
        self.fds.iter().skip(1).filter(|entry| entry.revents != 0).map(|entry| entry.fd)
    }
}

/// Wait until `fd` takes data again, for at most `timeout`.
pub fn wait_writable(fd: RawFd, timeout: Duration) {
    poll(&mut [libc::pollfd { fd, events: libc::POLLOUT, revents: 0 }], Some(timeout));
}

fn poll_fd(fd: RawFd) -> libc::pollfd {
    libc::pollfd { fd, events: libc::POLLIN, revents: 0 }
}

#[cfg(target_os = "linux")]
fn poll(fds: &mut [libc::pollfd], timeout: Option<Duration>) {
    let time = timeout.map(|value| libc::timespec {
        tv_sec: value.as_secs() as libc::time_t,
        tv_nsec: value.subsec_nanos() as libc::c_long,
    });
    let pointer = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: `fds` is a valid array of its length, `pointer` is null or outlives the call.
    let found = unsafe { libc::ppoll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, pointer, std::ptr::null()) };
    forget_stale_results(fds, found);
}

#[cfg(not(target_os = "linux"))]
fn poll(fds: &mut [libc::pollfd], timeout: Option<Duration>) {
    // Rounded up: a timer that fires early would spin.
    let milliseconds = timeout.map_or(-1, |value| value.as_micros().div_ceil(1000).min(i32::MAX as u128) as i32);
    // SAFETY: `fds` is a valid array of its length.
    let found = unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, milliseconds) };
    forget_stale_results(fds, found);
}

/// An interrupted poll leaves the results of the one before it.
fn forget_stale_results(fds: &mut [libc::pollfd], found: libc::c_int) {
    if found < 0 {
        for entry in fds {
            entry.revents = 0;
        }
    }
}

/// Let the kernel end this thread's sleeps on time instead of 50 µs late.
pub fn sleep_precisely() {
    #[cfg(target_os = "linux")]
    // SAFETY: a request with plain integers that concerns the calling thread only.
    unsafe {
        libc::prctl(libc::PR_SET_TIMERSLACK, 1, 0, 0, 0);
    }
}
