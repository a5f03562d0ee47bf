//! What Windows calls its sockets, and how it waits for them.

use std::os::windows::io::AsRawSocket;
use std::time::Duration;

use windows_sys::Win32::Media::timeBeginPeriod;
use windows_sys::Win32::Networking::WinSock::{POLLIN, POLLOUT, SOCKET, WSAPOLLFD, WSAPoll};

/// A socket's number. Named as on Unix, where the code that only passes it on was written.
pub type RawFd = SOCKET;
pub type PollFd = WSAPOLLFD;

/// Waits for data to read.
pub const READABLE: i16 = POLLIN;
/// Waits for room to write.
pub const WRITABLE: i16 = POLLOUT;

pub fn raw_fd(socket: &impl AsRawSocket) -> RawFd {
    socket.as_raw_socket() as RawFd
}

/// False when the wait failed, and `fds` say nothing.
pub fn poll(fds: &mut [PollFd], timeout: Option<Duration>) -> bool {
    // SAFETY: `fds` is a valid array of its length.
    unsafe { WSAPoll(fds.as_mut_ptr(), fds.len() as u32, super::milliseconds(timeout)) >= 0 }
}

/// Let sleeps end within a millisecond: what Windows counts in unless it is asked is fifteen of them.
pub fn sleep_precisely() {
    // SAFETY: a request with a plain integer, for this process.
    unsafe { timeBeginPeriod(1) };
}
