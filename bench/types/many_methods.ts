/**
 * Sources of servers with many methods, in each form a server can be written, and of a client that calls them: what the compiler is measured by.
 *
 * @module
 */

/** How the methods of a server are given to its builder. */
export type Form = (typeof FORMS)[number];

/** All of them. */
export const FORMS = ["handler", "handlers", "implement"] as const;

/**
 * A module with a server of `count` methods, and a client of it that calls the first and the last, and knows that there is no other.
 * @param entryPoint What it imports the library from.
 */
export function manyMethods(form: Form, count: number, entryPoint: string): string {
  const names = Array.from({ length: count }, (_, n) => `m${n}`);
  return [
    `import { cbor, contract, handler, RpcClient, RpcServer } from ${JSON.stringify(entryPoint)};`,
    "const n = cbor<number>();",
    ...SERVERS[form](names),
    "export async function callThem(): Promise<number> {",
    '  const client = await RpcClient.connect<typeof server>("127.0.0.1:5000");',
    "  // @ts-expect-error there is no such method",
    '  await client.request("other", 1);',
    "  // @ts-expect-error its payload is a number",
    '  await client.request("m0", "text");',
    '  return await client.request("m0", 1) + await client.request("' + names.at(-1) + '", 1);',
    "}",
    "void [contract, handler];",
    "",
  ].join("\n");
}

const SERVERS: Record<Form, (names: readonly string[]) => string[]> = {
  handler: (names) => [
    "const server = RpcServer.builder()",
    ...names.map((name) => `  .handler("${name}", n, (_session, value) => value / 2)`),
    '  .bind("127.0.0.1:0").build();',
  ],
  handlers: (names) => [
    "const server = RpcServer.builder().handlers({",
    ...names.map((name) => `  ${name}: handler(n, (_session, value) => value / 2),`),
    '}).bind("127.0.0.1:0").build();',
  ],
  implement: (names) => [
    "const shared = contract({",
    ...names.map((name) => `  ${name}: { input: n, output: n },`),
    "});",
    "const server = RpcServer.builder().implement(shared, {",
    ...names.map((name) => `  ${name}: (_session, value) => value / 2,`),
    '}).bind("127.0.0.1:0").build();',
  ],
};
