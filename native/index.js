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

export const { closeListener, createAuthority, dial, drainInto, issueCertificate, listen, nowUs, readCertificate, resolve, setAlarm, setIdentity, setReferenced, start, stats, submit } = await load();

async function load() {
  const platform = `${process.platform}-${process.arch}`;
  const targets = Object.keys(packages).filter((target) => target === platform || target.startsWith(`${platform}-`));
  const problems = [];
  for (const target of targets) {
    for (const locate of [() => new URL(`./echostream.${target}.node`, import.meta.url), packages[target]]) {
      try {
        return open(await path(locate));
      } catch (error) {
        if (isPermissionError(error)) {
          throw new Error("The native addon of echostream may not be loaded: run Deno with --allow-ffi", { cause: error });
        }
        problems.push(error);
      }
    }
  }
  const hint = targets.length === 0
    ? `supported are ${Object.keys(packages).join(", ")}; elsewhere build it from the repository with \`npm run build:native\``
    : `install the package @echostream/native-${targets[0]} (is \`optionalDependencies\` switched off?), ` +
      "or build it in the repository with `npm run build:native`";
  throw new Error(`No native binary of echostream for ${platform}: ${hint}`, {
    // A binary that is there and does not load says more than those that are not there.
    cause: problems.find((problem) => !isMissing(problem)) ?? problems[0],
  });
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

function isMissing(error) {
  return error?.code === "ERR_MODULE_NOT_FOUND" || /no such file|cannot open shared object/i.test(String(error?.message));
}
