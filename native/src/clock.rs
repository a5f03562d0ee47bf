//! The clock that stamps packets: the system's monotonic one in microseconds, the one JavaScript reads through `nowUs`.

/// Microseconds of CLOCK_MONOTONIC.
#[cfg(unix)]
pub fn now_us() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid, writable timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    std::time::Duration::new(time.tv_sec as u64, time.tv_nsec as u32).as_micros() as u64
}

/// Microseconds of the performance counter since it was first asked, and one more: 0 stands for "never".
#[cfg(not(unix))]
pub fn now_us() -> u64 {
    static ORIGIN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    ORIGIN.get_or_init(std::time::Instant::now).elapsed().as_micros() as u64 + 1
}
