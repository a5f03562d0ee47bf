/**
 * What a process holds right now, for soaks that must give everything back.
 *
 * @module
 */
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import process from "node:process";

/** Counts of what the operating system and the event loop keep for this process. */
export interface Resources {
  /** Threads of the addon; 0 where there is no /proc. The runtime's own come and go as it likes. */
  readonly threads: number;
  /** Open UDP sockets; 0 where there is no /proc. */
  readonly udpSockets: number;
  /** Open descriptors that are no sockets; 0 where there is no /proc. Deno's runtime keeps other sockets of its own. */
  readonly files: number;
  /** Timers that keep the event loop alive, where the runtime tells (Node). */
  readonly timers: number;
}

/** Count them. */
export function resources(): Resources {
  const descriptors = list("/proc/self/fd").map((name) => linkTarget(`/proc/self/fd/${name}`));
  const udp = new Set(["/proc/self/net/udp", "/proc/self/net/udp6"].flatMap(socketsOf));
  return {
    threads: list("/proc/self/task").filter((id) => nameOfThread(id).startsWith("echostream")).length,
    udpSockets: descriptors.filter((target) => udp.has(target)).length,
    files: descriptors.filter((target) => !target.startsWith("socket:")).length,
    timers: process.getActiveResourcesInfo?.().filter((name) => name === "Timeout" || name === "Immediate").length ?? 0,
  };
}

/** Resident memory in bytes, after a collection where the runtime lets us ask for one. */
export function residentBytes(): number {
  const { gc, Bun } = globalThis as { gc?: () => void; Bun?: { gc(synchronous: boolean): void } };
  gc?.();
  Bun?.gc(true);
  return process.memoryUsage().rss;
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** Sockets of a table of the kernel, as links in /proc name them: the inode is the tenth column. */
function socketsOf(table: string): string[] {
  if (!existsSync(table)) return [];
  return readFileSync(table, "utf8").split("\n").slice(1).map((line) => `socket:[${line.trim().split(/\s+/)[9]}]`);
}

function nameOfThread(id: string): string {
  try {
    return readFileSync(`/proc/self/task/${id}/comm`, "utf8");
  } catch {
    return ""; // It has ended since.
  }
}

function linkTarget(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // The descriptor of the listing itself is closed by now.
  }
}
