/**
 * Sessions that prove who they are: what is served to whom, and how a proof is renewed while a session lasts.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { RpcClient } from "../../src/client/client.ts";
import type { RpcClientBuilder } from "../../src/client/builder.ts";
import {
  type Authentication,
  authentication,
  type AuthenticationOptions,
} from "../../src/interceptors/authentication.ts";
import type { Grant } from "../../src/interceptors/admittance.ts";
import { credentials, type CredentialsOptions } from "../../src/interceptors/credentials.ts";
import { EchoStreamError, ErrorCode } from "../../src/protocol/error.ts";
import { cbor } from "../../src/rpc/schema.ts";
import type { SocketAddress } from "../../src/connection/transport.ts";
import type { ServerOptions } from "../../src/server/definition.ts";
import type { RpcServer } from "../../src/server/server.ts";
import type { Session } from "../../src/session.ts";
import { type Network, testOverNetworks } from "../support/networks.ts";
import { deferred, failureOf } from "../support/session_pair.ts";
import { World } from "../support/world.ts";

/** Tokens are `"secret-"` and a name; what a server on a network does with them, and what reached it. */
class Club {
  readonly network: Network;
  readonly presented: string[] = [];
  readonly served: string[] = [];
  readonly hooks: string[] = [];
  /** When tokens expire. */
  expiresInMs: number | undefined;
  address!: SocketAddress;
  server!: RpcServer;
  auth!: Authentication<string>;
  /** The server's side of the last session. */
  session!: Session;
  /** What the next token is. */
  token: () => string | Promise<string> = () => "secret-ada";

  constructor(network: Network) {
    this.network = network;
  }

  async start(options: Partial<AuthenticationOptions<string>> = {}, server: ServerOptions = {}): Promise<void> {
    const auth = this.auth = authentication<string>({
      authenticate: (token): Grant<string> | undefined => {
        this.presented.push(token);
        const [secret, name] = token.split("-");
        if (secret !== "secret" || name === undefined) return undefined;
        return { identity: name, expiresInMs: this.expiresInMs };
      },
      ...options,
    });
    const builder = this.network.server().options(server)
      .onConnect((session) => void (this.session = session))
      .plugin(auth)
      .onConnect((session) => void this.hooks.push(`connect ${auth.identity(session)}`))
      .onDisconnect((session) => void this.hooks.push(`disconnect ${auth.identity(session)}`))
      .handler("whoami", cbor(), (session) => this.#serve(`call ${auth.identity(session)}`))
      .handler("watch", cbor(), async function* (session) {
        yield auth.identity(session);
      })
      .handler("motd", cbor(), () => "Welcome")
      .listener("say", cbor<string>(), (session, text) => void this.#serve(`event ${text} ${auth.identity(session)}`))
      .stream("camera", async (session, incoming) => {
        this.#serve(`stream ${auth.identity(session)}`);
        try {
          for await (const frame of incoming) this.#serve(`frame ${frame.sequence}`);
        } catch (error) {
          this.#serve(`stream ended ${(error as EchoStreamError).code}`);
        }
      });
    const built = builder.build();
    this.server = built as unknown as RpcServer;
    this.address = await this.network.start(built);
  }

  async join(
    options: Partial<CredentialsOptions> = {},
    more = (builder: RpcClientBuilder<unknown>) => builder,
  ): Promise<RpcClient<unknown>> {
    const plugin = credentials({
      token: () => this.token(),
      log: (record) => void this.network.records.push(record),
      ...options,
    });
    const builder = RpcClient.builder<unknown>().connect(this.address).options(this.network.options).plugin(plugin);
    return this.network.adopt(await this.network.run(more(builder).build()));
  }

  /** A client that has no token. */
  async sneak(): Promise<RpcClient<unknown>> {
    return await this.network.connect<unknown>(this.address, { reconnect: false });
  }

  /** No record holds a token. */
  checkLog(): void {
    for (const record of this.network.records) {
      const { error, ...rest } = record;
      assert.ok(!JSON.stringify(rest).includes("secret"), JSON.stringify(rest));
      assert.ok(!String((error as Error | undefined)?.stack).includes("secret"));
    }
  }

  #serve(what: string): string {
    this.served.push(what);
    return what;
  }
}

/** Long beside what a busy machine may take between two steps, since over QUIC time is real. */
const EXPIRY_MS = 2_000;

function testClubs(name: string, body: (club: Club) => Promise<void>): void {
  testOverNetworks(name, async (network) => {
    const club = new Club(network);
    await body(club);
    club.checkLog();
  });
}

testClubs(
  "A token at connect makes a session known, to hooks, calls, events and streams, and is sent once",
  async (club) => {
    await club.start();
    const client = await club.join(
      {},
      (builder) =>
        builder.onConnect(async (_context, session) => void club.hooks.push(await session.request<string>("whoami"))),
    );
    const { network } = club;
    assert.deepEqual(club.hooks, ["connect ada", "call ada"]);
    for (let n = 0; n < 3; n++) assert.equal(await network.run(client.session.request("whoami")), "call ada");
    await network.run(client.session.emit("say" as never, "hi" as never));
    const camera = await network.run(client.createStream("camera" as never));
    await network.run(camera.send(new Uint8Array(3)));
    await network.run(camera.end());
    assert.deepEqual(club.served.slice(-3), ["event hi ada", "stream ada", "frame 0"]);
    assert.deepEqual(club.presented, ["secret-ada"]);
  },
);

testClubs(
  "A token that is refused ends the session with UNAUTHENTICATED before anything of it is served",
  async (club) => {
    await club.start();
    club.token = () => "wrong";
    const error = await failureOf(club.join());
    assert.equal(error.code, "UNAUTHENTICATED");
    assert.match(error.message, /The token was refused/);
    await club.network.until(() => club.hooks.length > 0);
    assert.deepEqual(club.hooks, ["disconnect undefined"]);
    assert.deepEqual(club.served, []);
  },
);

testClubs("A client that presents no token is served nothing, and is sent away in time", async (club) => {
  await club.start({ timeoutMs: EXPIRY_MS / 2 });
  const { network } = club;
  const client = await club.sneak();
  const refused = [client.session.request("whoami"), client.session.requestStream("watch").next()];
  for (const error of await network.run(Promise.all(refused.map(failureOf)))) {
    assert.deepEqual([error.code, error.message, error.disposition], [
      "UNAUTHENTICATED",
      "No token has come",
      "notProcessed",
    ]);
  }
  await network.run(client.session.emit("say" as never, "hi" as never));
  const camera = await network.run(client.createStream("camera" as never));
  void camera.send(new Uint8Array(3)).catch(() => {});
  const reason = await network.run(client.closed);
  assert.deepEqual([reason.codeName, reason.error.code], ["REFUSED", "UNAUTHENTICATED"]);
  assert.match(reason.reason, /No token came in time/);
  assert.deepEqual(club.served, []);
});

testClubs(
  "Methods that are open to all serve sessions without a token, whose events wait and whom no broadcast reaches",
  async (club) => {
    await club.start({ open: ["motd"], timeoutMs: 1 });
    const { network } = club;
    const client = await club.sneak();
    const news: unknown[] = [];
    client.on("news" as never, (text: unknown) => void news.push(text));
    assert.equal(await network.run(client.session.request("motd")), "Welcome");
    club.server.broadcast.emit("news" as never, "for members" as never);
    assert.equal((await network.run(failureOf(client.session.request("whoami")))).code, "UNAUTHENTICATED");
    await network.run(client.session.emit("say" as never, "early" as never));
    assert.equal(await network.run(client.session.request("motd")), "Welcome");
    assert.equal(club.session.isOpen, false);
    assert.deepEqual(club.served, []);
    // One that presents its token late is served from then on, what waited first.
    await network.run(client.session.request("$authenticate", "secret-bob"));
    await network.until(() => club.served.length === 1);
    assert.equal(await network.run(client.session.request("whoami")), "call bob");
    assert.deepEqual(club.served, ["event early bob", "call bob"]);
    club.server.broadcast.emit("news" as never, "for bob" as never);
    await network.until(() => news.length === 1);
    assert.deepEqual(news, ["for bob"]);
  },
);

testClubs("Before a token expires a fresh one is presented on the session as it is", async (club) => {
  club.expiresInMs = EXPIRY_MS / 4;
  await club.start();
  let tokens = 0;
  club.token = () => `secret-${tokens++}`;
  const { network } = club;
  const client = await club.join({ refreshBeforeMs: EXPIRY_MS / 5 });
  const { session } = client;
  const { id } = session;
  const peer = club.session.peerAddr();
  await network.until(() => club.presented.length >= 3);
  assert.match(await network.run(client.session.request<string>("whoami")), /call [1-9]/);
  assert.deepEqual([client.session, session.id, club.session.peerAddr(), client.state], [
    session,
    id,
    peer,
    "connected",
  ]);
  assert.deepEqual(club.hooks, ["connect 0"]);
  assert.deepEqual(club.presented.slice(0, 3), ["secret-0", "secret-1", "secret-2"]);
});

testClubs(
  "A refresh that is refused leaves the token before; when that expires calls are refused, until there is a fresh one",
  async (club) => {
    club.expiresInMs = EXPIRY_MS;
    await club.start();
    const { network } = club;
    const client = await club.join();
    const camera = await network.run(client.createStream("camera" as never));
    await network.run(camera.send(new Uint8Array(3)));
    await network.until(() => club.served.length === 2);
    club.token = () => "wrong";
    await network.until(() => network.messages("warn").includes("A fresh token could not be presented"));
    assert.equal(await network.run(client.session.request("whoami")), "call ada");
    await network.until(() => club.served.includes("stream ended UNAUTHENTICATED"));
    const refused = await network.run(failureOf(client.session.request("whoami")));
    assert.deepEqual([refused.code, refused.message, refused.disposition], [
      "UNAUTHENTICATED",
      "The token has expired",
      "notProcessed",
    ]);
    await network.run(client.session.emit("say" as never, "late" as never));
    assert.equal((await network.run(failureOf(client.session.requestStream("watch").next()))).code, "UNAUTHENTICATED");
    assert.ok(!club.served.some((what) => what.startsWith("event")));
    // The call that is refused fetches one, and is made again.
    club.token = () => "secret-bob";
    assert.deepEqual((await network.run(client.session.requestStream("watch").next())).value, "bob");
    assert.equal(await network.run(client.session.request("whoami")), "call bob");
    await network.until(() => club.served.includes("event late bob"));
    await assert.rejects(
      network.run((async () => {
        for (;;) await camera.send(new Uint8Array(3));
      })()),
      { code: "UNAUTHENTICATED" },
    );
  },
);

testClubs(
  "A token that cannot be had fails the connect, and a refresh only once the last one has expired",
  async (club) => {
    club.expiresInMs = EXPIRY_MS;
    await club.start({ expiredGraceMs: 300 });
    const { network } = club;
    const cause = new Error("No network");
    club.token = () => {
      throw cause;
    };
    const error = await failureOf(club.join());
    assert.deepEqual([error.code, error.cause], ["UNAUTHENTICATED", cause]);
    club.token = () => "secret-ada";
    const client = await club.join({}, (builder) => builder.options({ reconnect: false }));
    club.token = () => Promise.reject(cause);
    await network.until(() => network.messages("warn").includes("A fresh token could not be presented"));
    assert.equal(await network.run(client.session.request("whoami")), "call ada");
    const reason = await network.run(client.closed);
    assert.deepEqual([reason.codeName, reason.error.code], ["REFUSED", "UNAUTHENTICATED"]);
    assert.match(reason.reason, /The token has expired/);
  },
);

testClubs(
  "What authenticate throws is told as what a handler throws, and its text only where that was meant",
  async (club) => {
    const { network } = club;
    let thrown: Error = new Error("database down");
    await club.start({ authenticate: () => Promise.reject(thrown) });
    const internal = await failureOf(club.join());
    assert.equal(internal.code, "INTERNAL");
    assert.ok(!internal.message.includes("database"));
    assert.ok(network.records.some(({ level, error }) => level === "error" && error === thrown));
    thrown = new EchoStreamError(ErrorCode.PERMISSION_DENIED, "Banned");
    const denied = await failureOf(club.join());
    assert.equal(denied.code, "PERMISSION_DENIED");
    assert.match(denied.message, /Banned/);
  },
);

testClubs("Calls that are refused together fetch one token together", async (club) => {
  club.expiresInMs = EXPIRY_MS;
  await club.start();
  const { network } = club;
  const gate = deferred();
  let asked = 0;
  const client = await club.join();
  club.token = async () => {
    asked++;
    await gate.promise;
    return "secret-bob";
  };
  await network.until(() => asked === 1 && club.auth.identity(club.session) === undefined);
  const { callsReceived } = club.session.stats;
  const answers = Array.from({ length: 20 }, () => client.session.request("whoami"));
  await network.until(() => club.session.stats.callsReceived === callsReceived + 20);
  assert.deepEqual(club.served, []);
  gate.resolve();
  assert.deepEqual(new Set(await network.run(Promise.all(answers))), new Set(["call bob"]));
  assert.equal(asked, 1);
});

test("A client that reconnects authenticates its new session by itself; one that is resumed stays known", async () => {
  for (const resume of [false, true]) {
    const world = new World({ delayMs: 5 });
    const club = new Club(world);
    await club.start({}, { resume });
    const client = await club.join();
    assert.equal(await world.run(client.session.request("whoami")), "call ada");
    const before = client.session;
    club.token = () => "secret-bob";
    world.network.setCut(true);
    await world.clock.advanceUntil(() => client.state === "reconnecting");
    world.network.setCut(false);
    await world.clock.advanceUntil(() => client.state === "connected");
    assert.equal(client.session === before, resume);
    assert.equal(await world.run(client.session.request("whoami")), resume ? "call ada" : "call bob");
    assert.deepEqual(club.presented, resume ? ["secret-ada"] : ["secret-ada", "secret-bob"]);
    club.checkLog();
    await world.close();
  }
});

test("A session whose token expired while it had no connection is not resumed: its client begins anew", async () => {
  const world = new World({ delayMs: 5 });
  const club = new Club(world);
  club.expiresInMs = 60_000;
  await club.start({}, { resume: { timeoutMs: 600_000 } });
  const client = await club.join();
  const before = client.session;
  await world.clock.advance(20_000);
  world.network.setCut(true);
  await world.clock.advanceUntil(() => client.state === "reconnecting");
  await world.clock.advance(60_000);
  club.token = () => "secret-bob";
  world.network.setCut(false);
  await world.clock.advanceUntil(() => client.state === "connected");
  assert.notEqual(client.session, before);
  assert.equal(await world.run(client.session.request("whoami")), "call bob");
  await world.close();
});
