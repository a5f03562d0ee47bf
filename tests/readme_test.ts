import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isCompiled, repositoryPath } from "./support/repository.ts";
import { ENTRY_POINT, runText } from "./support/run_script.ts";

const readme = readFileSync(repositoryPath("README.md"), "utf8");
const snippets = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1] ?? "");
const manifest = JSON.parse(readFileSync(repositoryPath("package.json"), "utf8"));

test("README has a snippet to run", () => {
  assert.notEqual(snippets.length, 0);
});

for (const [n, snippet] of snippets.entries()) {
  test(`README snippet ${n + 1} runs as it is printed, and shows what its comments say`, async () => {
    const text = snippet.replaceAll('"@echostream/core"', `"${ENTRY_POINT}"`);
    const { code, output } = await runText(`readme_${n + 1}`, isCompiled ? await compiled(text) : text, {
      permissions: ["--allow-ffi"],
    });
    assert.equal(code, 0, output);
    const promised = [...snippet.matchAll(/console\.log\(.*\/\/ (.+)$/gm)].map((match) => match[1] ?? "");
    assert.deepEqual(promised.filter((line) => !output.split("\n").includes(line)), [], output);
  });
}

test("README names only commands that exist", () => {
  const commands = [...readme.matchAll(/npm run ([\w:-]+)/g)].map((match) => match[1] ?? "");
  assert.deepEqual(commands.filter((command) => !(command in manifest.scripts)), []);
});

/** Node 20 runs JavaScript, so a snippet takes the way that sources take. */
async function compiled(text: string): Promise<string> {
  const { default: typescript } = await import("typescript");
  const { ModuleKind, ScriptTarget } = typescript;
  return typescript.transpile(text, { module: ModuleKind.ESNext, target: ScriptTarget.ES2022 });
}

test("docs/architecture.md names only files that exist", () => {
  const text = readFileSync(repositoryPath("docs/architecture.md"), "utf8");
  const paths = [...text.matchAll(/`((?:src|native|scripts|bench|tests|docs)\/[\w./-]*)`/g)].map((match) =>
    match[1] ?? ""
  );
  assert.notEqual(paths.length, 0);
  assert.deepEqual(paths.filter((path) => !existsSync(repositoryPath(path))), []);
});

for (const page of ["README.md", ...pages("docs"), ...pages("docs/decisions")]) {
  test(`${page} links only to files that exist`, () => {
    const text = readFileSync(repositoryPath(page), "utf8");
    const links = [...text.matchAll(/\]\((?!\w+:)([^)#\s]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? "");
    assert.deepEqual(links.filter((link) => !existsSync(repositoryPath(join(page, "..", link)))), []);
  });
}

function pages(folder: string): string[] {
  return readdirSync(repositoryPath(folder)).filter((file) => file.endsWith(".md")).map((file) => `${folder}/${file}`);
}
