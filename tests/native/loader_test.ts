import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { repositoryPath, rootUrl } from "../support/repository.ts";
import { runText } from "../support/run_script.ts";

const platform = `${process.platform}-${process.arch}`;
/** Platforms that the loader knows. */
const targets = [...readFileSync(repositoryPath("native/index.js"), "utf8").matchAll(/"([\w-]+)": \(\) => import/g)]
  .map((match) => match[1]!);
const own = targets.filter((target) => target.startsWith(platform));

test("Loader says which platforms have a binary when this one has none", async () => {
  const text = await failure("loader_platform", `Object.defineProperty(process, "arch", { value: "mips" });`);
  assert.match(
    text,
    new RegExp(`no native binary for ${process.platform}-mips: there are linux-x64-gnu, .*win32-x64-msvc`),
  );
});

test("Loader names the package of this platform when it is missing", async () => {
  const text = await failure("loader_package");
  assert.match(
    text,
    new RegExp(`The package @echostream/native-${own[0]} .*is missing: install again with optional dependencies`),
  );
});

test("Loader says why a binary that is there cannot be loaded", async () => {
  const text = await failure("loader_binary", "", "this is no binary");
  assert.match(text, new RegExp(`The native binary of echostream for ${own[0]} cannot be loaded: .+`));
});

/** What a copy of the loader fails with, beside nothing or a file in place of the binary. */
async function failure(name: string, before = "", binary?: string): Promise<string> {
  const folder = `.run/${name}_${process.pid}`;
  mkdirSync(repositoryPath(folder), { recursive: true });
  try {
    cpSync(repositoryPath("native/index.js"), repositoryPath(`${folder}/index.js`));
    for (const target of binary === undefined ? [] : own) {
      writeFileSync(repositoryPath(`${folder}/echostream.${target}.node`), binary!);
    }
    const loader = JSON.stringify(new URL(`${folder}/index.js`, rootUrl).href);
    const { code, output } = await runText(
      name,
      `import process from "node:process";\n${before}\nawait import(${loader}).catch((error) => console.log(error.message));`,
      { permissions: ["--allow-ffi"] },
    );
    assert.equal(code, 0, output);
    return output;
  } finally {
    rmSync(repositoryPath(folder), { recursive: true, force: true });
  }
}
