/**
 * What an editor shows of a program that uses this library: the errors of TypeScript's language service, and what it would complete.
 *
 * @module
 */

import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import typescript from "typescript";
import { repositoryPath } from "./repository.ts";

/** What an editor underlines. */
export interface EditorError {
  readonly line: number;
  /** May have several lines. */
  readonly message: string;
}

/** One program in an editor; its text changes as often as a test likes, what it imports is read once. */
export class Editor {
  readonly #service: typescript.LanguageService;
  #text = "";
  #version = 0;

  constructor() {
    const { options } = typescript.parseJsonConfigFileContent(
      typescript.readConfigFile(repositoryPath("tsconfig.json"), (path) => readFileSync(path, "utf8")).config,
      typescript.sys,
      repositoryPath("."),
    );
    const read = (path: string): string | undefined => path === PROGRAM ? this.#text : typescript.sys.readFile(path);
    this.#service = typescript.createLanguageService({
      getCompilationSettings: () => options,
      getScriptFileNames: () => [PROGRAM],
      getScriptVersion: (path) => path === PROGRAM ? String(this.#version) : "1",
      getScriptSnapshot: (path) => {
        const text = read(path);
        return text === undefined ? undefined : typescript.ScriptSnapshot.fromString(text);
      },
      getCurrentDirectory: () => repositoryPath("."),
      getDefaultLibFileName: () => LIBRARY,
      fileExists: (path) => path === PROGRAM || existsSync(path),
      readFile: read,
    });
  }

  /** The errors of `text`, with their lines, counted from 1. */
  errors(text: string): EditorError[] {
    this.#edit(text);
    const found = [
      ...this.#service.getSyntacticDiagnostics(PROGRAM),
      ...this.#service.getSemanticDiagnostics(PROGRAM),
    ];
    return found.map(({ start = 0, messageText }) => ({
      line: text.slice(0, start).split("\n").length,
      message: typescript.flattenDiagnosticMessageText(messageText, "\n"),
    }));
  }

  /** Names that are offered where `text` holds `|`, which is taken out of it. */
  completions(text: string): string[] {
    const at = text.indexOf("|");
    this.#edit(text.replace("|", ""));
    return this.#service.getCompletionsAtPosition(PROGRAM, at, undefined)?.entries.map(({ name }) => name) ?? [];
  }

  #edit(text: string): void {
    this.#text = text;
    this.#version++;
  }
}

/** What a program in an {@link Editor} imports in place of `@echostream/core`. */
export const SOURCE_ENTRY_POINT = "../../mod.ts";

const PROGRAM: string = repositoryPath("tests/types/program.ts");
const LIBRARY = `${dirname(fileURLToPath(import.meta.resolve("typescript")))}/lib.es2023.full.d.ts`;
