//! What Unix calls its descriptors, and how it waits for them.

use std::os::fd::AsRawFd;
use std::time::Duration;

pub use libc::pollfd as PollFd;
pub use std::os::fd::RawFd;

/// Waits for data to read.
pub const READABLE: libc::c_short = libc::POLLIN;
/// Waits for room to write.
pub const WRITABLE: libc::c_short = libc::POLLOUT;

pub fn raw_fd(socket: &impl AsRawFd) -> RawFd {
    socket.as_raw_fd()
}

/// False when the wait was interrupted, and `fds` say nothing.
#[cfg(target_os = "linux")]
pub fn poll(fds: &mut [PollFd], timeout: Option<Duration>) -> bool {
    let time = timeout.map(|value| libc::timespec {
        tv_sec: value.as_secs() as libc::time_t,
        tv_nsec: value.subsec_nanos() as libc::c_long,
    });
    let pointer = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: `fds` is a valid array of its length, `pointer` is null or outlives the call.
    unsafe { libc::ppoll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, pointer, std::ptr::null()) >= 0 }
}

/// False when the wait was interrupted, and `fds` say nothing.
#[cfg(not(target_os = "linux"))]
pub fn poll(fds: &mut [PollFd], timeout: Option<Duration>) -> bool {
    // SAFETY: `fds` is a valid array of its length.
    unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, super::milliseconds(timeout)) >= 0 }
}

/// Let the kernel end this thread's sleeps on time instead of 50 µs late.
pub fn sleep_precisely() {
    #[cfg(target_os = "linux")]
    // SAFETY: a request with plain integers that concerns the calling thread only.
    unsafe {
        libc::prctl(libc::PR_SET_TIMERSLACK, 1, 0, 0, 0);
    }
}
