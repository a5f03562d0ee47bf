/**
 * What a user waits for and keeps: bytes installed and time to import, beside peers: `npm run bench:install` packs, lays everything out as npm
 * would, and writes bench/results/install.md.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { pack, stage } from "../../scripts/pack.mjs";
import { progressLine } from "../../scripts/progress.mjs";
import { findRuntime, root } from "../../scripts/runtimes.mjs";

const ROUNDS = 31;
const MAX_INSTALLED_MB = 5;
const MAX_IMPORT_MS = 15;
/** What is compared: the packages a user names, and what a program imports of them. */
const SYSTEMS = [
  { name: "echostream", packages: ["@echostream/core"], imports: ["@echostream/core"] },
  {
    name: "echostream, a server listening",
    packages: ["@echostream/core"],
    imports: ["@echostream/core"],
    program: [
      'const { RpcServer } = await import("@echostream/core");',
      'const server = RpcServer.builder().bind("127.0.0.1:0").build();',
      "await server.start();",
    ],
    ending: "await server.shutdown();",
  },
  { name: "grpc-js", packages: ["@grpc/grpc-js"], imports: ["@grpc/grpc-js"] },
  {
    name: "socket.io, both ends",
    packages: ["socket.io", "socket.io-client"],
    imports: ["socket.io", "socket.io-client"],
  },
];

const folder = mkdtempSync(join(tmpdir(), "echostream-install-"));
try {
  layOut(folder);
  const node = findRuntime("node26");
  const line = progressLine("import");
  const costs = SYSTEMS.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    line.update(`round ${round + 1} of ${ROUNDS}`);
    for (const [n, system] of SYSTEMS.entries()) costs[n].push(importCost(node.executable, system));
  }
  line.end(`${ROUNDS} rounds`);
  const rows = SYSTEMS.map(({ name, packages }, n) => {
    const closure = new Map(packages.flatMap((wanted) => [...needed(wanted, folder)]));
    const sorted = (field) => costs[n].map((cost) => cost[field]).sort((a, b) => a - b);
    const [wallMs, processorMs] = [sorted("wallMs"), sorted("processorMs")];
    const bytes = [...closure.values()].reduce((sum, size) => sum + size, 0);
    return {
      name,
      packages: closure,
      mb: bytes / 1e6,
      medianMs: wallMs[ROUNDS >> 1],
      fastestMs: wallMs[0],
      processorMs: processorMs[ROUNDS >> 1],
    };
  });
  const text = page(rows, node.version);
  writeFileSync(join(root, "bench/results/install.md"), text);
  console.log(text);
  const [{ mb, medianMs }] = rows;
  process.exitCode = mb <= MAX_INSTALLED_MB && medianMs <= MAX_IMPORT_MS ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Our packages from their tarballs, everything else as npm has laid it out here. */
function layOut(out) {
  const staged = stage({ out: join(out, "staged"), binaries: join(root, "native") });
  const modules = join(out, "node_modules");
  cpSync(join(root, "node_modules"), modules, { recursive: true, filter: (path) => !isOurs(path) && !isTool(path) });
  for (const { name, filename } of pack(staged, out)) {
    mkdirSync(join(modules, name), { recursive: true });
    run("tar", ["-xzf", join(out, filename), "--strip-components=1", "-C", join(modules, name)]);
  }
}

function isOurs(path) {
  return path.includes("@echostream");
}

/** Runtimes and compilers, which nobody here imports, and which are large. */
function isTool(path) {
  return /node_modules[\\/](node|bun|@oven|typescript|\.bin)([\\/]|$)/.test(path);
}

/** Bytes of every package that `name` needs, itself included, by its folder. */
function needed(name, from, found = new Map()) {
  const path = locate(name, from);
  if (path === undefined || found.has(path)) return found;
  found.set(path, bytesOf(path));
  const { dependencies = {}, optionalDependencies = {} } = JSON.parse(readFileSync(join(path, "package.json"), "utf8"));
  for (const dependency of Object.keys({ ...dependencies, ...optionalDependencies })) needed(dependency, path, found);
  return found;
}

/** As Node looks for packages. */
function locate(name, from) {
  for (let folder = from;; folder = dirname(folder)) {
    const path = join(folder, "node_modules", name);
    if (existsSync(path)) return path;
    if (folder === dirname(folder)) return undefined;
  }
}

/** Of its files; packages inside it are counted for themselves. */
function bytesOf(path) {
  return readdirSync(path, { withFileTypes: true }).reduce((sum, entry) => {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) return entry.name === "node_modules" ? sum : sum + bytesOf(inner);
    return sum + statSync(inner).size;
  }, 0);
}

/** What the imports cost a fresh process. Processor time says more than the clock on a machine that is busy with other things. */
function importCost(executable, { imports, program = importsOf(imports), ending = "" }) {
  const text = [
    "const startedMs = performance.now();",
    "const before = process.cpuUsage();",
    ...program,
    "const { user, system } = process.cpuUsage(before);",
    "console.log(JSON.stringify({ wallMs: performance.now() - startedMs, processorMs: (user + system) / 1000 }));",
    ending,
  ].join("\n");
  return JSON.parse(run(executable, ["--input-type=module", "--eval", text]));
}

function importsOf(names) {
  return names.map((name) => `await import(${JSON.stringify(name)});`);
}

function run(executable, parameters) {
  // The development authority of a server that listens is made once, by the first of them.
  const env = { ...process.env, ECHOSTREAM_STATE_DIR: join(folder, "state") };
  const done = spawnSync(executable, parameters, { cwd: folder, env, encoding: "utf8" });
  if (done.status !== 0) throw new Error(`${executable} failed: ${done.error ?? ""}${done.stderr}`);
  return done.stdout;
}

/** Which goals are missed, as a paragraph or none. */
function missed({ mb, medianMs }) {
  const over = [
    mb > MAX_INSTALLED_MB && `${(mb - MAX_INSTALLED_MB).toFixed(2)} MB too large`,
    medianMs > MAX_IMPORT_MS && `${(medianMs - MAX_IMPORT_MS).toFixed(0)} ms too slow to import`,
  ].filter(Boolean);
  return over.length === 0 ? [] : [`**Goals missed:** ${over.join(", ")}.`, ""];
}

function page(rows, version) {
  const busy = `${loadavg()[0].toFixed(1)} processes ready to run on average`;
  const table = rows.map(({ name, packages, mb, medianMs, fastestMs, processorMs }) => {
    const times = [medianMs, fastestMs, processorMs].map((ms) => `${ms.toFixed(1)} ms`);
    return `| ${[name, packages.size, `${mb.toFixed(2)} MB`, ...times].join(" | ")} |`;
  });
  const [, { packages }] = rows;
  const parts = [...packages].map(([path, bytes]) =>
    `- \`${path.split(/node_modules[\\/]/).at(-1)}\`: ${(bytes / 1e6).toFixed(2)} MB`
  );
  return [
    "# Installed size and time to import",
    "",
    `Every package that an installer brings, dependencies included, by the bytes of its files; and the time a fresh Node takes for the import,`,
    `median and fastest of ${ROUNDS} interleaved rounds. Goals: ${MAX_INSTALLED_MB} MB and ${MAX_IMPORT_MS} ms. What connections need, the binary too, is loaded when`,
    `the first server or client opens: the second row has all of that, with a development certificate signed and a port`,
    `bound. Optional peers are not installed. \`npm run bench:install\` makes this page.`,
    "",
    `- ${cpus().length} × ${
      cpus()[0]?.model.trim() ?? "?"
    }, Node ${version}, ${process.platform}-${process.arch}; ${busy}`,
    "",
    "| system | packages | installed | import, median | fastest | processor time, median |",
    "| --- | --- | --- | --- | --- | --- |",
    ...table,
    "",
    ...missed(rows[0]),
    "What echostream consists of:",
    "",
    ...parts,
    "",
  ].join("\n");
}
