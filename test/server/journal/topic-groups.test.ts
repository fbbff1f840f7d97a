import { expect } from 'chai';
import fc from 'fast-check';
import { largest, TopicGroups, type Used } from '../../../server/journal/topic-groups.js';
import { topics } from '../../support/journal/topics.js';

const sum = (groups: TopicGroups) =>
  [...groups.all.values()].reduce((total, { entries }) => total + entries, 0);

describe('the groups of topics', () => {
  it('are named by the first two tokens, for the coordinator’s own topics by the first', () => {
    const groups = new TopicGroups();
    for (const topic of [
      'chat',
      'chat.a',
      'chat.a.b',
      'chat.a.c',
      'players.1',
      'players.2',
      'nodes.a',
    ])
      groups.count(topic, 1, 10);
    groups.count('inbox.a', 1, 5);
    expect(Object.fromEntries(groups.all)).to.deep.equal({
      chat: { entries: 1, bytes: 10 },
      'chat.a': { entries: 1, bytes: 10 },
      'chat.a.*': { entries: 2, bytes: 20 },
      'players.*': { entries: 2, bytes: 20 },
      'nodes.*': { entries: 1, bytes: 10 },
      'inbox.*': { entries: 1, bytes: 5 },
    });
    expect(largest(groups.all)[0]?.topic).to.equal('chat.a.*');
  });

  it('are few, however many topics there are, and name the topics that fill the journal', () => {
    const groups = new TopicGroups();
    for (let at = 0; at < 20_000; at++) groups.count(`arena.${at}`, 1, 10);
    groups.count('chat.global', 1, 10);
    expect(largest(groups.all)[0]).to.deep.equal({
      topic: 'arena.*',
      entries: 19_900,
      bytes: 199_000,
    });
    for (let at = 0; at < 20_000; at++) groups.count(`t${at}.x`, 1, 10);
    expect(groups.all.size).to.be.at.most(1001);
    expect(sum(groups)).to.equal(40_001);
  });

  it('subtract entries from the group that counted them, whatever comes and goes meanwhile', () => {
    const many = fc.oneof(
      topics,
      fc.nat({ max: 300 }).map((at) => `arena.${at}.x`),
      fc.nat({ max: 2000 }).map((at) => `t${at}`),
    );
    fc.assert(
      fc.property(fc.array(many, { maxLength: 3000, size: 'max' }), fc.nat(), (all, keep) => {
        const groups = new TopicGroups();
        const held: string[] = [];
        for (const topic of all) {
          groups.count(topic, 1, topic.length);
          held.push(topic);
          if (held.length > 1 + (keep % all.length)) {
            const oldest = held.shift() ?? '';
            groups.count(oldest, -1, -oldest.length);
          }
          for (const { entries, bytes } of [groups.all.get(topic)].flatMap((one) => one ?? []))
            expect(entries > 0 && bytes > 0).to.equal(true);
        }
        expect(sum(groups)).to.equal(held.length);
        for (const topic of held) groups.count(topic, -1, -topic.length);
        expect(groups.all.size, 'nothing is left, and nothing is owed').to.equal(0);
      }),
      { numRuns: 40 },
    );
  });

  it('are loaded in the form of an older version, and are few from then on', () => {
    const stored = new Map<string, Used>(
      Array.from(
        { length: 5000 },
        (_, at) => [`players.${at}`, { entries: 2, bytes: 20 }] as const,
      ),
    );
    stored.set('chat.global', { entries: 1, bytes: 1 });
    const groups = new TopicGroups();
    const changed = groups.load(stored);
    expect(Object.fromEntries(groups.all)).to.deep.equal({
      'chat.global': { entries: 1, bytes: 1 },
      'players.*': { entries: 10_000, bytes: 100_000 },
    });
    expect(new Set(changed)).to.deep.equal(
      new Set(['players.*', ...[...stored.keys()].filter((name) => name !== 'chat.global')]),
    );
    groups.count('players.17', -2, -20);
    expect(groups.used('players.*').entries).to.equal(9998);
    expect(new TopicGroups().load(groups.all), 'what is stored so stays').to.deep.equal([]);
    // The check of an old directory finds each topic in the group that counted it.
    expect(TopicGroups.stored(stored).nameOf('players.17')).to.equal('players.17');
  });
});
