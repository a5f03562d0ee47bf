import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { script } from "./support/published.ts";
import { repositoryPath } from "./support/repository.ts";

// deno-lint-ignore no-explicit-any
const manifest = (path: string): any => JSON.parse(readFileSync(repositoryPath(path), "utf8"));
const npm = manifest("package.json");
const jsr = manifest("deno.json");
const native = manifest("native/package.json");
const lock = readFileSync(repositoryPath("package-lock.json"), "utf8");

test("package.json and deno.json agree on name, version and licence", () => {
  assert.deepEqual([npm.name, npm.version, npm.license], [jsr.name, jsr.version, jsr.license]);
});

test("package.json and deno.json export the same entry points", () => {
  const entryPoints = Object.keys(npm.exports).filter((name) => name !== "./package.json");
  assert.deepEqual(entryPoints, Object.keys(jsr.exports));
  for (const name of entryPoints) {
    const source = jsr.exports[name].replace(/^\.\//, "");
    assert.ok(existsSync(repositoryPath(source)), `${source} exists`);
    assert.equal(npm.exports[name].default, `./dist/${source.replace(/\.ts$/, ".js")}`);
    assert.equal(npm.exports[name].types, `./dist/${source.replace(/\.ts$/, ".d.ts")}`);
  }
});

test("both registries import the native package at its own version", () => {
  assert.equal(npm.dependencies["@echostream/native"], native.version);
  assert.equal(jsr.imports["@echostream/native"], `npm:@echostream/native@^${native.version}`);
  for (const [name, version] of Object.entries(npm.dependencies)) {
    if (name !== native.name) assert.equal(jsr.imports[name], `npm:${name}@${version}`);
  }
});

test("the addon has one version in npm's manifest, in Rust's, and in its lock", () => {
  const cargo = readFileSync(repositoryPath("native/Cargo.toml"), "utf8");
  const cargoLock = readFileSync(repositoryPath("native/Cargo.lock"), "utf8");
  assert.match(cargo, new RegExp(`^version = "${native.version}"$`, "m"));
  assert.ok(cargoLock.includes(`name = "echostream-native"\nversion = "${native.version}"\n`));
  assert.equal(native.version, npm.version);
});

test("loader, release, documentation and manifests know the same platforms", async () => {
  const { PLATFORMS } = await script<{ PLATFORMS: Record<string, { rust: string }> }>("platforms");
  const loader = readFileSync(repositoryPath("native/index.js"), "utf8");
  const loaded = [...loader.matchAll(/"([\w-]+)": \(\) => import\("@echostream\/native-([\w-]+)"\)/g)];
  assert.deepEqual(loaded.map(([, target]) => target), Object.keys(PLATFORMS));
  assert.deepEqual(loaded.map(([, , name]) => name), Object.keys(PLATFORMS));
  const workflow = readFileSync(repositoryPath(".github/workflows/binaries.yml"), "utf8");
  const built = [...workflow.matchAll(/- platform: (\S+)\n\s+target: (\S+)/g)].map((
    [, name, target],
  ) => [name, target]);
  assert.deepEqual(
    built.sort(),
    Object.entries(PLATFORMS).map(([name, { rust }]) => [name, rust]).sort(),
  );
  const page = readFileSync(repositoryPath("docs/platforms.md"), "utf8");
  assert.deepEqual(Object.keys(PLATFORMS).filter((platform) => !page.includes(`\`${native.name}-${platform}\``)), []);
});

test("peers are optional, tested with a version they allow, and the same for both registries", () => {
  const names = Object.keys(npm.peerDependencies);
  assert.deepEqual(names, Object.keys(npm.peerDependenciesMeta));
  for (const name of names) {
    assert.equal(npm.peerDependenciesMeta[name].optional, true);
    const range: string = npm.peerDependencies[name];
    assert.equal(jsr.imports[name], `npm:${name}@${range}`);
    const [, major, minor] = /^\^(\d+)\.(\d+)\.\d+$/.exec(range)!.map(Number);
    const [testedMajor, testedMinor] = npm.devDependencies[name].split(".").map(Number);
    assert.ok(testedMajor === major && testedMinor >= minor!, name);
  }
});

test("no package that users install runs an install script", () => {
  for (const { scripts = {} } of [npm, native]) {
    assert.deepEqual(["preinstall", "install", "postinstall", "prepare"].filter((name) => name in scripts), []);
  }
});

test("what is published holds the licences, and no test, and every named file exists", () => {
  assert.ok(npm.files.includes("!dist/**/*_test.*"));
  assert.ok(jsr.publish.exclude.includes("src/**/*_test.ts"));
  for (const file of ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"]) {
    assert.ok(npm.files.includes(file) && jsr.publish.include.includes(file), `${file} is published`);
    assert.ok(existsSync(repositoryPath(file)), `${file} exists`);
  }
});

test("the lock names no download address, so that any registry mirror serves it", () => {
  assert.doesNotMatch(lock, /"resolved": "http/);
});

test("development tools are pinned exactly", () => {
  const loose = Object.entries(npm.devDependencies).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(String(version)));
  assert.deepEqual(loose, []);
});
