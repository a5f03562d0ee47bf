import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repositoryPath } from "./support/repository.ts";

const readme = readFileSync(repositoryPath("README.md"), "utf8");
const manifest = JSON.parse(readFileSync(repositoryPath("package.json"), "utf8"));

test("README has a snippet to run", () => {
  // tests/guides_test.ts runs it.
  assert.match(readme, /```ts\n/);
});

test("README names only commands that exist", () => {
  const commands = [...readme.matchAll(/npm run ([\w:-]+)/g)].map((match) => match[1] ?? "");
  assert.deepEqual(commands.filter((command) => !(command in manifest.scripts)), []);
});

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
