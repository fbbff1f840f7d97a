/** Plays a scenario: each step in turn, with a driver and the coordinators that the scenario needs. */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { TestCa } from '../support/certificates.js';
import { deliver, type Delivery } from './boundaries.js';
import type { Json } from './contract.js';
import { Endpoint, type EndOf, type Manner, type Served, type Stream } from './coordinator.js';
import { type Answered, Driver } from './driver.js';
import { ROOT } from './languages.js';
import { Relay, type Rules } from './relay.js';
import { type Captured, difference, filled, shown } from './match.js';
import { pickCases } from './picks.js';
import type { Scenario, Step } from './scenarios.js';
import type { Transcript } from './transcript.js';

/** The limits that a coordinator has. */
const LIMITS = {
  ...{ topicBytes: 255, topicTokens: 16, payloadBytes: 262_144, publishEvents: 256 },
  ...{ publishBytes: 524_288, patterns: 1000, messageBytes: 1_048_576, helloBytes: 65_536 },
  ...{ jsonDepth: 30, windowEvents: 65_536, windowBytes: 16_777_216, patternBytes: 65_536 },
  ...{ longPatterns: 64, peerSessions: 15_000, peerStreams: 30_000, peerRequests: 250_000 },
  ...{ peerBytes: 268_435_456, headerBytes: 16_384 },
};

/** A coordinator with small limits. */
const SMALL = { ...LIMITS, payloadBytes: 4096, publishEvents: 8, publishBytes: 8192 };

/** The grace is short, so that a client waits at most a third of this before it connects again. */
const WELCOME = {
  ...{ sessionId: 's-1', coordinatorId: 'c-1', coordinatorVersion: '0.1.0', network: 'main' },
  ...{ heartbeatInterval: '5s', maxSilence: '15s', grace: '0.9s', limits: LIMITS },
  durability: 'DURABILITY_POWER_LOSS',
};

/** Frames that a client may send when it likes. All others must be what a step receives. */
const FREE = ['hello', 'heartbeat', 'ack', 'updateSubscription', 'syncPlayers', 'goodbye'];

/** The driver that plays a peer. */
const PEER = 'node dist/test/conformance/drivers/typescript.js';

/** How long the driver has to end its client after the last step. */
const CLOSE_MS = 3000;

export class Play {
  readonly #driver: Driver;
  readonly #transcript: Transcript;
  readonly #captured: Captured = new Map();
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #streams = new Map<string, Stream>();
  readonly #manner: Manner;
  readonly #isReal: boolean;
  #real: Relay | undefined;
  #peer: Driver | undefined;
  readonly #begun = new Map<string, number>();
  #current: Stream | undefined;
  #files: string | undefined;
  /** The driver has no variables of its own. */
  #isOrdinary = true;
  /** The client of the scenario has ended. */
  #isUsable = false;
  #generation = 0;
  /** The highest publish sequence that a PublishAck has settled. */
  #settled = 0;

  constructor(scenario: Scenario, driver: Driver, transcript: Transcript) {
    this.#driver = driver;
    this.#transcript = transcript;
    this.#isReal = scenario.isReal;
    this.#manner = { manual: scenario.manual, rows: [] };
    this.#captured.set('$smallLimits', SMALL);
  }

  async run(steps: readonly Step[]): Promise<void> {
    if (this.#isReal) await this.#startReal();
    for (const [index, step] of steps.entries()) {
      this.#transcript.add(`step ${index + 1}: ${JSON.stringify(step)}`);
      await this.#step(step);
    }
    this.#checkFrames();
    this.#isUsable = await this.#close();
    const [seen] = this.#driver.rest;
    if (seen) throw new Error(`the driver saw more: ${shown(seen)}`);
  }

  /** A real coordinator, a relay in front of it, and a peer that knows no relay. */
  async #startReal(): Promise<void> {
    this.#real = await Relay.start(this.#transcript);
    this.#peer = new Driver(PEER, ROOT, 'peer');
    this.#peer.begin(this.#transcript);
    const options = { name: 'peer', role: 'SERVICE', endpoints: [this.#real.endpoint] };
    for (const request of [{ do: 'connect', options }, { do: 'ready' }]) {
      const answer = await this.#peer.answer(this.#peer.ask(request), 'the peer');
      this.#check({}, answer, 'the peer');
    }
  }

  /** Ends the client and the coordinators. Returns false if the driver is of no use for another scenario. */
  async end(): Promise<boolean> {
    const isUsable = this.#isUsable && this.#isOrdinary;
    await this.#peer?.kill();
    await this.#real?.stop();
    await Promise.all([...this.#endpoints.values()].map((endpoint) => endpoint.stop()));
    if (this.#files !== undefined) await rm(this.#files, { recursive: true });
    return isUsable;
  }

  async #close(): Promise<boolean> {
    // The scenario answers nothing any more.
    this.#manner.manual = [];
    try {
      const id = this.#driver.ask({ do: 'close' });
      const find = (): Answered | undefined => this.#driver.answered(id);
      return 'ok' in (await this.#transcript.until(find, () => 'the end of the client', CLOSE_MS));
    } catch (error) {
      this.#transcript.add(String(error));
      return false;
    }
  }

  async #step(step: Step): Promise<void> {
    const [name = ''] = Object.keys(step);
    const value = step[name];
    const act = this.#acts[name];
    if (!act) throw new Error(`there is no step ${name}`);
    await act(value, step);
  }

  readonly #acts: Record<string, (value: unknown, step: Step) => unknown> = {
    connect: (value, step) => this.#connect((value ?? {}) as Json, step),
    start: async (value) => {
      const { open = {}, ...given } = (value ?? {}) as Json;
      await this.#connect(given);
      const ready = this.#driver.ask({ do: 'ready' });
      if (!this.#real) await this.#open(open as Json);
      this.#check({ ok: {} }, await this.#driver.answer(ready, 'ready'), 'ready');
    },
    ask: async (value, step) => {
      const request = this.#filled(value) as Json;
      const driver = this.#by(step);
      const answer = await driver.answer(driver.ask(request), shown(request));
      this.#check(step, answer, shown(request['do']));
    },
    begin: (value, step) => {
      const id = this.#by(step).ask(this.#filled(value) as Json);
      const { as = '' } = step;
      this.#begun.set(as, id);
      this.#captured.set(`$${as}Id`, id);
    },
    answer: async (value, step) => {
      const name = value as string;
      this.#check(step, await this.#by(step).answer(this.#idOf(name), name), name);
    },
    unanswered: (value, step) => {
      const answer = this.#by(step).answered(this.#idOf(value as string));
      if (answer) throw new Error(`it has an answer: ${shown(answer)}`);
    },
    see: async (value, step) => {
      const pattern = value as Json;
      const driver = this.#by(step);
      const find = (): Json | string | undefined => driver.see(pattern, this.#captured);
      const what = (): string => `the driver to see ${shown(value)}`;
      const seen = await this.#transcript.until(find, what, step.withinMs);
      if (typeof seen === 'string') throw new Error(seen);
    },
    unseen: (value, step) => {
      if (this.#by(step).has(value as Json, this.#captured))
        throw new Error(`the driver saw ${shown(value)}`);
    },
    accept: (value, step) => this.#accept(value ?? {}, step.withinMs),
    open: (value, step) => this.#open((value ?? {}) as Json, step.withinMs),
    welcome: (value, step) => this.#welcome(this.#on(step), (value ?? {}) as Json),
    receive: (value, step) => this.#receive(value, this.#on(step), false, step.withinMs),
    await: (value, step) => this.#receive(value, this.#on(step), true, step.withinMs),
    unreceived: (value, step) => {
      if (this.#on(step).take(this.#filled(value), this.#captured, true))
        throw new Error(`the node sent ${shown(value)}`);
    },
    send: async (value, step) => {
      const frames = (Array.isArray(value) ? value : [value]).map((one) => this.#filled(one));
      for (const frame of frames as Json[]) {
        const ack = frame['publishAck'] as Json | undefined;
        if (ack) this.#settled = Number(ack['publishSequence']);
      }
      await this.#on(step).send(frames);
    },
    events: (value, step) => this.#events(value as Sequences, step),
    deliver: (value) =>
      deliver(
        async () => {
          const stream = await this.#accept({});
          const find = () => stream.take({ hello: {} }, this.#captured);
          await this.#transcript.until(find, () => 'a Hello');
          return { stream, hello: stream.hello };
        },
        {
          welcome: (hello, cursor) => ({ welcome: this.#welcomeFor(hello, { cursor }) }),
          batch: (sequences, after) => batchOf(sequences, { after }),
        },
        value as Delivery,
      ),
    picks: (value) => this.#picks(value as string),
    tls: (value, step) => this.#tls((value ?? {}) as Json, step.at ?? 'a'),
    file: async (value, step) => {
      const { as = '' } = step;
      const path = join(await this.#folder(), as);
      this.#captured.set(`$${as}`, path);
      if (value !== null) await writeFile(path, this.#filled(value) as string, { mode: 0o600 });
    },
    content: async (value, step) => {
      const text = await readFile(join(await this.#folder(), step.as ?? ''), 'utf8');
      const found = difference(value, text.trim(), this.#captured, step.as);
      if (found !== undefined) throw new Error(found);
    },
    restart: async (value) => {
      await this.#endpoint('a');
      const env = (this.#filled(value) ?? {}) as Record<string, string>;
      this.#isOrdinary = Object.keys(env).length === 0;
      await this.#driver.restart(env);
    },
    ignore: (value, step) => this.#by(step).ignore(value as Json, this.#captured),
    relay: async (value) => {
      if (value === 'new coordinator') await this.#real?.replaceCoordinator();
      else this.#real?.rule(value as Rules);
    },
    fail: async (value, step) => {
      const { requestId, reason, code } = this.#filled(value) as Json;
      const error = { reason: `ERROR_REASON_${String(reason)}`, code, message: 'refused' };
      await this.#on(step).send([{ requestId, requestFailed: { error } }]);
    },
    follows: (value) => {
      const [before, after] = (this.#filled(value) as unknown[]).map(Number);
      if (after !== (before ?? 0) + 1) throw new Error(`${after} does not follow ${before}`);
    },
    published: (value, step) =>
      this.#published(value as number, this.#on(step), String(step['captures'])),
    same: (value) => {
      const [left, right] = this.#filled(value) as unknown[];
      if (String(left) !== String(right)) throw new Error(`${shown(left)} is not ${shown(right)}`);
    },
    token: async (value) => {
      const { hash, authorization, file } = this.#filled(value) as Record<string, string>;
      const token = (await readFile(join(await this.#folder(), file ?? ''), 'utf8')).trim();
      const found = createHash('sha256').update(token).digest('base64');
      if (authorization !== `Bearer ${token}`) throw new Error(`the file has ${token}`);
      if (found !== hash) throw new Error('Join got the hash of another token');
    },
    player: (value) => this.#player(value as { id: string; generation: number }),
    joinWithoutGrant: (value, step) =>
      this.#joinWithoutGrant(this.#filled(value) as Json, this.#on(step)),
    flush: async (_, step) => {
      const stream = this.#on(step);
      // The first heartbeat may be one that was on its way.
      for (const round of [1, 2]) {
        this.#transcript.add(`round ${round}`);
        for (const one of stream.frames) if (one.kind === 'heartbeat') one.taken = true;
        await stream.send([{ heartbeatRequested: {} }]);
        await this.#receive({ heartbeat: {} }, stream, false);
      }
    },
    end: (value, step) => this.#on(step).end((value ?? undefined) as EndOf | undefined),
    cut: (_, step) => (this.#real ? this.#real.cut() : this.#on(step).cut()),
    over: async (_, step) => {
      const stream = this.#on(step);
      const find = (): true | undefined => stream.isOver || undefined;
      await this.#transcript.until(find, () => `the node to end ${stream.name}`);
    },
    last: (value, step) => {
      const last = this.#on(step).frames.at(-1);
      if (last?.kind !== value) throw new Error(`the last frame is ${shown(last?.brief)}`);
    },
    wait: (value) => delay(Number(value)),
    calm: async (value, step) => {
      const { ms, heartbeats } = value as { ms: number; heartbeats: number };
      const count = (): number =>
        this.#on(step).frames.filter(({ kind }) => kind === 'heartbeat').length;
      const before = count();
      await delay(ms);
      if (count() - before > heartbeats) throw new Error(`${count() - before} heartbeats came`);
    },
    unopened: async (value) => {
      const count = (): number =>
        [...this.#endpoints.values()].reduce((sum, { streams }) => sum + streams.length, 0);
      const before = count();
      await delay(value as number);
      if (count() > before) throw new Error('the node opened a stream');
    },
    away: async (value) => (await this.#endpoint((value ?? 'a') as string)).away(),
    back: async (value) => (await this.#endpoint((value ?? 'a') as string)).back(),
    attempts: async (value, step) => {
      const { atLeast, atMost = Infinity, withinMs } = value as Attempts;
      const times = (await this.#endpoint(step.at ?? 'a')).attemptsAway;
      const gaps = times.map((ms, index) => Math.round(ms - (times[index - 1] ?? ms)));
      const longest = Math.max(0, ...gaps);
      const { length } = times;
      if (length >= atLeast && length <= atMost && longest <= withinMs) return;
      throw new Error(`${length} attempts, at most ${longest} ms between two of them`);
    },
    rows: (value) => (this.#manner.rows = this.#filled(value) as unknown[]),
    serve: async (value, step) => {
      const endpoint = await this.#endpoint(step.at ?? 'a');
      for (const [method, answer] of Object.entries(value as Record<string, Served>))
        endpoint.served.set(method, answer);
    },
    called: (value, step) => this.#called(value as Json, step),
  };

  #filled(value: unknown): unknown {
    return filled(value, this.#captured);
  }

  #by({ by }: Step): Driver {
    if (by === undefined) return this.#driver;
    if (!this.#peer) throw new Error('there is a peer only beside a real coordinator');
    return this.#peer;
  }

  #idOf(name: string): number {
    const id = this.#begun.get(name);
    if (id === undefined) throw new Error(`nothing has begun ${name}`);
    return id;
  }

  #on(step: Step): Stream {
    const { on = '' } = step;
    const current = this.#real?.streams.at(-1) ?? this.#current;
    const stream = on === '' ? current : this.#streams.get(on);
    if (!stream) throw new Error(`there is no stream ${on}`);
    return stream;
  }

  /** An answer must be `ok`, unless the step has an `error`. */
  #check({ ok = {}, error }: Step, answer: Answered, what: string): void {
    const wanted = error === undefined ? { ok } : { error: reasonOf(error) };
    const found = difference(wanted, answer, this.#captured);
    if (found !== undefined)
      throw new Error(`the answer to ${what}: ${found}, in ${shown(answer)}`);
  }

  async #endpoint(name: string): Promise<Endpoint> {
    const found = this.#endpoints.get(name);
    if (found) return found;
    const endpoint = await Endpoint.start(name, this.#transcript, this.#manner);
    this.#endpoints.set(name, endpoint);
    this.#captured.set(`$${name}`, endpoint.address);
    return endpoint;
  }

  async #connect({ subscribe, handle, ...given }: Json, step: Step = {}): Promise<void> {
    const { endpoints = ['a'], elsewhere = false, ...more } = this.#filled(given) as Json;
    const addresses: string[] = [];
    if (this.#real) addresses.push(this.#real.address);
    else
      for (const name of (endpoints ?? []) as string[])
        addresses.push((await this.#endpoint(name)).address);
    const places = elsewhere === true ? addresses.map(elsewhereOf) : addresses;
    const found = endpoints === null ? {} : { endpoints: places };
    const options = { name: 'lobby-1', role: 'DOWNSTREAM', ...found, ...more };
    const request = {
      do: 'connect',
      options,
      ...(subscribe ? { subscribe } : {}),
      ...(handle ? { handle } : {}),
    };
    const answer = await this.#driver.answer(this.#driver.ask(request), 'connect');
    this.#check(step, answer, 'connect');
  }

  async #accept({ at = 'a', as, authorization }: Accepting, withinMs?: number): Promise<Stream> {
    if (at !== 'any') await this.#endpoint(at);
    const wanted = [...this.#endpoints].filter(([name]) => at === 'any' || name === at);
    const find = (): Stream | undefined => {
      for (const [, endpoint] of wanted) {
        const stream = endpoint.streams[endpoint.accepted];
        if (stream) endpoint.accepted += 1;
        if (stream) return stream;
      }
      return undefined;
    };
    const stream = await this.#transcript.until(find, () => `a stream at ${at}`, withinMs);
    if (authorization !== undefined) {
      const shownByNode = stream.call.headers.authorization;
      const found = difference(authorization, shownByNode, this.#captured, 'authorization');
      if (found !== undefined) throw new Error(found);
    }
    this.#streams.set(stream.name, stream);
    if (as !== undefined) this.#streams.set(as, stream);
    return (this.#current = stream);
  }

  /** Accepts a stream, receives its Hello, welcomes it, and sends the snapshot if it asked for one. */
  async #open(
    { hello = {}, welcome = {}, rows, ...accept }: Json,
    withinMs?: number,
  ): Promise<void> {
    const stream = await this.#accept(accept, withinMs);
    if (rows !== undefined) this.#manner.rows = this.#filled(rows) as unknown[];
    await this.#receive({ hello }, stream, false);
    await this.#welcome(stream, welcome as Json);
  }

  async #welcome(stream: Stream, given: Json): Promise<void> {
    const { hello } = stream;
    const { at, after } = (hello['start'] ?? {}) as Json;
    const more = { cursor: after ?? stream.position, ...(this.#filled(given) as Json) };
    await stream.send([{ welcome: this.#welcomeFor(hello, more) }]);
    if (at === 'START_AT_SNAPSHOT' && !this.#manner.manual.includes('snapshot'))
      await stream.send([stream.snapshot(hello['topics'] as string[])]);
  }

  #welcomeFor(hello: Json, given: Json): Json {
    const outcome = this.#generation === 0 ? 'WELCOME_OUTCOME_NEW' : 'WELCOME_OUTCOME_RESUMED';
    this.#generation += 1;
    return {
      ...WELCOME,
      ...{ generation: this.#generation, outcome, publishSequence: this.#settled },
      nodeName: hello['name'],
      ...given,
    };
  }

  async #receive(value: unknown, stream: Stream, skips: boolean, withinMs?: number): Promise<void> {
    const find = () => stream.take(value, this.#captured, skips);
    const what = (): string => `${stream.name} → ${shown(value)}`;
    const taken = await this.#transcript.until(find, what, withinMs);
    if (typeof taken === 'string') throw new Error(`${stream.name} → ${taken}`);
  }

  async #events(given: Sequences, step: Step): Promise<void> {
    const { from, count, bytes } = 'from' in given ? given : { from: 0, count: 0, bytes: 0 };
    const counted = Array.from({ length: count }, (_, index) => from + index);
    const sequences = 'from' in given ? counted : given;
    const { after, upTo, topic } = step as BatchOptions;
    await this.#on(step).send([batchOf(sequences, { after, upTo, topic, bytes })]);
  }

  /** A player logs in, is granted, and joins. */
  async #player({ id, generation }: { id: string; generation: number }): Promise<void> {
    const player = { xuid: id, name: `Player ${id}` };
    const steps: Step[] = [
      { begin: { do: 'acquire', player }, as: `login of ${id}` },
      { receive: { requestId: `$login${id}`, acquirePlayer: { player: { xuid: id } } } },
      { send: { requestId: `$login${id}`, playerAcquired: { playerId: id, generation } } },
      { answer: `login of ${id}`, ok: { granted: true, generation } },
      { begin: { do: 'joined', player }, as: `join of ${id}` },
      { receive: { requestId: `$join${id}`, reportPlayers: { reports: [{ generation }] } } },
      {
        send: {
          requestId: `$join${id}`,
          playersReported: { results: [{ playerId: id, generation }] },
        },
      },
      { answer: `join of ${id}` },
    ];
    for (const step of steps) await this.#step(step);
  }

  /** The reports behind a join without a grant come in its frame, under generation 0, or after its result. */
  async #joinWithoutGrant(given: Json, stream: Stream): Promise<void> {
    const { requestId, reports, id, generation, server } = given;
    const result = { playerId: id, generation };
    const all = reports as Json[];
    const found = difference({ generation: 0, joined: {} }, all[0], this.#captured);
    if (found !== undefined) throw new Error(found);
    const results = all.map(() => result);
    await stream.send([{ requestId, playersReported: { results } }]);
    if (all.length > 1) {
      const other = difference({ generation: 0, movedTo: server }, all[1], this.#captured);
      if (other !== undefined) throw new Error(other);
      return;
    }
    const moved = { reports: [{ playerId: id, generation, movedTo: server }] };
    await this.#receive({ requestId: '$moved', reportPlayers: moved }, stream, false);
    await this.#step({ send: { requestId: '$moved', playersReported: { results: [result] } } });
  }

  /** The node sends this many events, in order, in as many frames as it likes. Captures the number of the last one. */
  async #published(count: number, stream: Stream, name: string): Promise<void> {
    let next: number | undefined;
    for (let seen = 0; seen < count;) {
      const find = () => stream.take({ publish: {} }, this.#captured);
      const taken = await this.#transcript.until(find, () => `${count} events, ${seen} came`);
      if (typeof taken === 'string') throw new Error(taken);
      const { firstPublishSequence, events } = taken.full['publish'] as Json;
      const first = Number(firstPublishSequence);
      if (next !== undefined && first !== next) throw new Error(`${first} follows ${next - 1}`);
      for (const event of events as Json[]) {
        const text = { payload: { content: { text: `/^${++seen} *$/` } } };
        const found = difference(text, event, this.#captured);
        if (found !== undefined) throw new Error(found);
      }
      next = first + (events as Json[]).length;
    }
    this.#captured.set(name, String((next ?? 0) - 1));
  }

  /** Each case replaces the roster, and then asks for a pick. */
  async #picks(file: string): Promise<void> {
    const stream = this.#on({});
    const topics = ['nodes.*', 'players.*', 'routing', 'kelpie.settings'];
    for (const { name, rows, reserved, request, server } of pickCases(file)) {
      const cursor = Number(rows.at(-1)?.['sequence'] ?? 0);
      await stream.send([{ snapshot: { cursor, topics, rows, complete: true } }]);
      await stream.send([{ nodeLoads: { loads: reserved } }]);
      await this.#step({ flush: null });
      const answer = await this.#driver.answer(this.#driver.ask(request), name);
      this.#check({ ok: { server: server === '' ? null : server } }, answer, name);
    }
  }

  /** The endpoint speaks TLS. Captures the paths of the CA, of a certificate for the client, and of its key. */
  async #tls({ client = false, trusted = true }: Json, at: string): Promise<void> {
    const ca = await TestCa.make();
    const { certificate: cert, key } = await ca.server();
    const own = await ca.client('lobby-1');
    const shownCa = trusted === true ? ca : await TestCa.make();
    const files = { ca: shownCa.certificate, cert: own.certificate, key: own.key };
    for (const [as, text] of Object.entries(files)) await this.#step({ file: text, as });
    const demands = client === true && { ca: ca.certificate, requestCert: true };
    const tls = { cert, key, ...demands };
    const endpoint = await Endpoint.start(at, this.#transcript, this.#manner, tls);
    this.#endpoints.set(at, endpoint);
  }

  async #folder(): Promise<string> {
    return (this.#files ??= await mkdtemp(join(tmpdir(), 'conformance-')));
  }

  async #called(value: Json, step: Step): Promise<void> {
    const endpoint = await this.#endpoint(step.at ?? 'a');
    for (const [method, pattern] of Object.entries(value)) {
      const { authorization = null, ...request } = pattern as Json;
      const find = () => endpoint.called.find((one) => !one.taken && one.method === method);
      const one = await this.#transcript.until(find, () => `a call of ${method}`);
      one.taken = true;
      const found =
        difference(request, one.full, this.#captured) ??
        (authorization === null
          ? undefined
          : difference(authorization, one.authorization, this.#captured, 'authorization'));
      if (found !== undefined) throw new Error(`${method}: ${found}`);
    }
  }

  #checkFrames(): void {
    for (const endpoint of this.#endpoints.values()) {
      if (endpoint.streams.length > endpoint.accepted)
        throw new Error('the node opened a stream that no step accepted');
      for (const { name, frames } of endpoint.streams) {
        const more = frames.find(({ taken, kind }) => !taken && !this.#isFree(kind));
        if (more) throw new Error(`the node sent more on ${name}: ${shown(more.brief)}`);
      }
    }
  }

  #isFree(kind: string): boolean {
    return FREE.includes(kind);
  }
}

/** The same port, at an address of this machine that is no loopback address. */
function elsewhereOf(address: string): string {
  const all = Object.values(networkInterfaces()).flatMap((one) => one ?? []);
  const own = all.find(({ internal, family }) => !internal && family === 'IPv4');
  if (!own) throw new Error('this machine has no address beside loopback');
  return address.replace(/^.*:/, `${own.address}:`);
}

interface Attempts {
  readonly atLeast: number;
  readonly atMost?: number;
  /** The longest time between two of them. */
  readonly withinMs: number;
}

interface Accepting {
  readonly at?: string;
  readonly as?: string;
  /** A pattern of the token that the node shows. */
  readonly authorization?: unknown;
}

/** Sequences of a batch: a list, or a count of them from one on, each with a text of this many bytes. */
type Sequences = readonly number[] | { from: number; count: number; bytes?: number };

interface BatchOptions {
  readonly after?: number | undefined;
  readonly upTo?: unknown;
  readonly topic?: string | undefined;
  readonly bytes?: number | undefined;
}

/** A batch of texts on a topic: the text of an event is its sequence. */
function batchOf(sequences: readonly number[], options: BatchOptions): Json {
  const { topic = 'chat.global', bytes = 0 } = options;
  const { after = (sequences[0] ?? 0) - 1, upTo = sequences.at(-1) } = options;
  const events = sequences.map((sequence) => ({
    ...{ sequence, topic, source: 'lobby-2' },
    messagePublished: { content: { text: String(sequence).padEnd(bytes) } },
  }));
  return { eventBatch: { afterSequence: after, upTo, events } };
}

/** An error is written as its reason, or as a pattern. */
function reasonOf(error: unknown): unknown {
  return typeof error === 'string' ? { reason: error } : error;
}
