/**
 * The packages as a user gets them: packed, served by a registry on loopback, installed into empty projects, and used.
 *
 * @module
 */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, test } from "node:test";
import { EmptyProject, type ProjectRun } from "../support/empty_project.ts";
import { type ModuleServer, serveModules } from "../support/module_server.ts";
import { type Published, publishPackages, script } from "../support/published.ts";
import { repositoryPath } from "../support/repository.ts";

/** A call over QUIC to itself, and every value type of the codec that is carried along. */
const program = (specifier: string): string => `
import { cbor, RpcClient, RpcServer } from "${specifier}";
const server = RpcServer.builder().bind("127.0.0.1:0")
  .handler("add", cbor(), (_session, { a, b }) => ({ sum: a + b, at: new Date(0), bytes: new Uint8Array([7]) }))
  .build();
const { addresses } = await server.start();
const client = await RpcClient.connect(addresses[0]);
const { sum, at, bytes } = await client.request("add", { a: 2, b: 40 });
console.log(sum, at.toISOString(), bytes[0]);
await client.close();
await server.shutdown();
`;
const ANSWER = "42 1970-01-01T00:00:00.000Z 7\n";
/** A program with types, as strict as can be, that needs no declarations of Node. */
const TYPED = `
import { cbor, EchoStreamError, RpcClient, RpcServer, type Session } from "@echostream/core";
const server = RpcServer.builder().handler("add", cbor<{ a: number; b: number }>(), (_session: Session, { a, b }) => a + b).build();
export async function add(): Promise<number> {
  const client = await RpcClient.connect<typeof server>("localhost:1");
  // @ts-expect-error "c" is no member of what is asked for
  await client.request("add", { a: 1, c: 2 });
  return await client.request("add", { a: 1, b: 2 }).catch((error: unknown) => error instanceof EchoStreamError ? 0 : 1);
}
`;

const STRICT = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noEmit: true,
  module: "nodenext",
  target: "es2022",
  lib: ["es2023", "esnext.disposable", "dom", "dom.asynciterable"],
  types: [],
};

let folder: string;
let published: Published;
let deno: string;
let bun: string;
let oldestNode: string;
const projects: EmptyProject[] = [];

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "echostream-packages-"));
  published = await publishPackages(folder);
  const { findRuntime } = await script<{ findRuntime(name: string): { executable: string } }>("runtimes");
  [deno, bun, oldestNode] = ["deno", "bun", "node20"].map((name) => findRuntime(name).executable) as [
    string,
    string,
    string,
  ];
});

after(async () => {
  await published?.registry.close();
  for (const project of projects) project.remove();
  rmSync(folder, { recursive: true, force: true });
});

test("npm installs core, native and the binary of this platform, and nothing that runs a script", async () => {
  const project = await npmProject();
  assert.deepEqual(installed(project), ["core", "native", `native-${thisPlatform()}`]);
  const lock = readFileSync(join(project.folder, "node_modules/.package-lock.json"), "utf8");
  assert.doesNotMatch(lock, /hasInstallScript/);
  const everything = readdirSync(join(project.folder, "node_modules")).filter((name) => !name.startsWith("."));
  assert.deepEqual(everything, ["@echostream", "@standard-schema"]);
});

test("Node calls over QUIC with what npm installed", async () => {
  const project = await npmProject();
  project.write("program.mjs", program("@echostream/core"));
  for (const node of [process.execPath, oldestNode]) {
    assertPrints(await project.run(node, ["program.mjs"]), ANSWER);
  }
});

test("what npm installed exports what the sources export", async () => {
  const project = await npmProject();
  project.write("exports.mjs", `console.log(Object.keys(await import("@echostream/core")).sort().join());`);
  const expected = Object.keys(await import("../../mod.ts")).sort().join();
  assertPrints(await project.run(process.execPath, ["exports.mjs"]), `${expected}\n`);
});

test("every entry point that npm installed loads, those of optional peers once the peer is there", async () => {
  const project = await npmProject();
  project.write(
    "testing.mjs",
    `import { memoryNetwork } from "@echostream/core/testing"; console.log(typeof memoryNetwork);`,
  );
  assertPrints(await project.run(process.execPath, ["testing.mjs"]), "function\n");
  project.write(
    "peer.mjs",
    `await import("@echostream/core/opentelemetry").catch((error) => console.log(error.message));`,
  );
  assert.match((await project.run(process.execPath, ["peer.mjs"])).output, /Cannot find package '@opentelemetry\/api'/);
});

test("published types hold under strict settings without declarations of Node", async () => {
  const project = await npmProject();
  project.write("program.mts", TYPED);
  project.write("tsconfig.json", JSON.stringify({ compilerOptions: STRICT, files: ["program.mts"] }));
  const { code, output } = await project.run(process.execPath, [
    repositoryPath("node_modules/typescript/bin/tsc"),
    "-p",
    ".",
  ]);
  assert.equal(code, 0, output);
});

test("Bun installs the packages and calls over QUIC", async () => {
  const project = begin();
  project.write("package.json", `{ "name": "empty", "type": "module" }`);
  const added = await project.run(bun, ["add", "@echostream/core"]);
  assert.equal(added.code, 0, added.errors);
  assert.deepEqual(installed(project), ["core", "native", `native-${thisPlatform()}`]);
  project.write("program.js", program("@echostream/core"));
  assertPrints(await project.run(bun, ["program.js"]), ANSWER);
});

test("Deno calls over QUIC with npm: imports and no flag but --allow-ffi", async () => {
  const project = begin();
  project.write("program.js", program("npm:@echostream/core@^0.1.0"));
  assertPrints(await project.run(deno, ["run", "--quiet", "--no-prompt", "--allow-ffi", "program.js"]), ANSWER);
});

test("Deno calls over QUIC with a remote module that imports the native package, as from JSR", async () => {
  const modules: ModuleServer = await serveModules();
  try {
    const project = begin();
    project.write("program.js", program(`${modules.url}mod.ts`));
    const permissions = [`--allow-import=${new URL(modules.url).host}`, "--allow-ffi"];
    assertPrints(await project.run(deno, ["run", "--quiet", "--no-prompt", ...permissions, "program.js"]), ANSWER);
  } finally {
    await modules.close();
  }
});

test("Deno without --allow-ffi names the flag, also for what it installed from npm", async () => {
  const project = begin();
  project.write("program.js", program("npm:@echostream/core@^0.1.0"));
  const { code, errors } = await project.run(deno, ["run", "--quiet", "--no-prompt", "program.js"]);
  assert.equal(code, 1);
  assert.match(errors, /EchoStreamError: .*--allow-ffi/);
});

test("packages hold licences and README, and neither tests nor sources", () => {
  for (const [name, files] of published.files) {
    assert.deepEqual(files.filter((path) => /_test\.|\/tests?\/|\.rs$|(?<!\.d)\.ts$|\.map$/.test(path)), [], name);
    for (const file of ["LICENSE-MIT", "LICENSE-APACHE", "README.md"]) {
      assert.ok(files.includes(file), `${name} has ${file}`);
    }
  }
});

test("the package of a binary passes on the licences of what is linked into it", async () => {
  const project = await npmProject();
  const path = `node_modules/@echostream/native-${thisPlatform()}/THIRD-PARTY-LICENSES`;
  const text = readFileSync(join(project.folder, path), "utf8");
  for (const name of [/^BoringSSL$/m, /^quiche [\d.]+ \(BSD-2-Clause\)$/m, /^napi [\d.]+ \(MIT\)$/m]) {
    assert.match(text, name);
  }
});

/** Warnings go elsewhere: the server runs on a development certificate, and says so. */
function assertPrints({ code, output, errors }: ProjectRun, expected: string): void {
  assert.deepEqual({ code, output }, { code: 0, output: expected }, errors);
}

function begin(): EmptyProject {
  const project = new EmptyProject(published.registry.url);
  projects.push(project);
  return project;
}

/** What is in the scope of ours. */
function installed(project: EmptyProject): string[] {
  return readdirSync(join(project.folder, "node_modules/@echostream")).sort();
}

/** The only platform with a binary. */
function thisPlatform(): string {
  const names = published.platforms.filter((platform) => published.files.has(`@echostream/native-${platform}`));
  assert.equal(names.length, 1);
  return names[0]!;
}

let shared: Promise<EmptyProject> | undefined;
/** A project into which npm has installed core, the same for all tests. */
function npmProject(): Promise<EmptyProject> {
  shared ??= (async () => {
    const project = begin();
    project.write("package.json", `{ "name": "empty", "private": true }`);
    const { code, errors } = await project.run("npm", ["install", "@echostream/core"]);
    assert.equal(code, 0, errors);
    return project;
  })();
  return shared;
}
