"""A network of two hosts for the benches: two namespaces, joined by a link that delays and loses packets of any protocol.

    impaired_link.py NAMESPACE_A NAMESPACE_B DELAY_MS LOSS SEED

The hosts are 10.99.0.1 and 10.99.0.2. Every packet takes DELAY_MS one way, and is lost with probability LOSS. Prints "ready" once the
link is up; ends, and removes the namespaces, when its standard input closes. Needs root and Linux's TUN devices, but no netem.
"""

import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import sys
import time

# <linux/if_tun.h>
TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000
MAX_PACKET_BYTES = 65_536
# Room for bursts on their way into a host.
QUEUE_PACKETS = 10_000


def run(*command: str) -> None:
    subprocess.run(command, check=True)


def open_host(namespace: str, address: str, peer: str) -> int:
    """Make a namespace whose only way out is the file this returns."""
    run("ip", "netns", "add", namespace)
    device = f"echo{os.getpid() % 100_000}{namespace[-1]}"
    host = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(host, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TUN | IFF_NO_PI))
    run("ip", "link", "set", device, "netns", namespace)
    inside = ("ip", "-n", namespace)
    run(*inside, "link", "set", "lo", "up")
    run(*inside, "address", "add", address, "peer", peer, "dev", device)
    run(*inside, "link", "set", device, "up", "txqueuelen", str(QUEUE_PACKETS))
    return host


def carry(hosts: tuple[int, int], delay_s: float, loss: float, seed: int) -> None:
    """Carry packets both ways until standard input closes."""
    chance = random.Random(seed)
    other = {hosts[0]: hosts[1], hosts[1]: hosts[0]}
    under_way: list[tuple[float, int, int, bytes]] = []
    count = 0
    poll = select.epoll()
    for file in (*hosts, sys.stdin.fileno()):
        poll.register(file, select.EPOLLIN)
    while True:
        wait_s = max(0.0, under_way[0][0] - time.monotonic()) if under_way else -1
        for file, _ in poll.poll(wait_s):
            if file == sys.stdin.fileno():
                if not os.read(file, 64):
                    return
                continue
            while True:
                try:
                    packet = os.read(file, MAX_PACKET_BYTES)
                except BlockingIOError:
                    break
                count += 1
                if chance.random() >= loss:
                    heapq.heappush(under_way, (time.monotonic() + delay_s, count, other[file], packet))
        now = time.monotonic()
        while under_way and under_way[0][0] <= now:
            _, _, host, packet = heapq.heappop(under_way)
            try:
                os.write(host, packet)
            except BlockingIOError:
                pass


def main() -> None:
    namespaces = sys.argv[1:3]
    delay_ms, loss, seed = float(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])
    try:
        hosts = (
            open_host(namespaces[0], "10.99.0.1", "10.99.0.2"),
            open_host(namespaces[1], "10.99.0.2", "10.99.0.1"),
        )
        print("ready", flush=True)
        carry(hosts, delay_ms / 1_000, loss, seed)
    finally:
        for namespace in namespaces:
            subprocess.run(("ip", "netns", "delete", namespace), check=False, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
