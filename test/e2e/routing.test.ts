/** Routing rules through a real kelpied: calls, rosters, restarts, and the command line. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Api, apiAt, KelpieError, type RoutingRule } from '../../client/api/index.js';
import { readRules, rulesText } from '../../client/cli/input/rules-file.js';
import { UsageError } from '../../client/cli/output/output.js';
import { connect, type KelpieClient } from '../../client/index.js';
import { runKelpie } from '../support/process/cli.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { rejectionOf, thrownBy } from '../support/thrown.js';
import { until } from '../support/until.js';
import { Wire } from '../support/wire/wire.js';
import { WireNode } from '../support/wire/wire-node.js';

const steve = { xuid: '2535400000000001', name: 'Steve', properties: { rank: 'vip' } };
const DOWNSTREAM = 'NODE_ROLE_DOWNSTREAM';
const lobbies: RoutingRule = {
  name: 'lobbies',
  priority: 5,
  to: { labels: { mode: 'lobby' } },
  limit: 40,
};
const vips: RoutingRule = {
  name: 'vips',
  priority: 10,
  when: { occasions: ['JOIN'], playerProperties: { rank: 'vip' } },
  to: { names: ['lobby-2'] },
};

describe('routing', () => {
  let folder: string;
  let kelpied: Kelpied;
  let wire: Wire;
  let api: Api;
  let gate: WireNode;

  async function begin(): Promise<void> {
    const data = ['--journal', 'file', '--data', join(folder, 'data'), '--drain-seconds', '0'];
    kelpied = await startKelpied(data);
    wire = new Wire(kelpied.endpoint);
    api = apiAt(kelpied.endpoint);
    gate = await WireNode.proxy(wire, 'gate');
    for (const [name, mode] of [
      ['lobby-1', 'lobby'],
      ['lobby-2', 'lobby'],
      ['game-1', 'game'],
    ]) {
      const labels = { mode: mode ?? '' };
      await WireNode.join(wire, name ?? '', { role: DOWNSTREAM, labels });
    }
  }

  async function end(): Promise<void> {
    api.close();
    await wire.leave();
    wire.close();
    await kelpied.stop();
  }

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kelpie-routing-'));
    await begin();
    await gate.bring(steve, 'game-1');
  });
  after(async () => {
    await end();
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => api.routing.set([]));

  /** A client whose roster has all. */
  async function withRoster(options: { readonly rosterFile?: string } = {}): Promise<KelpieClient> {
    const endpoints = [kelpied.endpoint];
    const roster = { players: true };
    const client = connect({ name: 'reader', role: 'SERVICE', endpoints, roster, ...options });
    await client.ready();
    return client;
  }

  it('stores rules, answers them, and stores equal rules once', async () => {
    const { sequence } = await api.routing.set([lobbies, vips]);
    const stored = await api.routing.get();
    expect(stored.rules).to.deep.equal([lobbies, vips]);
    expect(stored.sequence).to.equal(sequence);
    const again = await api.routing.set([lobbies, vips]);
    expect(again.sequence, 'no change, no event').to.equal(sequence);
    const { events } = await api.events.read('routing', { start: 'EARLIEST' });
    expect(events.filter((event) => event.sequence >= sequence)).to.have.length(1);
  });

  it('refuses rules that were made of older ones, and names the sequence of the present ones', async () => {
    const { sequence } = await api.routing.set([lobbies]);
    const outcomes = await Promise.allSettled(
      [vips, { ...vips, limit: 3 }].map((rule) =>
        api.routing.set([rule], { expectedSequence: sequence }),
      ),
    );
    expect(outcomes.map(({ status }) => status).sort()).to.deep.equal(['fulfilled', 'rejected']);
    const set = api.routing.set([], { expectedSequence: sequence });
    const { reason, metadata } = await rejectionOf(KelpieError, set);
    expect(reason).to.equal('SEQUENCE_CONFLICT');
    expect(metadata['sequence']).to.equal(String((await api.routing.get()).sequence));
  });

  it('stores rules of writers who expect nothing, one after the other', async () => {
    const all = Array.from({ length: 40 }, (_, index) => [{ name: `rule-${index}` }]);
    const answers = await Promise.all(all.map((rules) => api.routing.set(rules)));
    expect(new Set(answers.map(({ sequence }) => sequence)).size).to.equal(40);
    expect((await api.routing.get()).rules).to.have.length(1);
  });

  const many = (count: number): string[] =>
    Array.from({ length: count }, (_, index) => `h${index}.org`);
  const refused: [string, RoutingRule[], string, Record<string, string>?][] = [
    ['257 rules', many(257).map((name) => ({ name })), 'ROUTING_INVALID', { field: 'rules' }],
    [
      'rules of more than 64 KiB',
      many(200).map((name) => ({ name, when: { hosts: many(40) } })),
      'ROUTING_INVALID',
      { field: 'rules' },
    ],
    ['a name with a space', [{ name: 'a b' }], 'ROUTING_INVALID', { rule: 'a b', field: 'name' }],
    ['an empty name', [{ name: '' }], 'ROUTING_INVALID', { rule: '', field: 'name' }],
    [
      'two rules of one name',
      [{ name: 'a' }, { name: 'a' }],
      'ROUTING_INVALID',
      { rule: 'a', field: 'name' },
    ],
    [
      'reasons of a fallback for joins alone',
      [{ name: 'a', when: { occasions: ['JOIN'], fallbackReasons: ['TIMEOUT'] } }],
      'ROUTING_INVALID',
      { rule: 'a', field: 'when.fallback_reasons' },
    ],
    [
      'STICKY where the last server is not open',
      [{ name: 'a', strategy: 'STICKY', otherwise: 'STICKY' }],
      'ROUTING_INVALID',
      { rule: 'a', field: 'otherwise' },
    ],
    [
      'another strategy beside one that is not STICKY',
      [{ name: 'a', strategy: 'RANDOM', otherwise: 'RANDOM' }],
      'ROUTING_INVALID',
      { rule: 'a', field: 'otherwise' },
    ],
    ...['a*.org', '*', '*.', 'a b', '', 'x'.repeat(254)].map(
      (host): [string, RoutingRule[], string, Record<string, string>] => [
        `the host "${host.slice(0, 9)}"`,
        [{ name: 'a', when: { hosts: [host] } }],
        'ROUTING_INVALID',
        { rule: 'a', field: 'when.hosts' },
      ],
    ),
    [
      '65 hosts',
      [{ name: 'a', when: { hosts: many(65) } }],
      'ROUTING_INVALID',
      { rule: 'a', field: 'when.hosts' },
    ],
    [
      '9 occasions',
      [{ name: 'a', when: { occasions: Array.from({ length: 9 }, () => 'JOIN' as const) } }],
      'ROUTING_INVALID',
      { rule: 'a', field: 'when.occasions' },
    ],
    ['a label without a name', [{ name: 'a', to: { labels: { '': 'x' } } }], 'LABELS_INVALID'],
    ['a name that no node can have', [{ name: 'a', to: { names: ['a.b'] } }], 'NODE_NAME_INVALID'],
    ['65 names of servers', [{ name: 'a', to: { names: many(65) } }], 'OUT_OF_RANGE'],
  ];
  for (const [what, rules, reason, facts = {}] of refused) {
    it(`refuses ${what} with ${reason}, from SetRouting and from ExplainRouting, and stores nothing`, async () => {
      const { sequence } = await api.routing.get();
      for (const call of [() => api.routing.set(rules), () => api.routing.explain({ rules })]) {
        const error = await rejectionOf(KelpieError, call());
        expect(error.reason, error.message).to.equal(reason);
        expect(error.metadata).to.include(facts);
        if (facts['rule']) expect(error.message).to.contain(facts['rule']);
      }
      expect((await api.routing.get()).sequence).to.equal(sequence);
    });
  }

  it('explains a pick for a player who is online, by their properties and their server', async () => {
    await api.routing.set([lobbies, vips]);
    const player = { xuid: steve.xuid };
    const join_ = await api.routing.explain({ player });
    expect([join_.server, join_.rule, join_.lastResort]).to.deep.equal(['lobby-2', 'vips', false]);
    const stranger = await api.routing.explain({ playerProperties: { rank: 'none' } });
    expect([stranger.server, stranger.rule]).to.deep.equal(['lobby-1', 'lobbies']);
    expect(stranger.rules).to.deep.equal([
      {
        name: 'vips',
        holds: false,
        whyNot: 'the player lacks a property, or it has another value',
        servers: [],
        serversLeftOut: 0,
      },
      {
        name: 'lobbies',
        holds: true,
        whyNot: '',
        servers: [
          { name: 'lobby-1', players: 0, verdict: 'PICKED' },
          { name: 'lobby-2', players: 0, verdict: 'OPEN' },
        ],
        serversLeftOut: 0,
      },
    ]);
    const rules = [{ name: 'anywhere' }];
    const lost = await api.routing.explain({ for: 'fallback', player, rules });
    const verdicts = lost.rules[0]?.servers.map(({ name, verdict }) => `${name} ${verdict}`);
    expect(verdicts).to.deep.equal(['game-1 SOURCE', 'lobby-1 PICKED', 'lobby-2 OPEN']);
    expect(lost.sequence, 'rules of the request').to.equal(0);
    const nobody = await rejectionOf(KelpieError, api.routing.explain({ player: { id: '9' } }));
    expect(nobody.reason).to.equal('PLAYER_NOT_FOUND');
    const long = await rejectionOf(KelpieError, api.routing.explain({ host: 'x'.repeat(254) }));
    expect(long.reason).to.equal('OUT_OF_RANGE');
  });

  it('the roster has the rules and picks as the coordinator does, also while it is away', async () => {
    const rosterFile = join(folder, 'roster');
    const client = await withRoster({ rosterFile });
    await api.routing.set([lobbies, vips]);
    await until(() => client.roster.routing.length === 2);
    expect(client.roster.routing).to.deep.equal([lobbies, vips]);
    expect(client.roster.settings.maintenance).to.equal(false);
    const picks = (of: KelpieClient) => [
      of.roster.pick({ for: 'join', player: steve }),
      of.roster.pick({ for: 'join' }),
      of.roster.pick({ for: 'fallback', player: { xuid: steve.xuid } }),
    ];
    const picked = [
      { server: 'lobby-2', rule: 'vips', lastResort: false },
      { server: 'lobby-1', rule: 'lobbies', lastResort: false },
      { server: 'lobby-1', rule: 'lobbies', lastResort: false },
    ];
    expect(picks(client)).to.deep.equal(picked);
    await client.close();
    const alone = connect({
      ...{ name: 'reader', role: 'SERVICE', rosterFile, roster: { players: true } },
      ...{ endpoints: ['127.0.0.1:1'], logger: { warn: () => undefined } },
    });
    expect(picks(alone), 'from the file').to.deep.equal(picked);
    await alone.close();
  });

  it('a roster without players cannot pick, and refuses options that it does not know', async () => {
    const endpoints = [kelpied.endpoint];
    const without = connect({ name: 'short', role: 'SERVICE', endpoints });
    await without.ready();
    const { reason } = thrownBy(KelpieError, () => without.roster.pick({ for: 'join' }));
    expect(reason).to.equal('ROSTER_WITHOUT_PLAYERS');
    await without.close();
    const client = await withRoster();
    const odd = { for: 'join', plaier: steve } as never;
    expect(thrownBy(KelpieError, () => client.roster.pick(odd)).message).to.contain('"player"');
    const wrong = { for: 'leave' } as never;
    expect(thrownBy(KelpieError, () => client.roster.pick(wrong)).reason).to.equal('VALUE_INVALID');
    await client.close();
  });

  it('ROUND_ROBIN takes one server after the other, and STICKY the server that the player left', async () => {
    const client = await withRoster();
    await api.routing.set([{ ...lobbies, strategy: 'ROUND_ROBIN' }]);
    await until(() => client.roster.routing[0]?.strategy === 'ROUND_ROBIN');
    const round = [1, 2, 3].map(() => client.roster.pick({ for: 'join' })?.server);
    expect(round).to.deep.equal(['lobby-1', 'lobby-2', 'lobby-1']);
    await api.routing.set([{ name: 'back', strategy: 'STICKY' }]);
    await gate.report(steve, { moved_to: 'lobby-2' });
    await gate.report(steve, { moved_to: 'lobby-1' });
    const fallback = { for: 'fallback', player: { xuid: steve.xuid } } as const;
    await until(() => client.roster.pick(fallback)?.rule === 'back');
    await until(() => client.roster.player(steve)?.server === 'lobby-1');
    expect(client.roster.pick(fallback)?.server).to.equal('lobby-2');
    const explained = await api.routing.explain(fallback);
    expect(explained.server, 'the coordinator remembers it too').to.equal('lobby-2');
    await gate.report(steve, { moved_to: 'game-1' });
    await client.close();
  });

  it('survives a restart of the coordinator, also as a table without rules', async () => {
    for (const rules of [[lobbies, vips], []]) {
      const { sequence } = await api.routing.set(rules);
      await end();
      await begin();
      const stored = await api.routing.get();
      expect([stored.rules, stored.sequence]).to.deep.equal([rules, sequence]);
    }
    await gate.bring(steve, 'game-1');
  });

  describe('of kelpie', () => {
    const kelpie = (...args: string[]) => runKelpie(['routing', ...args], kelpied.endpoint);
    const file = (text: string): string => {
      const path = join(folder, 'rules.yaml');
      writeFileSync(path, text);
      return path;
    };
    const RULES = `
rules:
  - name: joins
    priority: 10
    when: {occasions: [JOIN], hosts: ["*.example.org"], playerProperties: {rank: vip}}
    to: {labels: {mode: lobby}}
    strategy: STICKY
    otherwise: ROUND_ROBIN
    limit: 40
  - name: after-a-game
    when: {occasions: [FALLBACK], fallbackReasons: [EXCEPTION, NONE], from: {labels: {mode: game}}}
    to: {names: [lobby-1]}
`;

    it('edits the rules by a file, shows them, and prints a file that it takes again', async () => {
      expect((await kelpie()).output).to.contain('The network has no routing rules');
      const dry = await kelpie('edit', file(RULES), '--dry-run');
      expect(dry.output).to.match(/^RULE +CHANGE\njoins +added\nafter-a-game +added$/);
      expect((await api.routing.get()).rules, 'a dry run').to.deep.equal([]);
      expect(await kelpie('edit', file(RULES))).to.include({ output: dry.output, errors: '' });
      const misspelled = RULES.replace('mode: lobby', 'mode: loby');
      const { code, errors: warning } = await kelpie('edit', file(misspelled), '--dry-run');
      expect({ code, warning }).to.deep.equal({
        code: 0,
        warning:
          'kelpie: rules that no server matches now: joins; kelpie nodes --json shows names and labels\n',
      });
      const shown = await kelpie('show');
      expect(shown.output.split('\n').map((line) => line.replace(/ {2,}/g, ' | '))).to.deep.equal([
        'RULE | PRIORITY | WHEN | TO | STRATEGY | LIMIT',
        'joins | 10 | join and host *.example.org and rank=vip | mode=lobby | sticky, else round-robin | 40',
        'after-a-game | 0 | fallback and reason exception|none and from mode=game | lobby-1 | least-players | -',
      ]);
      const yaml = (await kelpie('show', '--yaml')).output;
      const same = await kelpie('edit', file(yaml));
      expect(same.output).to.equal('The rules are those of the file already.');
      const changed = await kelpie('edit', file(yaml.replace('limit: 40', 'limit: 41')));
      expect(changed.output).to.match(/joins +limit: 40 → 41$/);
      const late = await kelpie('edit', file(yaml));
      expect([late.code, late.errors]).to.deep.equal([
        1,
        'kelpie: another writer changed the routing rules; read them, make the change again, and set them with their new sequence (SEQUENCE_CONFLICT)\n',
      ]);
      expect(JSON.parse((await kelpie('show', '--json')).output)).to.have.nested.property(
        'table.rules[0].limit',
        41,
      );
    });

    it('explains a pick, with the rules of the network or of a file', async () => {
      await api.routing.set([lobbies, vips]);
      const { output } = await kelpie('explain', '--player', 'steve');
      expect(output.split('\n').map((line) => line.replace(/ {2,}/g, ' | '))).to.deep.equal([
        'server | lobby-2',
        'rule | vips',
        '',
        'RULE | HOLDS | SERVER | PLAYERS | VERDICT',
        'vips | yes | lobby-2 | 0 | picked',
        'lobbies | yes | lobby-1 | 0 | open',
        ' | lobby-2 | 0 | open',
      ]);
      const tried = ['--file', file(RULES), '--for', 'fallback', '--reason', 'exception'];
      const json = await kelpie('explain', ...tried, '--from', 'game-1', '--json');
      expect(JSON.parse(json.output)).to.include({ server: 'lobby-1', rule: 'after-a-game' });
      const none = await kelpie('explain', ...tried);
      expect(none.output).to.contain('none: no rule has an open server');
    });

    const wrong: [string, string, RegExp][] = [
      ['no YAML', '{', /rules.yaml cannot be read/],
      ['no rules', 'a: 1', /the file has no field "a"; it has rules, sequence/],
      [
        'a misspelt field',
        'rules: [{nam: a}]',
        /rules\[0\] has no field "nam"; did you mean "name"/,
      ],
      [
        'a misspelt condition',
        'rules: [{name: a, when: {occasion: [JOIN]}}]',
        /rules\[0\]\.when has no field "occasion"; did you mean "occasions"/,
      ],
      [
        'a condition of another name',
        'rules: [{name: a, when: {reasons: [TIMEOUT]}}]',
        /no field "reasons"; it has occasions, fallbackReasons, hosts, playerProperties, from/,
      ],
      [
        'one occasion in place of a list',
        'rules: [{name: a, when: {occasions: JOIN}}]',
        /rules\[0\]\.when\.occasions is "JOIN"; it must be a list/,
      ],
      [
        'a misspelt strategy',
        'rules: [{name: a, strategy: stiky}]',
        /rules\[0\]\.strategy is "stiky"; it must be one of LEAST_PLAYERS, MOST_PLAYERS/,
      ],
      ['a name that is no text', 'rules: [{name: 5}]', /rules\[0\]\.name is 5/],
      ['labels that are no text', 'rules: [{name: a, to: {labels: {x: 1}}}]', /to\.labels\.x is 1/],
    ];
    it('takes the rules of a program as they are', () => {
      const rules = [lobbies, vips];
      expect(readRules(file(JSON.stringify({ rules }))).rules).to.deep.equal(rules);
      expect(readRules(file(rulesText({ rules, sequence: 7 })))).to.deep.equal({
        rules,
        sequence: 7,
      });
    });

    for (const [what, text, message] of wrong) {
      it(`refuses a file with ${what}`, () => {
        expect(() => readRules(file(text))).to.throw(UsageError, message);
      });
    }

    it('ends with 2 for a file that it cannot use', async () => {
      const { code, errors } = await kelpie('edit', file('rules: 5'));
      expect(errors).to.contain('the file has no list "rules"');
      expect(code).to.equal(2);
    });
  });
});
