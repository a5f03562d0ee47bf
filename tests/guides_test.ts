/**
 * The snippets of the README and of the guides run as they are printed, and show what their comments say.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { test } from "node:test";
import { isCompiled, repositoryPath } from "./support/repository.ts";
import { ENTRY_POINT, runText } from "./support/run_script.ts";

const guides = readdirSync(repositoryPath("docs")).filter((file) => file.endsWith(".md")).map((file) => `docs/${file}`);

for (const page of ["README.md", ...guides]) {
  const text = readFileSync(repositoryPath(page), "utf8");
  const snippets = [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1] ?? "");
  for (const [n, snippet] of snippets.entries()) {
    test(`${page} snippet ${n + 1} runs as it is printed, and shows what its comments say`, async () => {
      const source = snippet.replaceAll(/"@echostream\/core(?:\/(\w+))?"/g, (_, name) => `"${entryPoint(name)}"`);
      const name = `${basename(page, ".md")}_${n + 1}`;
      const { code, output } = await runText(name, isCompiled ? await compiled(source) : source, {
        permissions: ["--allow-ffi"],
      });
      assert.equal(code, 0, output);
      const promised = [...snippet.matchAll(/console\.log\(.*\/\/ (.+)$/gm)].map((match) => match[1] ?? "");
      assert.notEqual(promised.length, 0);
      assert.deepEqual(promised.filter((line) => !output.split("\n").includes(line)), [], output);
    });
  }
}

/** The file behind `@echostream/core`, or behind `@echostream/core/` and `name`. */
function entryPoint(name: string | undefined): string {
  return name === undefined ? ENTRY_POINT : ENTRY_POINT.replace(/mod(\.\w+)$/, `src/${name}$1`);
}

/** Node 20 runs JavaScript, so a snippet takes the way that sources take. */
async function compiled(text: string): Promise<string> {
  const { default: typescript } = await import("typescript");
  const { ModuleKind, ScriptTarget } = typescript;
  return typescript.transpile(text, { module: ModuleKind.ESNext, target: ScriptTarget.ES2022 });
}
