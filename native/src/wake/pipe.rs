//! A pipe whose reading end wakes a poll: every Unix system.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Raised by one thread, seen by the poll of another.
pub struct Signal {
    read: OwnedFd,
    write: OwnedFd,
}

impl Signal {
    pub fn new() -> io::Result<Signal> {
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
        Ok(Signal { read, write })
    }

    /// What to poll.
    pub fn fd(&self) -> RawFd {
        self.read.as_raw_fd()
    }

    pub fn raise(&self) {
        // SAFETY: the descriptor is open, the byte lives on the stack. A full pipe wakes as well.
        unsafe { libc::write(self.write.as_raw_fd(), [1u8].as_ptr().cast(), 1) };
    }

    pub fn clear(&self) {
        let mut bytes = [0u8; 64];
        // SAFETY: reads at most the array's length from an open descriptor.
        unsafe { libc::read(self.read.as_raw_fd(), bytes.as_mut_ptr().cast(), bytes.len()) };
    }
}
