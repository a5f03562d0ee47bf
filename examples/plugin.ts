/**
 * A plugin brings handlers, values and hooks, and its types join the server's: the client knows `counter.read` without being told.
 *
 *     node examples/plugin.ts · deno run --allow-ffi examples/plugin.ts · bun examples/plugin.ts
 */
import { cbor, RpcClient, RpcServer, type ServerBuilder, type ServerPlugin } from "../mod.ts";

/** Counts connections and anything else a program wants counted. */
class CounterPlugin implements ServerPlugin {
  readonly name = "counter";
  readonly #start: number;

  constructor(options: { start: number }) {
    this.#start = options.start;
  }

  install(builder: ServerBuilder) {
    const counts = new Map<string, number>();
    const add = (what: string): number => {
      const count = (counts.get(what) ?? this.#start) + 1;
      counts.set(what, count);
      return count;
    };
    return builder
      .set("counter.add", add)
      .handler("counter.read", cbor<string>(), (_session, what) => counts.get(what) ?? this.#start)
      .onConnect(() => void add("connections"));
  }
}

const server = RpcServer.builder()
  .bind("127.0.0.1:0")
  .plugin(new CounterPlugin({ start: 0 }))
  .handler("greet", (session, name) => {
    session.serverCtx().get<(what: string) => number>("counter.add")?.("greetings");
    return `Hello, ${new TextDecoder().decode(name)}`;
  })
  .onStart((context) => console.log("server: starts, counter is there:", context.has("counter.add")))
  .onShutdown(() => console.log("server: shut down"))
  .build();
const { addresses } = await server.start();

const client = await RpcClient.connect<typeof server>(addresses[0]!);
for (const name of ["Ada", "Bob"]) {
  console.log(new TextDecoder().decode(await client.request("greet", new TextEncoder().encode(name))));
}
console.log("greetings:", await client.request("counter.read", "greetings"));
console.log("connections:", await client.request("counter.read", "connections"));

await client.close();
await server.shutdown();
console.log("done");
