/**
 * What servers with many methods cost the compiler: `npm run bench:types` runs tsc on servers of 10, 100 and 500 methods in each form, and on
 * one of 2,000 to see where they end, against the types as they are published, and writes bench/results/types.md.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { build } from "../../scripts/build.mjs";
import { root } from "../../scripts/runtimes.mjs";
import { FORMS, manyMethods } from "./many_methods.ts";

/**
 * What tsc says of one program.
 *
 * @typedef {{ checkS: number, instantiations: number, memoryMib: number }} Cost
 */

const COUNTS = [10, 100, 500, 2_000];
const ROUNDS = 3;
const tsc = join(root, "node_modules/typescript/bin/tsc");
const entryPoint = join(root, "dist/mod.js");
/** What every program contains: the library, and one builder. */
const FLOOR = `import { RpcServer } from ${JSON.stringify(entryPoint)};\nexport const server = RpcServer.builder();\n`;

const built = build();
if (!built.ok) throw new Error(built.output);
const folder = mkdtempSync(join(tmpdir(), "echostream-types-"));
try {
  const floor = measure(FLOOR);
  const rows = FORMS.flatMap((form) => COUNTS.map((count) => row(form, count, floor)));
  writeFileSync(join(root, "bench/results/types.md"), page(floor, rows));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function row(form, count, floor) {
  const cost = measure(manyMethods(form, count, entryPoint));
  const figures = cost === undefined ? ["the compiler's stack overflows", "", ""] : [
    `${(cost.checkS - floor.checkS).toFixed(2)} s`,
    ((cost.instantiations - floor.instantiations) / count).toFixed(0),
    `${(cost.memoryMib - floor.memoryMib).toFixed(0)} MiB`,
  ];
  const line = `| ${[`\`.${form}\``, count.toLocaleString("en"), ...figures].join(" | ")} |`;
  console.log(line);
  return line;
}

/**
 * The fastest of some runs, as other work on the machine only ever adds.
 *
 * @param {string} source
 * @returns {Cost | undefined} `undefined` when the compiler itself fails
 */
function measure(source) {
  writeFileSync(join(folder, "program.mts"), source);
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: join(root, "tsconfig.json"),
      compilerOptions: { typeRoots: [join(root, "node_modules/@types")] },
      files: ["program.mts"],
      include: [],
    }),
  );
  const costs = [];
  for (let round = 0; round < ROUNDS; round++) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [tsc, "-p", folder, "--extendedDiagnostics"], {
      encoding: "utf8",
    });
    if (stderr.includes("Maximum call stack size exceeded")) return undefined;
    if (status !== 0) throw new Error(stdout + stderr);
    costs.push({
      checkS: figure(stdout, "Check time"),
      instantiations: figure(stdout, "Instantiations"),
      memoryMib: figure(stdout, "Memory used") / 1024,
    });
  }
  return costs.reduce((best, cost) => cost.checkS < best.checkS ? cost : best);
}

function figure(output, name) {
  const found = new RegExp(`^${name}:\\s+([\\d.]+)`, "m").exec(output);
  if (found === null) throw new Error(`tsc printed no "${name}"`);
  return Number(found[1]);
}

function page(floor, rows) {
  const { stdout } = spawnSync(process.execPath, [tsc, "--version"], { encoding: "utf8" });
  return `# What many methods cost the compiler

A server of so many methods with typed values, and a client of it that calls the first and the last: check time, type instantiations for each
method, and memory, beyond what a program costs that only makes a builder (${floor.checkS.toFixed(2)} s, ${
    floor.instantiations.toLocaleString("en")
  } instantiations). The fastest of ${ROUNDS} runs;
instantiations are the same on every machine. \`npm run bench:types\` makes this page.

- ${cpus().length} × ${cpus()[0].model}, Node ${process.version}, TypeScript ${stdout.trim().replace("Version ", "")}

| form | methods | check time | instantiations a method | memory |
| ---- | ------- | ---------- | ----------------------- | ------ |
${rows.join("\n")}
`;
}
