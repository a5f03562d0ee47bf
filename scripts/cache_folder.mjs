/**
 * Where scripts keep, for each user, what takes long to make: the native addon, the environments of the interop tests.
 *
 * @module
 */
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** Its path; it need not be there yet. `ECHOSTREAM_CACHE_DIR` says another. */
export function cacheFolder() {
  if (process.env.ECHOSTREAM_CACHE_DIR) return process.env.ECHOSTREAM_CACHE_DIR;
  if (process.platform === "win32") {
    return join(process.env.LOCALAPPDATA ?? join(homedir(), "AppData", "Local"), "echostream", "cache");
  }
  if (process.platform === "darwin") return join(homedir(), "Library", "Caches", "echostream");
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "echostream");
}
