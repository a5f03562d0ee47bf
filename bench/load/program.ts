/**
 * The processes of a load, on the runtime of whoever starts them: each prints one line of JSON when it is ready, and another for each line
 * it is told.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The server's memory is what it holds, so what nobody holds any more is collected first. */
const FLAGS = ["--expose-gc"];

/** A process that runs. */
export class Program<Ready> {
  /** What it said when it was ready. */
  readonly ready: Ready;
  readonly #child: ChildProcess;
  readonly #nextLine: () => Promise<string>;

  private constructor(child: ChildProcess, nextLine: () => Promise<string>, ready: Ready) {
    this.#child = child;
    this.#nextLine = nextLine;
    this.ready = ready;
  }

  /** Start `name` of this folder, told `settings`; at nice 10 when it is to be `nice`, with `flags` of the runtime's. */
  static async start<Ready>(
    name: string,
    settings: unknown,
    { nice = false, flags = [] as readonly string[] } = {},
  ): Promise<Program<Ready>> {
    const script = fileURLToPath(import.meta.url).replace(/program(\.\w+)$/, `${name}$1`);
    const command = [process.execPath, ...FLAGS, ...flags, script, JSON.stringify(settings)];
    if (nice) command.unshift("nice", "-n", "10");
    const child = spawn(command[0]!, command.slice(1), { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const nextLine = async (): Promise<string> => {
      const { done, value } = await lines.next();
      if (done === true) throw new Error(`${name} has ended with ${child.signalCode ?? child.exitCode}`);
      return value;
    };
    return new Program(child, nextLine, JSON.parse(await nextLine()));
  }

  /** Tell it something; resolves with its answer. */
  async ask<Answer>(what: string): Promise<Answer> {
    this.#child.stdin!.write(`${what}\n`);
    return JSON.parse(await this.#nextLine());
  }

  /** Resolves when it has ended, which it does with its standard input. */
  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.stdin!.end();
    await ended;
  }
}

/** What a process does: say that it is ready, answer each line, and let go when nobody is there any more. */
export async function serve(
  ready: unknown,
  answer: (line: string) => unknown,
  end: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  console.log(JSON.stringify(ready));
  for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(await answer(line)));
  await end();
  process.exit();
}

/** What {@link Program.start} was told. */
export function settings<Settings>(): Settings {
  return JSON.parse(process.argv[2]!);
}
