//! The clock that stamps packets: CLOCK_MONOTONIC in microseconds, the one JavaScript reads through `nowUs`.

use std::time::Duration;

/// Microseconds of the monotonic clock.
pub fn now_us() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid, writable timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32).as_micros() as u64
}
