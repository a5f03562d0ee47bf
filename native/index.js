/**
 * Finds and loads the binary of this platform: one built in this folder, or the one of the platform's own package.
 * `process.dlopen` of an absolute path, because under Deno it needs `--allow-ffi` and nothing else.
 */
import process from "node:process";
import { fileURLToPath } from "node:url";

/** Platform packages by target; the imports are literal, so that bundlers and Deno can follow them. */
const packages = {
  "linux-x64-gnu": () => import("@echostream/native-linux-x64-gnu"),
  "linux-x64-musl": () => import("@echostream/native-linux-x64-musl"),
  "linux-arm64-gnu": () => import("@echostream/native-linux-arm64-gnu"),
  "linux-arm64-musl": () => import("@echostream/native-linux-arm64-musl"),
  "darwin-x64": () => import("@echostream/native-darwin-x64"),
  "darwin-arm64": () => import("@echostream/native-darwin-arm64"),
  "win32-x64-msvc": () => import("@echostream/native-win32-x64-msvc"),
};

export const {
  closeListener,
  createAuthority,
  dial,
  drainInto,
  issueCertificate,
  lastStats,
  listen,
  listenerStats,
  nowUs,
  processors,
  readCertificate,
  resolve,
  setAlarm,
  setIdentity,
  setReferenced,
  start,
  stats,
  submit,
} = await load();

async function load() {
  const platform = `${process.platform}-${process.arch}`;
  const targets = Object.keys(packages).filter((target) => target === platform || target.startsWith(`${platform}-`));
  if (targets.length === 0) {
    throw new Error(
      `echostream has no native binary for ${platform}: there are ${Object.keys(packages).join(", ")}; ` +
        "elsewhere build it from the repository with `npm run build:native`",
    );
  }
  let refused;
  for (const target of targets) {
    for (const [locate, isMissing] of [[() => besideMe(target), isMissingFile], [packages[target], isMissingPackage]]) {
      try {
        return open(await path(locate));
      } catch (error) {
        if (isPermissionError(error)) {
          throw new Error("The native addon of echostream may not be loaded: run Deno with --allow-ffi", { cause: error });
        }
        if (!isMissing(error)) refused ??= { target, error };
      }
    }
  }
  if (refused !== undefined) {
    const { target, error } = refused;
    const text = `The native binary of echostream for ${target} cannot be loaded: ${error?.message ?? error}`;
    throw new Error(text, { cause: error });
  }
  const names = targets.map((target) => `@echostream/native-${target}`).join(" or ");
  throw new Error(
    `The package ${names} is missing: install again with optional dependencies, and for this platform (a lock file or ` +
      "node_modules of another one leave it out); in the repository run `npm run build:native`",
  );
}

/** Where a binary that was built here lies. */
function besideMe(target) {
  return new URL(`./echostream.${target}.node`, import.meta.url);
}

/** A platform package exports the URL of its binary as default. */
async function path(locate) {
  const found = await locate();
  return fileURLToPath(found instanceof URL ? found : found.default);
}

function open(path) {
  const module = { exports: {} };
  process.dlopen(module, path);
  return module.exports;
}

function isPermissionError(error) {
  return error?.name === "NotCapable" || error?.name === "PermissionDenied";
}

/** Asked of the linker's words, because Deno wants a permission for looking at the file itself. */
function isMissingFile(error) {
  return /no such file|cannot open shared object|could not be found/i.test(String(error?.message));
}

function isMissingPackage(error) {
  return error?.code === "ERR_MODULE_NOT_FOUND";
}
