//! Outgoing packets, gathered over connections into runs that one system call can send.

use std::net::SocketAddr;

use crate::wake::RawFd;

/// Largest packet that is written (RFC 9000 leaves it to the path; loopback carries 65,536).
pub const MAX_PACKET_BYTES: usize = 16_384;
/// Room for packets between two system calls.
const BUFFER_BYTES: usize = 256 << 10;
/// Limits of one UDP_SEGMENT call: the kernel's 64 segments, and the 16-bit length of a datagram.
const MAX_RUN_PACKETS: usize = 64;
const MAX_RUN_BYTES: usize = 65_000;

/// Packets that go the same way in one call: all of `segment` bytes, only the last may be shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub socket: RawFd,
    pub start: usize,
    pub length: usize,
    pub segment: usize,
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub packets: usize,
}

/// Packets waiting for [`take`](SendBatch::take).
pub struct SendBatch {
    buffer: Vec<u8>,
    used: usize,
    runs: Vec<Run>,
}

impl SendBatch {
    pub fn new() -> SendBatch {
        SendBatch { buffer: vec![0; BUFFER_BYTES], used: 0, runs: Vec::new() }
    }

    /// Room for one more packet; `None` when the batch must be sent first.
    pub fn slot(&mut self) -> Option<&mut [u8]> {
        self.buffer.get_mut(self.used..self.used + MAX_PACKET_BYTES)
    }

    /// The first `length` bytes of [`slot`](Self::slot) have become a packet.
    pub fn commit(&mut self, socket: RawFd, length: usize, from: SocketAddr, to: SocketAddr) {
        let start = self.used;
        self.used += length;
        if let Some(run) = self.runs.last_mut()
            && run.socket == socket
            && run.to == to
            && run.from == from
            // A packet larger than the run's begins a new one, and nothing follows a shorter one.
            && length <= run.segment
            && run.length == run.segment * run.packets
            && run.packets < MAX_RUN_PACKETS
            && run.length + length <= MAX_RUN_BYTES
        {
            run.length += length;
            run.packets += 1;
            return;
        }
        self.runs.push(Run { socket, start, length, segment: length, from, to, packets: 1 });
    }

    /// The packet committed last.
    pub fn last_packet(&self) -> &[u8] {
        let Some(run) = self.runs.last() else { return &[] };
        let start = run.start + run.segment * run.packets.saturating_sub(1);
        self.buffer.get(start..run.start + run.length).unwrap_or(&[])
    }

    /// Everything gathered; the batch is empty when the guard's user is done and calls [`clear`](Self::clear).
    pub fn contents(&self) -> (&[u8], &[Run]) {
        (&self.buffer, &self.runs)
    }

    pub fn clear(&mut self) {
        self.runs.clear();
        self.used = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(sizes: &[usize]) -> Vec<(usize, usize)> {
        let address: SocketAddr = ([127, 0, 0, 1], 1).into();
        let mut batch = SendBatch::new();
        for size in sizes {
            batch.commit(3, *size, address, address);
        }
        batch.runs.iter().map(|run| (run.segment, run.length)).collect()
    }

    #[test]
    fn equal_packets_share_a_run_that_a_shorter_one_ends() {
        assert_eq!(lengths(&[1200, 1200, 300, 300]), [(1200, 2700), (300, 300)]);
    }

    #[test]
    fn a_larger_packet_begins_a_run() {
        assert_eq!(lengths(&[300, 1200, 1200]), [(300, 300), (1200, 2400)]);
    }

    #[test]
    fn a_run_stays_within_64_packets_and_16_bits() {
        assert_eq!(lengths(&[100; 65]), [(100, 6400), (100, 100)]);
        assert_eq!(lengths(&[16_000; 5]), [(16_000, 64_000), (16_000, 16_000)]);
    }
}
