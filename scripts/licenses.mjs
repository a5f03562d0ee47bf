/**
 * The licences of what is linked into the addon, as text: most of them ask to be passed on with the binary.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "./runtimes.mjs";

/** Where a package offers a choice, the first that it has. */
const PREFERRED = [/^licen[cs]e-mit/i, /^licen[cs]e/i, /^copying/i, /^unlicense/i];

/**
 * Every crate the addon is built from on a platform, with the text of a licence of it; texts that crates share stand there once.
 *
 * @param {string} target what Rust calls the platform
 * @returns {string}
 */
export function thirdPartyLicenses(target) {
  const filter = ["--locked", "--filter-platform", target];
  const { packages } = JSON.parse(cargo(["metadata", "--format-version", "1", ...filter]));
  const linked = linkedCrates(target);
  const texts = new Map();
  for (const entry of packages.filter(({ name, version }) => linked.has(`${name} v${version}`)).sort(byName)) {
    const text = licenseText(dirname(entry.manifest_path)) ?? `Licence: ${entry.license}`;
    texts.set(text, [...(texts.get(text) ?? []), `${entry.name} ${entry.version} (${entry.license})`]);
    if (entry.name === "boring-sys") {
      const boring = licenseText(join(dirname(entry.manifest_path), "deps/boringssl"));
      if (boring !== undefined) texts.set(boring, [...(texts.get(boring) ?? []), "BoringSSL"]);
    }
  }
  return [...texts].map(([text, names]) => `${names.join("\n")}\n\n${text.trim()}\n`).join(`\n${"-".repeat(80)}\n\n`);
}

function licenseText(folder) {
  const names = readdirSync(folder);
  const name = PREFERRED.map((pattern) => names.find((name) => pattern.test(name))).find(Boolean);
  return name === undefined ? undefined : readFileSync(join(folder, name), "utf8").replaceAll("\r\n", "\n");
}

/** Crates as `name v1.2.3`, without what only builds others, and without the addon itself. */
function linkedCrates(target) {
  const edges = ["--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"];
  const lines = cargo(["tree", "--locked", "--target", target, ...edges]).split("\n").slice(1);
  return new Set(lines.map((line) => line.split(" ").slice(0, 2).join(" ")));
}

function byName(one, other) {
  return one.name < other.name ? -1 : 1;
}

function cargo(parameters) {
  const run = spawnSync("cargo", parameters, { cwd: join(root, "native"), encoding: "utf8", maxBuffer: 1 << 28 });
  if (run.status !== 0) throw new Error(`cargo ${parameters[0]} failed:\n${run.error ?? run.stderr}`);
  return run.stdout;
}
