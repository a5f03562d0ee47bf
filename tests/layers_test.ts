import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { repositoryPath, sourceFiles } from "./support/repository.ts";

/** What each layer may import of ours: the table of docs/architecture.md, "Layers". A layer may always import itself. */
const LAYERS: Record<string, { imports: readonly string[]; typesOnly?: boolean }> = {
  protocol: { imports: [] },
  clock: { imports: [] },
  context: { imports: [] },
  trace: { imports: [] },
  timer_queue: { imports: ["clock"] },
  virtual_clock: { imports: ["clock"] },
  connection: { imports: ["protocol", "clock", "timer_queue", "trace"] },
  rpc: { imports: ["protocol", "connection", "context", "clock", "timer_queue", "trace"] },
  stream: { imports: ["protocol", "connection", "clock", "timer_queue", "trace"] },
  session: { imports: ["rpc", "stream", "connection", "protocol", "context", "clock", "timer_queue", "trace"] },
  plugin: { imports: ["session", "rpc", "stream", "protocol", "context"], typesOnly: true },
  interceptors: {
    imports: ["plugin", "session", "rpc", "protocol", "clock", "trace"],
  },
  server: {
    imports: [
      "plugin",
      "session",
      "rpc",
      "stream",
      "connection",
      "protocol",
      "context",
      "clock",
      "timer_queue",
      "trace",
    ],
  },
  client: {
    imports: [
      "plugin",
      "session",
      "rpc",
      "stream",
      "connection",
      "protocol",
      "context",
      "clock",
      "timer_queue",
      "trace",
    ],
  },
};

/** Entry points may import every layer. */
const ENTRY_POINTS = ["mod", "testing", "logtape", "opentelemetry"];

/** Packages and platform modules, and the only files that may import them. */
const BARE_IMPORTS: Record<string, readonly string[]> = {
  "@echostream/native": ["src/connection/native.ts"],
  "@logtape/logtape": ["src/logtape.ts"],
  "@opentelemetry/api": ["src/opentelemetry.ts"],
  "@standard-schema/spec": ["src/rpc/schema.ts"],
  "cbor-x/index-no-eval": ["src/protocol/codec.ts"],
  "node:diagnostics_channel": ["src/rpc/call_diagnostics.ts"],
};

/** Files that use the global `process`: for signals, and for a module that is loaded only when it is needed. */
const PROCESS_USERS = ["src/connection/pem.ts", "src/server/signals.ts"];

interface Import {
  readonly specifier: string;
  readonly typesOnly: boolean;
  readonly dynamic: boolean;
}

test("every source file imports only what its layer may", () => {
  const wrong: string[] = [];
  for (const path of ["mod.ts", ...sourceFiles("src")]) {
    for (const found of importsOf(read(path))) {
      const problem = judge(path, found);
      if (problem !== undefined) wrong.push(`${path} imports "${found.specifier}": ${problem}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("only files that must use the global process", () => {
  // Its members by name: rpc has a value of its own that is called so.
  const members =
    /^(?!\s*(\*|\/\/)).*(?<![\w.#])process\.(argv|cwd|env|exit|getBuiltinModule|on|platform|stderr|stdout)\b/m;
  const users = sourceFiles("src").filter((path) => members.test(read(path)));
  assert.deepEqual(users, PROCESS_USERS);
});

test("every folder and file of src has a place in the layer table", () => {
  const unknown = sourceFiles("src").filter((path) =>
    !ENTRY_POINTS.includes(layerOf(path)) && !(layerOf(path) in LAYERS)
  );
  assert.deepEqual(unknown, []);
});

test("mod.ts is the only barrel", () => {
  const barrels = sourceFiles("src").filter((path) =>
    /^export\s[^;]*?\bfrom\s*"/m.test(read(path)) && layerOf(path) !== "testing"
  );
  assert.deepEqual(barrels, []);
  assert.doesNotMatch(read("mod.ts"), /export\s*\*/);
});

test("importsOf sees static, type-only, side-effect, re-exported and dynamic imports", () => {
  const source = [
    'import { a } from "./a.ts";',
    'import type { B } from "./b.ts";',
    'import "./c.ts";',
    'export { d } from "./d.ts";',
    'const e = await import("./e.ts");',
    "const f = await import(name);",
    ' * import { g } from "./g.ts";',
    'type H = import("./h.ts").H;',
  ].join("\n");
  assert.deepEqual(
    importsOf(source).map(({ specifier, typesOnly, dynamic }) =>
      `${specifier}${typesOnly ? " types" : ""}${dynamic ? " dynamic" : ""}`
    ),
    ["./a.ts", "./b.ts types", "./c.ts", "./d.ts", "./e.ts dynamic", "name dynamic", "./h.ts dynamic"],
  );
});

function judge(path: string, found: Import): string | undefined {
  if (!found.specifier.startsWith(".")) {
    const allowed = BARE_IMPORTS[found.specifier];
    if (allowed === undefined) return "no source file may import it";
    return allowed.includes(path) ? undefined : `only ${allowed.join(", ")} may`;
  }
  if (!found.specifier.endsWith(".ts")) return "relative imports end in .ts";
  const from = layerOf(path);
  const to = layerOf(new URL(found.specifier, `file:///${path}`).pathname.slice(1));
  if (from === to || ENTRY_POINTS.includes(from)) return undefined;
  const rule = LAYERS[from];
  if (rule === undefined) return `layer "${from}" is not in the table`;
  if (!rule.imports.includes(to)) return `layer "${from}" may not import layer "${to}"`;
  return rule.typesOnly && !found.typesOnly ? `layer "${from}" imports types only` : undefined;
}

/** `src/rpc/router.ts` belongs to rpc, `src/session.ts` and `src/session/x.ts` to session, `mod.ts` to mod. */
function layerOf(path: string): string {
  return path.replace(/^src\//, "").replace(/\/.*$/, "").replace(/\.ts$/, "");
}

function importsOf(source: string): Import[] {
  const found: (Import & { at: number })[] = [];
  for (const match of source.matchAll(/^(?:import|export)\s+(type\s)?(?:[^;"']*?\sfrom\s*)?["']([^"']+)["']/gm)) {
    found.push({ specifier: match[2] ?? "", typesOnly: match[1] !== undefined, dynamic: false, at: match.index });
  }
  for (const match of source.matchAll(/^(?!\s*(?:\*|\/\/)).*?\bimport\(\s*["'`]?([^"'`)]+)/gm)) {
    found.push({ specifier: match[1] ?? "", typesOnly: false, dynamic: true, at: match.index });
  }
  return found.sort((a, b) => a.at - b.at);
}

function read(path: string): string {
  return readFileSync(repositoryPath(path), "utf8");
}
