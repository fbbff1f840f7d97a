import { expect } from 'chai';
import fc from 'fast-check';
import * as client from '../../../client/events/topic.js';
import { KelpieError as ClientError } from '../../../client/errors.js';
import { KelpieError } from '../../../server/core/errors.js';
import {
  checkPattern,
  checkTopic,
  inboxOf,
  isUnder,
  matches,
  reaches,
  topicOfKey,
} from '../../../server/topics/topic.js';
import { TopicFilter } from '../../../server/topics/filter.js';
import { nameOf, namesOf } from '../../../server/topics/names.js';
import { patterns, topics } from '../../support/journal/topics.js';
import { thrownBy } from '../../support/thrown.js';

const reserved = ['nodes', 'players', 'state', 'routing', 'kelpie'];
const bytes255 = 'a'.repeat(255);
const tokens16 = Array.from({ length: 16 }, () => 'a').join('.');

function refusalOf(run: () => void): KelpieError {
  return thrownBy(KelpieError, run);
}

describe('a topic', () => {
  for (const topic of ['chat', 'chat.global', 'A-Z_0.9.-', 'chat.nodes', 'inbox.lobby-1']) {
    it(`may be "${topic}"`, () => {
      expect(() => checkTopic(topic)).to.not.throw();
    });
  }

  for (const topic of [
    '',
    '.',
    'chat.',
    '.chat',
    'chat..global',
    'chat global',
    'chät',
    'a/b',
    'a\n',
  ]) {
    it(`may not be ${JSON.stringify(topic)}`, () => {
      const { reason, metadata } = refusalOf(() => checkTopic(topic));
      expect({ reason, metadata }).to.deep.equal({ reason: 'TOPIC_INVALID', metadata: { topic } });
    });
  }

  for (const topic of ['*', '>', 'chat.*', 'chat.>', '*.global', 'chat.a*']) {
    it(`may have no wildcards: "${topic}"`, () => {
      expect(refusalOf(() => checkTopic(topic)).reason).to.equal('TOPIC_INVALID');
      const { reason, message } = thrownBy(ClientError, () => client.checkTopic(topic));
      expect(reason).to.equal('TOPIC_INVALID');
      expect(message).to.include('a publish has no wildcards');
    });
  }

  for (const first of reserved) {
    it(`is the coordinator's own if it begins with "${first}"`, () => {
      for (const topic of [first, `${first}.a`, `${first}.a.b`]) {
        const { reason, metadata } = refusalOf(() => checkTopic(topic));
        expect({ reason, metadata }).to.deep.equal({
          reason: 'TOPIC_RESERVED',
          metadata: { topic },
        });
      }
      for (const topic of [`${first}s`, first.toUpperCase(), `a.${first}`]) {
        expect(() => checkTopic(topic)).to.not.throw();
      }
    });
  }

  it('is an inbox only with exactly one node', () => {
    expect(() => checkTopic(inboxOf('lobby-1'))).to.not.throw();
    for (const topic of ['inbox', 'inbox.a.b']) {
      expect(refusalOf(() => checkTopic(topic)).reason).to.equal('TOPIC_INVALID');
    }
  });

  it('of a row is named like the key of the row', () => {
    expect(topicOfKey('nodes/lobby-1')).to.equal('nodes.lobby-1');
    expect(topicOfKey('state/shop/apples')).to.equal('state.shop.apples');
    expect(topicOfKey('routing')).to.equal('routing');
  });
});

describe('a pattern', () => {
  for (const pattern of [
    '>',
    '*',
    'chat.>',
    '*.*',
    'chat.*.x',
    '*.>',
    'nodes.>',
    'nodes.*',
    'state.a.>',
  ]) {
    it(`may be "${pattern}"`, () => {
      expect(() => checkPattern(pattern)).to.not.throw();
    });
  }

  for (const pattern of ['', 'a..b', '>.a', 'a.>.b', 'a*', 'a.>>', 'a.**', 'a b', 'chat.ä']) {
    it(`may not be ${JSON.stringify(pattern)}`, () => {
      const { reason, metadata } = refusalOf(() => checkPattern(pattern));
      expect({ reason, metadata }).to.deep.equal({
        reason: 'TOPIC_INVALID',
        metadata: { topic: pattern },
      });
    });
  }

  for (const pattern of [
    'inbox',
    'inbox.*',
    'inbox.>',
    'inbox.lobby-1',
    'kelpie',
    'kelpie.>',
    'kelpie.sessions',
  ]) {
    it(`is reserved: "${pattern}"`, () => {
      const { reason, metadata } = refusalOf(() => checkPattern(pattern));
      expect({ reason, metadata }).to.deep.equal({
        reason: 'TOPIC_RESERVED',
        metadata: { topic: pattern },
      });
    });
  }

  it('passes the client’s check if and only if it passes the coordinator’s', () => {
    const text = fc.oneof(
      patterns,
      fc.string({ unit: fc.constantFrom('a', '.', '*', '>', '-', ' ', 'é'), maxLength: 8 }),
    );
    fc.assert(
      fc.property(text, (pattern) => {
        const [ours] = reasonsOf(() => checkPattern(pattern));
        const [theirs] = reasonsOf(() => client.checkPattern(pattern, 'lobby-1'));
        // A node gets its own inbox without a pattern, but the client has a pattern of it for its handlers.
        const own = ['inbox.lobby-1', 'inbox.*', 'inbox.>'].includes(pattern.toLowerCase());
        if (!own) expect(theirs).to.equal(ours);
      }),
    );
  });

  it('as a topic gets the same answer from the client and from the coordinator', () => {
    const tokens = fc.constantFrom(
      'nodes',
      'inbox',
      'kelpie',
      'Chat',
      'a',
      '*',
      '>',
      '',
      'é',
      'a'.repeat(300),
    );
    const text = fc.array(tokens, { maxLength: 18 }).map((all) => all.join('.'));
    fc.assert(
      fc.property(fc.oneof(text, topics), (topic) => {
        const judged = reasonsOf(() => client.checkTopic(topic));
        expect(judged).to.deep.equal(reasonsOf(() => checkTopic(topic)));
      }),
      { numRuns: 1000 },
    );
  });
});

function reasonsOf(run: () => void): string[] {
  try {
    run();
    return [];
  } catch (error) {
    if (error instanceof KelpieError || error instanceof ClientError) return [error.reason];
    throw error;
  }
}

for (const [kind, check] of [
  ['a topic', checkTopic],
  ['a pattern', checkPattern],
] as const) {
  describe(`the limits of ${kind}`, () => {
    it('are 255 bytes', () => {
      expect(() => check(bytes255)).to.not.throw();
      const { reason, metadata } = refusalOf(() => check(`${bytes255}a`));
      expect(reason).to.equal('TOPIC_INVALID');
      expect(metadata['limit']).to.equal('255');
      expect(`${bytes255}a`).to.include(metadata['topic']);
    });

    it('count bytes, not letters', () => {
      // The coordinator refuses this letter anyway; `limit` in the metadata shows that the length was the reason.
      const { metadata } = refusalOf(() => check('ä'.repeat(128)));
      expect(metadata['limit']).to.equal('255');
    });

    it('are 16 tokens', () => {
      expect(() => check(tokens16)).to.not.throw();
      const { reason, metadata } = refusalOf(() => check(`${tokens16}.a`));
      expect({ reason, metadata }).to.deep.equal({
        reason: 'TOPIC_INVALID',
        metadata: { topic: `${tokens16}.a`, limit: '16' },
      });
    });
  });
}

describe('matching', () => {
  const table: Record<string, { yes: string[]; no: string[] }> = {
    'chat.global': {
      yes: ['chat.global'],
      no: ['chat', 'chat.local', 'chat.global.a', 'Chat.global'],
    },
    'chat.*': { yes: ['chat.global', 'chat.a'], no: ['chat', 'chat.a.b', 'x.chat'] },
    '*.global': {
      yes: ['chat.global'],
      no: ['global', 'chat.a.global', 'nodes.global', 'inbox.global'],
    },
    '*.*': {
      yes: ['a.b'],
      no: ['a', 'a.b.c', 'nodes.a', 'players.a', 'state.a', 'kelpie.sessions'],
    },
    'chat.>': { yes: ['chat.a', 'chat.a.b'], no: ['chat', 'chats.a'] },
    'chat.*.>': { yes: ['chat.a.b', 'chat.a.b.c'], no: ['chat', 'chat.a'] },
    '>': {
      yes: ['a', 'a.b', 'a.nodes'],
      no: ['nodes', 'nodes.a', 'routing', 'inbox.a', 'kelpie.a'],
    },
    '*': { yes: ['a'], no: ['routing', 'nodes', 'a.b'] },
    'nodes.>': { yes: ['nodes.a'], no: ['nodes', 'players.a'] },
    'nodes.*': { yes: ['nodes.lobby-1'], no: ['nodes.a.b', 'state.a'] },
    'state.*.x': { yes: ['state.a.x'], no: ['state.a.y', 'state.x'] },
    routing: { yes: ['routing'], no: ['routing.a'] },
  };
  for (const [pattern, { yes, no }] of Object.entries(table)) {
    it(`of "${pattern}" follows the table`, () => {
      expect(yes.filter((topic) => !matches(pattern, topic))).to.be.empty;
      expect(no.filter((topic) => matches(pattern, topic))).to.be.empty;
    });
  }

  it('follows the pattern as a regular expression, except for closed first tokens', () => {
    fc.assert(
      fc.property(patterns, topics, (pattern, topic) => {
        const [first = ''] = topic.split('.');
        const closed = [...reserved, 'inbox'].includes(first) && !pattern.startsWith(first);
        const source = pattern.replaceAll('.', '\\.').replaceAll('*', '[^.]+').replace(/>$/, '.+');
        expect(matches(pattern, topic)).to.equal(!closed && new RegExp(`^${source}$`).test(topic));
      }),
      { numRuns: 1000 },
    );
  });

  it('is the same for the client and the coordinator', () => {
    fc.assert(
      fc.property(patterns, topics, (pattern, topic) => {
        expect(client.matches(pattern, topic)).to.equal(matches(pattern, topic));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a filter', () => {
  it('matches a topic if one of its patterns does', () => {
    const filter = new TopicFilter(['chat.*', 'nodes.>']);
    expect(['chat.a', 'nodes.a', 'chat.a'].every((topic) => filter.matches(topic))).to.equal(true);
    expect(['shop.a', 'chat', 'inbox.a'].some((topic) => filter.matches(topic))).to.equal(false);
  });

  it('matches its own inbox without a pattern, and no other inbox', () => {
    const filter = new TopicFilter(['>'], { inbox: inboxOf('lobby-1') });
    expect(filter.matches('inbox.lobby-1')).to.equal(true);
    expect(filter.matches('inbox.lobby-2')).to.equal(false);
    expect(new TopicFilter(['>']).matches('inbox.lobby-1')).to.equal(false);
  });

  it('stays right for more topics than it keeps in memory', () => {
    const filter = new TopicFilter(['chat.*']);
    for (let index = 0; index < 5000; index++) {
      expect(filter.matches(`chat.t${index}`)).to.equal(true);
      expect(filter.matches(`shop.t${index}`)).to.equal(false);
    }
    expect(filter.matches('chat.t0')).to.equal(true);
    expect(filter.matches('shop.t0')).to.equal(false);
  });

  it('makes a filter with other patterns, and does not change itself', () => {
    const before = new TopicFilter(['a', 'b'], { inbox: inboxOf('lobby-1') });
    const after = before.with(['c', 'a'], ['b', 'never-there']);
    expect([...after.patterns]).to.have.members(['a', 'c']);
    expect(after.matches('b')).to.equal(false);
    expect(after.matches('inbox.lobby-1')).to.equal(true);
    expect([...before.patterns]).to.have.members(['a', 'b']);
    expect(before.matches('c')).to.equal(false);
  });

  it('keeps a pattern that one call both removes and adds', () => {
    expect([...new TopicFilter(['a']).with(['a'], ['a']).patterns]).to.deep.equal(['a']);
  });

  it('lists its patterns that can match resources', () => {
    const filter = new TopicFilter(['chat.*', 'nodes.*', '>', '*.a', 'state.>', 'routing']);
    expect(filter.resourcePatterns()).to.deep.equal(['nodes.*', 'state.>', 'routing']);
  });
});

describe('the names of a topic', () => {
  it('include the name of every matching pattern, and of no other short pattern', () => {
    fc.assert(
      fc.property(patterns, topics, (pattern, topic) => {
        const found = namesOf(topic).includes(nameOf(pattern));
        if (matches(pattern, topic)) expect(found).to.equal(true);
        else if (nameOf(pattern) === pattern) expect(found).to.equal(false);
      }),
      { numRuns: 2000 },
    );
  });

  it('are at most 32, whatever the topic', () => {
    fc.assert(
      fc.property(topics, (topic) => {
        const names = namesOf(topic);
        expect(names.length).to.be.at.most(32);
        expect(new Set(names).size).to.equal(names.length);
        expect(names[0]).to.equal(topic);
      }),
    );
    const deep = Array.from({ length: 16 }, (_, at) => `t${at}`).join('.');
    expect(namesOf(deep)).to.have.length(32);
  });

  it('let a filter match a topic if and only if one of its patterns matches', () => {
    fc.assert(
      fc.property(fc.uniqueArray(patterns), topics, (many, topic) => {
        const matching = many.some((pattern) => matches(pattern, topic));
        expect(new TopicFilter(many).matches(topic)).to.equal(matching);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a topic with all topics below it', () => {
  it('includes topics that begin with its tokens, not with its letters', () => {
    for (const topic of ['chat', 'chat.a', 'chat.a.b'])
      expect(isUnder(topic, 'chat')).to.equal(true);
    for (const topic of ['chats', 'cha', 'a.chat']) expect(isUnder(topic, 'chat')).to.equal(false);
  });

  it('is reached by the patterns that match one of these topics', () => {
    const prefixes = ['chat', 'chat.a', 'inbox.lobby-1'];
    const reaching: Record<string, readonly string[]> = {
      '>': ['chat', 'chat.a'],
      '*': ['chat'],
      '*.*': ['chat', 'chat.a'],
      chat: ['chat'],
      'chat.>': ['chat', 'chat.a'],
      'chat.*.x': ['chat', 'chat.a'],
      'chat.b.>': ['chat'],
      'shop.>': [],
      '*.b.x': ['chat'],
      'inbox.lobby-1': ['inbox.lobby-1'],
    };
    for (const [pattern, wanted] of Object.entries(reaching)) {
      const reached = prefixes.filter((prefix) => reaches(pattern, prefix));
      expect(reached, pattern).to.deep.equal(wanted);
    }
  });
});
