/**
 * Builds the native addon for this machine and puts it where `native/index.js` finds it:
 *
 *     node scripts/build-native.mjs [--check | --cargo ARGUMENTS]
 *
 * The result and cargo's target folder are kept in a per-user cache, by a hash of the sources and the compiler, so that
 * the second clone, and the second build, take a moment. Runs on a bare Node 20. `--check` only tells, by its exit code,
 * whether the addon is up to date; `--cargo` runs cargo as the build does, so that lints and tests share what it compiled.
 * `ECHOSTREAM_FEATURES` in the environment names features of native/Cargo.toml to build with, `qlog` say.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { cacheFolder } from "./cache_folder.mjs";

const native = join(dirname(dirname(fileURLToPath(import.meta.url))), "native");
const target = targetName();
const output = join(native, `echostream.${target}.node`);

/** Features to build with, separated by commas. */
const features = process.env.ECHOSTREAM_FEATURES ?? "";
/** Oldest compiler the sources are written for; `rust-version` in native/Cargo.toml. */
const MIN_RUST = "1.88";
const RUSTUP = "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y";
const LIBCLANG = /^(?:.*[\\/])?libclang(?:-\d+)?\.(?:so|dylib|dll)/;
const APT_ENVIRONMENT = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
const MANAGERS = [
  {
    probe: "apt-get",
    install: "apt-get install",
    needsRoot: true,
    packages: { cmake: "cmake", "C++ compiler": "g++", git: "git", libclang: "libclang-dev" },
  },
  {
    probe: "dnf",
    install: "dnf install",
    needsRoot: true,
    packages: { cmake: "cmake", "C++ compiler": "gcc-c++", git: "git", libclang: "clang-devel" },
  },
  {
    probe: "apk",
    install: "apk add",
    needsRoot: true,
    packages: { cmake: "cmake", "C++ compiler": "g++", git: "git", libclang: "clang-dev" },
  },
  {
    probe: "pacman",
    install: "pacman -S",
    needsRoot: true,
    packages: { cmake: "cmake", "C++ compiler": "gcc", git: "git", libclang: "clang" },
  },
  {
    probe: "brew",
    install: "brew install",
    needsRoot: false,
    packages: { cmake: "cmake", "C++ compiler": "llvm", git: "git", libclang: "llvm" },
  },
];

try {
  await main();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}

async function main() {
  const started = Date.now();
  const rustc = outputOf("rustc", ["-vV"]);
  const cached = rustc === undefined ? undefined : join(cacheFolder(), "native", `${sourceHash(rustc)}.node`);
  const isCurrent = cached !== undefined && sameContent(cached, output);
  if (process.argv[2] === "--check") {
    console.log(`native addon (${target}): ${isCurrent ? "up to date" : "must be built"}`);
    process.exitCode = isCurrent ? 0 : 1;
    return;
  }
  const wantsCargo = process.argv[2] === "--cargo";
  if (isCurrent && !wantsCargo) {
    console.log(`native addon (${target}): up to date`);
    return;
  }
  if (cached === undefined) throw new Error(`The native addon needs Rust ${MIN_RUST} or newer: ${RUSTUP}`);
  if (wantsCargo) {
    ensurePrerequisites(rustc);
    const run = spawnSync("cargo", process.argv.slice(3), {
      cwd: native,
      env: cargoEnvironment(),
      stdio: "inherit",
    });
    process.exitCode = run.status ?? 1;
    return;
  }
  if (!existsSync(cached)) {
    ensurePrerequisites(rustc);
    await build(cached);
  }
  place(cached, output);
  console.log(`native addon (${target}): ready after ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

/** What napi-rs calls this platform. */
function targetName() {
  const base = `${process.platform}-${process.arch}`;
  if (process.platform === "win32") return `${base}-msvc`;
  if (process.platform !== "linux") return base;
  const glibc = process.report?.getReport?.().header?.glibcVersionRuntime;
  return `${base}-${glibc ? "gnu" : "musl"}`;
}

/** A hash of everything the binary depends on. */
function sourceHash(rustc) {
  const hash = createHash("sha256").update(rustc).update(target).update(features);
  const roots = ["Cargo.toml", "Cargo.lock", "build.rs", "src"].map((name) => join(native, name));
  for (const file of roots.flatMap(files).sort()) {
    hash.update(relative(native, file).replaceAll("\\", "/")).update("\0").update(readFileSync(file)).update("\0");
  }
  return hash.digest("hex").slice(0, 32);
}

function files(path) {
  if (/\.(rs|toml|lock)$/.test(path)) return existsSync(path) ? [path] : [];
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const inner = join(path, entry.name);
    return entry.isDirectory() || entry.name.endsWith(".rs") ? files(inner) : [];
  });
}

function sameContent(one, other) {
  return existsSync(one) && existsSync(other) && readFileSync(one).equals(readFileSync(other));
}

/** Build with cargo, whose own progress lines say how far it is. */
async function build(cached) {
  console.log(`native addon (${target}): building; the first time this takes a few minutes`);
  const environment = cargoEnvironment();
  await new Promise((resolve, reject) => {
    const cargo = spawn("cargo", ["build", "--release", "--locked", "--features", features], {
      cwd: native,
      env: environment,
      stdio: ["ignore", "inherit", "inherit"],
    });
    cargo.on("error", reject);
    cargo.on("exit", (code, signal) => {
      if (code === 0) resolve();
      else {reject(
          new Error(`The native addon could not be built: cargo ended with ${signal ?? `code ${code}`} (see above)`),
        );}
    });
  });
  mkdirSync(dirname(cached), { recursive: true });
  place(join(environment.CARGO_TARGET_DIR, "release", libraryName()), cached);
}

/** One target folder for every checkout of this user: BoringSSL takes minutes. */
function cargoEnvironment() {
  const targetFolder = join(cacheFolder(), "target");
  mkdirSync(targetFolder, { recursive: true });
  return { ...process.env, CARGO_TARGET_DIR: targetFolder };
}

function libraryName() {
  if (process.platform === "win32") return "echostream_native.dll";
  return process.platform === "darwin" ? "libechostream_native.dylib" : "libechostream_native.so";
}

/** Copy under another name, then rename: a program that has the old file loaded keeps it. */
function place(from, to) {
  const draft = `${to}.${process.pid}`;
  copyFileSync(from, draft);
  renameSync(draft, to);
}

/** Look for what the build needs; install it where that is ours to do, otherwise say exactly how. */
function ensurePrerequisites(rustc) {
  const [, major, minor] = /release: (\d+)\.(\d+)/.exec(rustc) ?? [];
  const [wantedMajor, wantedMinor] = MIN_RUST.split(".").map(Number);
  if (Number(major) < wantedMajor || Number(major) === wantedMajor && Number(minor) < wantedMinor) {
    throw new Error(`The native addon needs Rust ${MIN_RUST} or newer, this is ${major}.${minor}: rustup update`);
  }
  let missing = missingTools();
  if (missing.length === 0) return;
  const command = installCommand(missing);
  if (command?.automatic) {
    console.log(`native addon (${target}): installing ${missing.join(", ")}`);
    for (const step of command.steps) spawnSync(step[0], step.slice(1), { stdio: "inherit", env: APT_ENVIRONMENT });
    missing = missingTools();
    if (missing.length === 0) return;
  }
  const names = missing.join(", ");
  throw new Error(
    command === undefined
      ? `The native addon needs ${names} to be built; install with the package manager of this system`
      : `The native addon needs ${names} to be built. Install with:\n\n    ${command.text}\n`,
  );
}

function missingTools() {
  const tools = {
    cargo: () => outputOf("cargo", ["--version"]),
    cmake: () => outputOf("cmake", ["--version"]),
    "C++ compiler": () =>
      [process.env.CXX, "c++", "g++", "clang++", "cl"].some((name) => name && outputOf(name, ["--version"])),
    git: () => outputOf("git", ["--version"]),
    libclang: () => libclangFolder() !== undefined,
  };
  return Object.keys(tools).filter((name) => !tools[name]());
}

/** How to install `missing` here: as text for people, and as steps when nobody needs to be asked. */
function installCommand(missing) {
  if (missing.includes("cargo")) return { text: RUSTUP, automatic: false };
  const manager = MANAGERS.find(({ probe }) => outputOf(probe, ["--version"]) !== undefined);
  if (manager === undefined) return undefined;
  const packages = missing.map((name) => manager.packages[name]).join(" ");
  const isRoot = process.getuid?.() === 0;
  const prefix = isRoot || !manager.needsRoot ? "" : "sudo ";
  const text = `${prefix}${manager.install} ${packages}`;
  const isDebian = manager.probe === "apt-get";
  const automatic = isDebian && (isRoot || Boolean(process.env.CI) && outputOf("sudo", ["-n", "true"]) !== undefined);
  const steps = [`${prefix}apt-get update`, `${text} -y --no-install-recommends`].map((step) => step.split(" "));
  return { text, automatic, steps };
}

/** Where libclang is, in the places in which bindgen looks for it; `undefined` when there is none. */
function libclangFolder() {
  const holds = (folder) => existsSync(folder) && readdirSync(folder).some((name) => LIBCLANG.test(name));
  const given = process.env.LIBCLANG_PATH;
  if (given) return LIBCLANG.test(given) || holds(given) ? given : undefined;
  const listed = /=> (.*libclang[-\d.]*\.so.*)$/m.exec(
    outputOf("ldconfig", ["-p"]) ?? outputOf("/sbin/ldconfig", ["-p"]) ?? "",
  );
  if (listed) return dirname(listed[1]);
  const llvm = existsSync("/usr/lib") ? readdirSync("/usr/lib").filter((name) => /^llvm/.test(name)) : [];
  return [
    ...llvm.sort().reverse().map((name) => `/usr/lib/${name}/lib`),
    "/usr/lib",
    "/usr/lib64",
    "/Library/Developer/CommandLineTools/usr/lib",
    "/Applications/Xcode.app/Contents/Developer/Toolchains/XcodeDefault.xctoolchain/usr/lib",
    "/opt/homebrew/opt/llvm/lib",
    "C:\\Program Files\\LLVM\\bin",
  ].find(holds);
}

/** What a program prints; `undefined` when it is not there or fails. */
function outputOf(program, parameters) {
  const result = spawnSync(program, parameters, { cwd: native, encoding: "utf8" });
  return result.status === 0 ? result.stdout : undefined;
}
