import { expect } from 'chai';
import fc from 'fast-check';
import { CredentialPreset, Rights, Verb } from '../../../gen/ts/kelpie/v1/access.js';
import { NodeRole } from '../../../gen/ts/kelpie/v1/node.js';
import type { Right } from '../../../server/access/access.js';
import { rightsFor } from '../../../server/access/presets.js';
import { checkRights } from '../../../server/access/rights-check.js';
import {
  describe as inWords,
  GrantedRights,
  rightMissing,
  rightsOf,
} from '../../../server/access/rights.js';
import { KelpieError } from '../../../server/core/errors.js';
import { thrownBy } from '../../support/thrown.js';

function granted(rights: Partial<Rights>): GrantedRights {
  const whole = Rights.fromPartial(rights);
  checkRights(whole);
  return new GrantedRights(whole);
}

function refusalOf(rights: Partial<Rights>): KelpieError {
  return thrownBy(KelpieError, () => checkRights(Rights.fromPartial(rights)));
}

const call = (command: string): Right => ({ kind: 'call', command });
const node = (name: string): Right => ({ kind: 'node', name });
const publish = (topic: string): Right => ({ kind: 'publish', topic });
const read = (pattern: string): Right => ({ kind: 'read', pattern });

describe('rights', () => {
  it('grant nothing that they do not name', () => {
    const none = granted({});
    const everything: Right[] = [
      publish('chat'),
      read('chat'),
      node('lobby-1'),
      { kind: 'role', role: NodeRole.PROXY },
      call('greet'),
      { kind: 'target', node: 'lobby-1' },
      { kind: 'verb', verb: 'KICK' },
    ];
    expect(everything.filter((right) => none.grant(right))).to.deep.equal([]);
  });

  it('to topics do not reach the topics of the coordinator, or inboxes, by a wildcard as first token', () => {
    const all = granted({ publishTopics: ['>', '*.*'], readTopics: ['>', '*', '*.>'] });
    expect(all.grant(publish('chat.global'))).to.equal(true);
    for (const topic of ['state.shop.apples', 'inbox.lobby-1']) {
      expect(all.grant(publish(topic)), topic).to.equal(false);
    }
    for (const pattern of [
      'nodes.*',
      'nodes.>',
      'players.1',
      'state.>',
      'routing',
      'kelpie.audit',
    ]) {
      expect(all.grant(read(pattern)), pattern).to.equal(false);
    }
    expect(all.grant(read('>'))).to.equal(true);
  });

  it('to a pattern cover narrower patterns, and no wider ones', () => {
    const nodes = granted({ readTopics: ['nodes.*', 'chat.eu.>'] });
    for (const narrow of ['nodes.lobby-1', 'nodes.*', 'chat.eu.>', 'chat.eu.*', 'chat.eu.a.b.>']) {
      expect(nodes.grant(read(narrow)), narrow).to.equal(true);
    }
    for (const wide of ['nodes.>', '>', 'chat.>', 'chat.*.a', 'chat.eu', '*.lobby-1', 'nodes']) {
      expect(nodes.grant(read(wide)), wide).to.equal(false);
    }
  });

  it('to all custom commands are no right to a form', () => {
    const custom = granted({ commands: ['*'] });
    expect(custom.grant(call('greet'))).to.equal(true);
    expect(custom.grant(call('run_console_command'))).to.equal(false);
    expect(custom.grant(call('kick_players'))).to.equal(false);
    expect(granted({ commands: ['run_console_command'] }).grant(call('run_console_command'))).to.be
      .true;
  });

  it('to names of nodes match whole names, in any case', () => {
    const names = granted({ nodeNames: ['Lobby-*', 'gate-1', '*-eu-*-test'] });
    for (const name of ['lobby-1', 'LOBBY-', 'gate-1', 'a-eu-b-test', '-eu--test']) {
      expect(names.grant(node(name)), name).to.equal(true);
    }
    for (const name of ['lobby', 'xlobby-1', 'gate-10', 'agate-1', 'a-eu-test', 'a-eu-b-test-2']) {
      expect(names.grant(node(name)), name).to.equal(false);
    }
  });

  it('match names as an expression does, and as fast for hostile patterns', () => {
    const letters = fc
      .string({ unit: fc.constantFrom('a', 'b', '-', '*'), minLength: 1, maxLength: 9 })
      .filter((pattern) => pattern.split('*').length <= 4);
    const names = fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 12 });
    let matched = 0;
    fc.assert(
      fc.property(letters, names, (pattern, name) => {
        const expression = new RegExp(`^${pattern.replaceAll('*', '.*')}$`);
        const is = granted({ nodeNames: [pattern] }).grant(node(name));
        expect(is).to.equal(expression.test(name));
        matched += Number(is);
      }),
      { numRuns: 2000 },
    );
    expect(matched).to.be.above(50);
    // An expression would try each way to share the letters among the wildcards: far beyond the time of a test.
    const hostile = granted({
      nodeNames: Array.from({ length: 32 }, (_, at) => `a*a*${'a'.repeat(40)}*b${at}`),
    });
    expect(hostile.grant(node('a'.repeat(63)))).to.equal(false);
  });

  it('of others are granted only by those who have them', () => {
    const own = granted({
      nodeNames: ['lobby-*'],
      roles: [NodeRole.DOWNSTREAM],
      publishTopics: ['chat.>'],
      readTopics: ['nodes.*'],
      commands: ['*'],
      commandTargets: ['lobby-*'],
      verbs: [Verb.KICK],
    });
    const beyond = (asked: Partial<Rights>): string[] =>
      [...rightsOf(Rights.fromPartial(asked))].filter((one) => !own.grant(one)).map(inWords);
    expect(
      beyond({
        nodeNames: ['lobby-7', 'lobby-*', 'lobby-*-test'],
        publishTopics: ['chat.eu.*'],
        readTopics: ['nodes.lobby-1'],
        commands: ['greet', '*'],
        commandTargets: ['lobby-1'],
        verbs: [Verb.KICK],
      }),
    ).to.deep.equal([]);
    expect(
      beyond({
        nodeNames: ['*', 'lobb*'],
        roles: [NodeRole.PROXY],
        publishTopics: ['>'],
        readTopics: ['nodes.>'],
        commands: ['run_console_command'],
        commandTargets: ['gate-1'],
        verbs: [Verb.DRAIN],
      }),
    ).to.deep.equal([
      'node *',
      'node lobb*',
      'role PROXY',
      'publish >',
      'read nodes.>',
      'call run_console_command',
      'target gate-1',
      'DRAIN',
    ]);
  });

  it('that are missing are named for programs and people', () => {
    const { message, metadata } = rightMissing(read('nodes.*'));
    expect(metadata).to.deep.equal({ right: 'read nodes.*' });
    expect(message).to.include('"read nodes.*"');
  });
});

describe('a check of rights', () => {
  const fields: readonly [string, Partial<Rights>][] = [
    ['node_names', { nodeNames: [''] }],
    ['node_names', { nodeNames: ['lobby.1'] }],
    ['node_names', { nodeNames: ['a'.repeat(64)] }],
    ['node_names', { nodeNames: ['a*b*c*d*'] }],
    ['command_targets', { commandTargets: ['lobby 1'] }],
    ['roles', { roles: [NodeRole.UNSPECIFIED] }],
    ['roles', { roles: [9 as NodeRole] }],
    ['verbs', { verbs: [Verb.UNSPECIFIED] }],
    ['verbs', { verbs: [99 as Verb] }],
    ['commands', { commands: ['greet*'] }],
    ['commands', { commands: [''] }],
    ['publish_topics', { publishTopics: ['chat..x'] }],
    ['publish_topics', { publishTopics: ['nodes.>'] }],
    ['publish_topics', { publishTopics: ['kelpie.audit'] }],
    ['read_topics', { readTopics: ['a.>.b'] }],
    ['read_topics', { readTopics: ['kelpie.>'] }],
    ['read_topics', { readTopics: ['inbox.*'] }],
  ];
  for (const [field, rights] of fields) {
    it(`refuses ${JSON.stringify(rights)}`, () => {
      const { reason, metadata } = refusalOf(rights);
      expect({ reason, metadata }).to.deep.equal({ reason: 'RIGHTS_INVALID', metadata: { field } });
    });
  }

  it('refuses lists, texts and long patterns above their limits', () => {
    const items = (count: number): string[] => Array.from({ length: count }, (_, at) => `c${at}`);
    checkRights(Rights.fromPartial({ commands: items(256) }));
    expect(refusalOf({ commands: items(257) }).metadata).to.deep.equal({
      field: 'commands',
      limit: '256',
    });
    const large = items(256).map((one) => one.padEnd(63, 'x'));
    const half = large.slice(0, 200);
    expect(refusalOf({ commands: large, nodeNames: half }).metadata).to.deep.equal({
      field: 'rights',
      limit: '16384',
    });
    const long = items(9).map((one) => `a.b.c.d.${one}.*`);
    expect(refusalOf({ readTopics: long }).metadata).to.deep.equal({
      field: 'read_topics',
      limit: '8',
    });
    checkRights(Rights.fromPartial({ nodeNames: items(32).map((one) => `${one}*a*b*`) }));
    expect(
      refusalOf({ commandTargets: items(33).map((one) => `${one}-*`) }).metadata,
    ).to.deep.equal({ field: 'command_targets', limit: '32' });
  });

  it('accepts what every preset gives', () => {
    for (const preset of Object.values(CredentialPreset)) {
      checkRights(rightsFor(preset, Rights.create(), 'lobby-1'));
    }
  });
});

describe('a preset', () => {
  const of = (preset: CredentialPreset, given: Partial<Rights> = {}): Rights =>
    rightsFor(preset, Rights.fromPartial(given), 'lobby-1');

  it('of a node names the node of the credential, and a list of names replaces it', () => {
    for (const preset of ['PROXY', 'SERVER', 'SERVICE'] as const) {
      expect(of(CredentialPreset[preset]).nodeNames, preset).to.deep.equal(['lobby-1']);
    }
    const { nodeNames, verbs } = of(CredentialPreset.SERVER, {
      nodeNames: ['game-*'],
      verbs: [Verb.KICK],
    });
    expect(nodeNames).to.deep.equal(['game-*']);
    expect(verbs).to.include.members([Verb.KICK, Verb.TRANSFER]);
  });

  it('of an operator grants every other preset and every verb', () => {
    const operator = new GrantedRights(of(CredentialPreset.OPERATOR));
    for (const preset of Object.values(CredentialPreset)) {
      const missing = [...rightsOf(of(preset))].filter((one) => !operator.grant(one));
      expect(missing.map(inWords)).to.deep.equal([]);
    }
    expect(of(CredentialPreset.OPERATOR).verbs).to.have.length(Object.keys(Verb).length - 1);
  });

  it('of a server holds no players and runs no console; one that only reads changes nothing', () => {
    const server = new GrantedRights(of(CredentialPreset.SERVER));
    expect(server.grant({ kind: 'verb', verb: 'HOLD_PLAYERS' })).to.equal(false);
    expect(server.grant(call('run_console_command'))).to.equal(false);
    expect(server.grant(read('kelpie.audit'))).to.equal(false);
    const reader = of(CredentialPreset.READ_ONLY);
    expect({ ...reader, readTopics: [] }).to.deep.equal(Rights.create());
    expect(reader.readTopics).to.include('players.>').and.not.include('kelpie.audit');
  });

  it('that is unknown is OUT_OF_RANGE', () => {
    const error = thrownBy(KelpieError, () => of(99 as CredentialPreset));
    expect(error.reason).to.equal('OUT_OF_RANGE');
  });
});
