/**
 * Makes the npm packages as they are published:
 *
 *     node scripts/pack.mjs [--out packages] [--binaries native] [--all] [--repository URL]
 *
 * writes `@echostream/core`, `@echostream/native` and `@echostream/native-<platform>` for every binary found as folders, and each as a tarball
 * beside its folder. With `--all` a platform without a binary is an error. `--repository` names where they were built from, which npm's provenance wants.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import { thirdPartyLicenses } from "./licenses.mjs";
import { PLATFORMS } from "./platforms.mjs";
import { findRuntime, root } from "./runtimes.mjs";

const LICENSES = ["LICENSE-MIT", "LICENSE-APACHE"];
const THIRD_PARTY = "THIRD-PARTY-LICENSES";
/**
 * Write the packages as folders.
 *
 * @param {{ out: string, binaries: string, all?: boolean, repository?: string }} options
 * @returns {string[]} the folders, platforms first: what depends on another comes after it
 */
export function stage({ out, binaries, all = false, repository }) {
  const built = build();
  if (!built.ok) throw new Error(built.output);
  rmSync(out, { recursive: true, force: true });
  const found = Object.keys(PLATFORMS).filter((platform) => existsSync(join(binaries, binaryName(platform))));
  if (found.length === 0) throw new Error(`No binary in ${binaries}: run "npm run build:native"`);
  const missing = Object.keys(PLATFORMS).filter((platform) => !found.includes(platform));
  if (all && missing.length > 0) throw new Error(`No binary in ${binaries} for ${missing.join(", ")}`);
  const source = repository && { repository: { type: "git", url: repository } };
  return [
    ...found.map((platform) => stagePlatform(out, platform, join(binaries, binaryName(platform)), source)),
    stageNative(out, source),
    stageCore(out, source),
  ];
}

/**
 * Pack folders into tarballs.
 *
 * @param {string[]} folders
 * @param {string} out where the tarballs go
 * @returns {{ name: string, version: string, filename: string, size: number, unpackedSize: number, files: { path: string }[] }[]}
 */
export function pack(folders, out) {
  // Install and prepare scripts belong to whoever made a package.
  const run = spawnSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", out, ...folders], {
    cwd: out,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    shell: process.platform === "win32",
  });
  if (run.status !== 0) throw new Error(`npm pack failed:\n${run.stdout}${run.stderr}`);
  return Object.values(JSON.parse(run.stdout));
}

/**
 * What the package of a platform says of itself.
 *
 * @param {string} platform a key of {@link PLATFORMS}
 */
export function platformManifest(platform) {
  const { name, version, license, engines } = manifest("native/package.json");
  const { os, cpu, libc } = PLATFORMS[platform];
  return {
    name: `${name}-${platform}`,
    version,
    description: `Binary of ${name} for ${platform}`,
    license,
    type: "module",
    exports: { ".": "./index.js", "./package.json": "./package.json" },
    files: ["index.js", binaryName(platform), ...LICENSES, THIRD_PARTY],
    os: [os],
    cpu: [cpu],
    ...(libc && { libc: [libc] }),
    engines,
  };
}

function stagePlatform(out, platform, binary, source) {
  const folder = join(out, `native-${platform}`);
  begin(folder, { ...platformManifest(platform), ...source });
  writeFileSync(
    join(folder, "index.js"),
    `/** Where the binary lies. */\nexport default new URL("./${binaryName(platform)}", import.meta.url);\n`,
  );
  cpSync(binary, join(folder, binaryName(platform)));
  writeFileSync(join(folder, THIRD_PARTY), thirdPartyLicenses(PLATFORMS[platform].rust));
  writeFileSync(join(folder, "README.md"), `The binary of @echostream/native for ${platform}; installed with it.\n`);
  return folder;
}

function stageNative(out, source) {
  const folder = join(out, "native");
  const packaged = manifest("native/package.json");
  const names = Object.keys(PLATFORMS).map((platform) => `${packaged.name}-${platform}`);
  const optionalDependencies = Object.fromEntries(names.map((name) => [name, packaged.version]));
  begin(folder, { ...packaged, ...source, files: [...packaged.files, ...LICENSES], optionalDependencies });
  for (const file of ["index.js", "index.d.ts", "README.md"]) cpSync(join(root, "native", file), join(folder, file));
  return folder;
}

function stageCore(out, source) {
  const folder = join(out, "core");
  const { workspaces: _w, scripts: _s, devDependencies: _d, allowScripts: _a, overrides: _o, ...packaged } = manifest(
    "package.json",
  );
  // cbor-x brings 2 MB, and a helper with an install script, for one file that is used: that one is part of the bundle.
  const { "cbor-x": _c, ...dependencies } = packaged.dependencies;
  const licenses = ["LICENSE-cbor-x"];
  begin(folder, { ...packaged, ...source, files: [...packaged.files, ...licenses], dependencies });
  for (const file of ["README.md", "CHANGELOG.md"]) cpSync(join(root, file), join(folder, file));
  cpSync(join(root, "node_modules/cbor-x/LICENSE"), join(folder, "LICENSE-cbor-x"));
  const entryPoints = Object.values(packaged.exports).filter((target) => typeof target === "object");
  for (const path of declarations(entryPoints.map((target) => target.types))) {
    mkdirSync(dirname(join(folder, "dist", path)), { recursive: true });
    cpSync(join(root, "dist", path), join(folder, "dist", path));
  }
  bundle(
    entryPoints.map((target) => target.default),
    Object.keys({ ...dependencies, ...packaged.peerDependencies }),
    join(folder, "dist"),
  );
  return folder;
}

function bundle(entryPoints, external, out) {
  const parameters = [join(root, "scripts/bundle.mjs"), out, JSON.stringify(entryPoints), JSON.stringify(external)];
  const run = spawnSync(findRuntime("bun").executable, parameters, { cwd: root, encoding: "utf8" });
  if (run.status !== 0) throw new Error(`Bundling failed:\n${run.stdout}${run.stderr}`);
}

function begin(folder, content) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(content, undefined, 2)}\n`);
  for (const file of LICENSES) cpSync(join(root, file), join(folder, file));
}

/** The declarations that those of the entry points lead to, as paths below `dist/`. What only the bundle uses has none. */
function declarations(entryPoints) {
  const found = new Set(entryPoints.map((path) => relative("dist", path)));
  for (const path of found) {
    const text = readFileSync(join(root, "dist", path), "utf8");
    for (const [, specifier] of text.matchAll(/(?:\bfrom|\bimport|\bimport\()\s*"(\.[^"]+)"/g)) {
      found.add(join(dirname(path), specifier).replace(/(?:\.d)?\.[jt]s$/, ".d.ts"));
    }
  }
  return found;
}

function binaryName(platform) {
  return `echostream.${platform}.node`;
}

function manifest(path) {
  return JSON.parse(readFileSync(join(root, path), "utf8"));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { values } = parseArgs({
    options: {
      out: { type: "string", default: join(root, "packages") },
      binaries: { type: "string", default: join(root, "native") },
      all: { type: "boolean", default: false },
      repository: { type: "string" },
    },
  });
  const out = resolve(values.out);
  for (const packed of pack(stage({ ...values, out }), out)) {
    console.log(
      `${packed.name}@${packed.version}: ${packed.filename}, ${(packed.unpackedSize / 1e6).toFixed(2)} MB installed`,
    );
  }
}
