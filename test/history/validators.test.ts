/** Each validator accepts a good history, and finds each way to break its promise in a bad one. */
import { expect } from 'chai';
import { demandLoad, faultsIn, type Promised, validators } from './check.js';
import type { Act, History, Position, Seen, Step } from './steps.js';

const at = (sequence: number, epoch = 'e1', tag = sequence * 7): Position => ({
  epoch,
  sequence,
  tag,
});

/** Steps of clients, one millisecond apart; a number waits so many milliseconds. */
function steps(...items: (readonly [client: string, act: Act] | number)[]): History {
  let atMs = 0;
  const history: Step[] = [];
  for (const item of items) {
    if (typeof item === 'number') atMs += item;
    else history.push({ ...item[1], client: item[0], atMs: (atMs += 1) });
  }
  return history;
}

const hello = (stream: number, more: Partial<Extract<Act, { kind: 'hello' }>> = {}): Act => ({
  ...{ kind: 'hello', stream, instance: 'i1', topics: ['chat.*', 'nodes.*', 'players.*'] },
  start: 'LATEST',
  ...more,
});
const welcome = (stream: number, generation: number, position = at(100), outcome = 'NEW'): Act => ({
  ...{ kind: 'welcome', stream, generation, outcome, coordinator: 'c1', at: position },
  maxSilenceMs: 15_000,
  graceMs: 15_000,
});
const said = (sequence: number, id: string, source = 'w', topic = 'chat.a'): Seen => ({
  ...{ sequence, topic, source, kind: 'messagePublished', id },
});
const node = (sequence: number, name: string, kind: string, reason?: string): Seen => ({
  ...{ sequence, topic: `nodes.${name}`, source: name, kind, node: name },
  ...(reason !== undefined && { reason }),
});
const player = (
  sequence: number,
  kind: string,
  proxy: string,
  generation: number,
  reason?: string,
): Seen => ({
  ...{ sequence, topic: 'players.p', source: proxy, kind, player: { id: 'p', proxy, generation } },
  ...(reason !== undefined && { reason }),
});
const batch = (stream: number, after: number, upTo: number | Position, ...events: Seen[]): Act => ({
  ...{ kind: 'batch', stream, after, upTo: typeof upTo === 'number' ? at(upTo) : upTo, events },
});
const gap = (stream: number, lostAfter: Position, resumesAt: Position, reason: string): Act => ({
  ...{ kind: 'gap', stream, lostAfter, resumesAt, reason },
});
const publish = (id: string, topic = 'chat.a'): Act => ({ kind: 'publish', id, topic });
const published = (id: string, outcome: 'stored' | 'refused' | 'unknown' = 'stored'): Act => ({
  ...{ kind: 'published', id, outcome },
});
const closed = (stream: number, reason = 'UNAVAILABLE'): Act => ({
  kind: 'closed',
  stream,
  reason,
});
const rest: readonly [string, Act] = ['test', { kind: 'rest' }];

/** A reader, a second reader and a writer, with their streams open. */
const opened: (readonly [string, Act])[] = [
  ['r', hello(1)],
  ['r', welcome(1, 98)],
  ['s', hello(2, { instance: 'i2' })],
  ['s', welcome(2, 99)],
  ['w', hello(3, { instance: 'i3', topics: [] })],
  ['w', welcome(3, 100)],
];
/** The writer publishes three events, which are stored. */
const three: (readonly [string, Act])[] = [
  ...['w:1', 'w:2', 'w:3'].map((id) => ['w', publish(id)] as const),
  ['w', { kind: 'publishes', stream: 3, ids: ['w:1', 'w:2', 'w:3'] }],
  ...['w:1', 'w:2', 'w:3'].map((id) => ['w', published(id)] as const),
];
const [one, two, last] = [said(101, 'w:1'), said(102, 'w:2'), said(103, 'w:3')];

function expectFaults(history: History, broken: Promised, text: RegExp): void {
  const faults = validators[broken](history);
  expect(faults.join('\n'), broken).to.match(text);
}

describe('the validators', () => {
  it('find nothing in a good history', () => {
    const history = steps(
      ...opened,
      ...three,
      ['r', batch(1, 100, 102, one, two)],
      ['s', batch(2, 100, 103, one, two, last)],
      ['r', closed(1)],
      ['r', hello(4, { start: at(102) })],
      ['r', welcome(4, 104, at(102), 'RESUMED')],
      ['r', batch(4, 102, 103, last)],
      ['r', { kind: 'handled', pattern: 'chat.*', sequence: 101 }],
      ['r', { kind: 'handled', pattern: 'chat.*', sequence: 102 }],
      ['r', { kind: 'handled', pattern: 'chat.*', sequence: 103 }],
      rest,
      ['r', { kind: 'roster', nodes: ['r', 's', 'w'], players: {} }],
    );
    expect(faultsIn(history)).to.deep.equal({});
  });

  describe('of the total order', () => {
    const faults = (text: RegExp, ...items: (readonly [string, Act])[]): void =>
      expectFaults(steps(...opened, ...three, ...items), 'total order', text);

    it('find two events at one sequence', () =>
      faults(
        /s got w:2.*where another reader got w:1/,
        ...[
          ['r', batch(1, 100, 101, one)] as const,
          ['s', batch(2, 100, 101, { ...two, sequence: 101 })] as const,
        ],
      ));
    it('find two tags at one position', () =>
      faults(
        /tag/,
        ...[
          ['r', batch(1, 100, 101, one)] as const,
          ['s', batch(2, 100, at(101, 'e1', 1), one)] as const,
        ],
      ));
    it('find a batch out of order', () =>
      faults(/101 after 102 in one batch/, ['r', batch(1, 100, 103, two, one)]));
    it('find an event behind the end of its batch', () =>
      faults(/103 in a batch up to 102/, ['r', batch(1, 100, 102, last)]));
    it('find a repetition for a handler', () =>
      faults(
        /handler of r chat\.\* got 101 after 101/,
        ...[
          ['r', { kind: 'handled', pattern: 'chat.*', sequence: 101 }] as const,
          ['r', { kind: 'handled', pattern: 'chat.*', sequence: 101 }] as const,
        ],
      ));
    it('find events of a publisher in another order', () =>
      faults(
        /w:1 is in the journal after w:2/,
        ...[
          ['r', batch(1, 100, 102, { ...two, sequence: 101 }, { ...one, sequence: 102 })] as const,
        ],
      ));
  });

  describe('of the exact resume', () => {
    const faults = (text: RegExp, ...items: (readonly [string, Act] | number)[]): void =>
      expectFaults(steps(...opened, ...three, ...items), 'at least once, with exact resume', text);

    it('find an acknowledged event that is gone', () =>
      faults(
        /w:3 was acknowledged and is gone, without a Gap to r,s/,
        ...[
          ['r', batch(1, 100, 102, one, two)] as const,
          ['s', batch(2, 100, 102, one, two)] as const,
        ],
      ));
    it('accept a loss that a Gap signals to every reader', () => {
      const history = steps(
        ...opened,
        ...three,
        ['r', batch(1, 100, 102, one, two)],
        ['r', gap(1, at(102), at(200, 'e2'), 'EPOCH_CHANGED')],
        ['s', gap(2, at(100), at(200, 'e2'), 'EPOCH_CHANGED')],
      );
      expect(faultsIn(history)).to.deep.equal({});
    });
    it('find a client that comes back after its position', () =>
      faults(
        /r comes back at 103, and was only at 101/,
        ...[
          ['r', batch(1, 100, 101, one)] as const,
          ['r', closed(1)] as const,
          ['r', hello(4, { start: at(103) })] as const,
        ],
      ));
    it('find an invented cursor that is taken', () =>
      faults(
        /without a Gap/,
        ...[
          ['x', hello(4, { instance: 'i4', start: at(102, 'e1', 1) })] as const,
          ['x', welcome(4, 104, at(102, 'e1', 1))] as const,
          ['x', batch(4, 102, 103, last)] as const,
        ],
      ));
    it('find an event that never arrives', () =>
      faults(
        /s rests at 102 and never got 103/,
        ...[
          ['r', batch(1, 100, 103, one, two, last)] as const,
          ['s', batch(2, 100, 102, one, two)] as const,
          6000,
          rest,
        ],
      ));
    it('find an event that no handler got', () =>
      faults(
        /the handler of r for chat\.\* never got 102/,
        ...[
          ['r', batch(1, 100, 102, one, two)] as const,
          ['r', { kind: 'handled', pattern: 'chat.*', sequence: 101 }] as const,
        ],
      ));
  });

  describe('of the gaps', () => {
    const faults = (text: RegExp, ...items: (readonly [string, Act])[]): void =>
      expectFaults(
        steps(...opened, ...three, ['s', batch(2, 100, 103, one, two, last)], ...items),
        'no silent gap',
        text,
      );

    it('find a hole in a batch', () =>
      faults(/r never got 102 on chat\.a, by a batch/, ['r', batch(1, 100, 103, one, last)]));
    it('find a batch that begins too late', () =>
      faults(/was at 100, and a batch began after 101/, ['r', batch(1, 101, 103, two, last)]));
    it('find a renewed cursor that skips', () =>
      faults(/by a renewed/, ['r', { kind: 'renewed', stream: 1, at: at(103) }]));
    it('find a change of topics that skips', () =>
      faults(
        /by a subscribed/,
        ...[
          ['r', { kind: 'subscribes', stream: 1, added: ['x'], removed: [] }] as const,
          ['r', { kind: 'subscribed', stream: 1, at: at(103) }] as const,
        ],
      ));
    it('find an event of removed topics', () =>
      faults(
        /r got 103 on a topic that it does not read/,
        ...[
          ['r', { kind: 'subscribes', stream: 1, added: [], removed: ['chat.*'] }] as const,
          ['r', batch(1, 100, 102, one, two)] as const,
          ['r', { kind: 'subscribed', stream: 1, at: at(102) }] as const,
          ['r', batch(1, 102, 103, last)] as const,
        ],
      ));
    it('find another epoch without a Gap', () =>
      faults(/from epoch e1 to e2 without a Gap/, ['r', batch(1, 100, at(200, 'e2'))]));
    it('find a loss before a Gap', () =>
      faults(
        /never got 101, which lies before its Gap/,
        ...[['r', gap(1, at(102), at(103), 'TRIMMED')] as const],
      ));
  });

  describe('of publishing', () => {
    const faults = (text: RegExp, ...items: (readonly [string, Act])[]): void =>
      expectFaults(steps(...opened, ...three, ...items), 'idempotent publish', text);

    it('find an event that is stored twice', () =>
      faults(
        /w:1 is at 101 and at 102/,
        ...[['r', batch(1, 100, 102, one, { ...one, sequence: 102 })] as const],
      ));
    it('find an event that nobody published', () =>
      faults(/nobody published x:1/, ['r', batch(1, 100, 101, said(101, 'x:1'))]));
    it('find a refused event', () =>
      faults(
        /w:4 was refused, and is at 104/,
        ...[
          ['w', publish('w:4')] as const,
          ['w', published('w:4', 'refused')] as const,
          ['r', batch(1, 100, 104, said(104, 'w:4'))] as const,
        ],
      ));
  });

  describe('of owners', () => {
    const faults = (text: RegExp, ...items: (readonly [string, Act])[]): void =>
      expectFaults(steps(...opened, ...three, ...items), 'one owner', text);

    it('find a generation that runs back', () =>
      faults(
        /w got the generation 90 after 100/,
        ...[
          ['w', hello(4, { instance: 'i3' })] as const,
          ['w', welcome(4, 90, at(103), 'RESUMED')] as const,
        ],
      ));
    it('find an event of an older generation', () =>
      faults(
        /w:2 of w is at 102, and was never sent by the generation 101/,
        ...[
          ['w', hello(4, { instance: 'i3' })] as const,
          ['w', welcome(4, 101, at(101), 'RESUMED')] as const,
          ['r', batch(1, 100, 102, two)] as const,
        ],
      ));
    it('find a name that a living process lost', () =>
      faults(
        /w lost its name while it answered/,
        ...[
          ['w', hello(4, { instance: 'other' })] as const,
          ['w', { kind: 'sends', stream: 3, frame: 'heartbeat' }] as const,
          ['w', welcome(4, 110, at(103), 'REPLACED')] as const,
        ],
      ));
    it('accept that a process that sends nothing for long loses its name', () => {
      const history = steps(
        ...opened,
        ['w', hello(4, { instance: 'other' })],
        3000,
        ['w', welcome(4, 110, at(103), 'REPLACED')],
        ['w', closed(3, 'SESSION_REPLACED')],
      );
      expect(validators['one owner'](history)).to.deep.equal([]);
    });
    it('accept that a process on a coordinator that stands still loses its name', () => {
      const history = steps(
        ...opened,
        6000,
        ['w', hello(4, { instance: 'other' })],
        ['w', { kind: 'sends', stream: 3, frame: 'heartbeat' }],
        ['w', welcome(4, 110, at(103), 'REPLACED')],
      );
      expect(validators['one owner'](history)).to.deep.equal([]);
    });
    it('accept that a process without a stream loses its name', () => {
      const history = steps(
        ...opened,
        ['w', { kind: 'sends', stream: 3, frame: 'heartbeat' }],
        ['w', closed(3)],
        ['w', hello(4, { instance: 'other' })],
        ['w', welcome(4, 110, at(103), 'REPLACED')],
      );
      expect(validators['one owner'](history)).to.deep.equal([]);
    });
    it('find one grant for two proxies', () =>
      faults(
        /r and s both got p 105/,
        ...[
          ['r', { kind: 'acquired', player: 'p', generation: 105 }] as const,
          ['s', { kind: 'acquired', player: 'p', generation: 105 }] as const,
        ],
      ));
    it('find a report of an older login', () =>
      faults(
        /playerMoved at 107 under a generation that has ended/,
        ...[
          [
            'r',
            batch(
              1,
              100,
              107,
              ...[
                player(105, 'playerJoined', 's', 104),
                player(106, 'playerJoined', 'w', 106),
                player(107, 'playerMoved', 's', 104),
              ],
            ),
          ] as const,
        ],
      ));
    it('find a player who changes the proxy without a grant', () =>
      faults(
        /p changed from s to w without a grant/,
        ...[
          [
            'r',
            batch(
              1,
              100,
              106,
              ...[player(105, 'playerJoined', 's', 104), player(106, 'playerMoved', 'w', 104)],
            ),
          ] as const,
        ],
      ));
  });

  describe('of commands', () => {
    const issue: readonly [string, Act] = [
      'r',
      { kind: 'issue', command: 'c', targets: ['s', 'w'], timeoutMs: 1000 },
    ];
    const executes = (client: string) => [client, { kind: 'executes', command: 'c' }] as const;
    const reply = (name: string, text = `c by ${name}`) =>
      ['r', { kind: 'result', command: 'c', node: name, reply: text }] as const;
    const failed = (name: string, reason: string) =>
      ['r', { kind: 'result', command: 'c', node: name, reason }] as const;
    const ended: readonly [string, Act] = ['r', { kind: 'ended', command: 'c' }];
    const faults = (text: RegExp, ...items: (readonly [string, Act] | number)[]): void =>
      expectFaults(steps(...opened, ...items), 'commands end once', text);

    it('accept a reply and a known failure', () => {
      const history = steps(
        ...opened,
        ...[issue, executes('s'), reply('s'), failed('w', 'NOT_DELIVERED'), ended],
      );
      expect(faultsIn(history)).to.deep.equal({});
    });
    it('find a command that never ends', () => faults(/c never ended/, issue, 12_000, rest));
    it('find a command that ends late', () => faults(/c ended \d+ ms late/, issue, 12_000, ended));
    it('accept what is late because the run itself stood still', () => {
      const history = steps(
        ...opened,
        ...[issue, 12_000, ['test', { kind: 'stalled', ms: 11_900 }] as const],
        ...[executes('s'), reply('s'), ended],
      );
      expect(faultsIn(history)).to.deep.equal({});
    });
    it('find a command that ends late although the run had stood still before', () =>
      faults(
        /c ended \d+ ms late/,
        ...[['test', { kind: 'stalled', ms: 11_900 }] as const, issue, 14_000, ended],
      ));
    it('find a command that ends twice', () => faults(/ended 2 times/, issue, ended, ended));
    it('find a second execution', () =>
      faults(/s executed c more than once/, issue, executes('s'), executes('s'), ended));
    it('find an execution after the deadline', () =>
      faults(/s executed c after its deadline/, issue, ended, 12_000, executes('s')));
    it('find an execution by another node', () =>
      faults(/r executed c of others/, issue, executes('r'), ended));
    it('find two results of a node', () =>
      faults(/several results of s/, issue, executes('s'), reply('s'), reply('s'), ended));
    it('find NOT_DELIVERED for an executed command', () =>
      faults(
        /NOT_DELIVERED, and s executed it/,
        issue,
        executes('s'),
        failed('s', 'NOT_DELIVERED'),
        ended,
      ));
    it('find a reply that the node never gave', () =>
      faults(/a reply that w never gave/, issue, executes('w'), reply('w', 'other'), ended));
  });

  describe('of presence', () => {
    const faults = (text: RegExp, ...items: (readonly [string, Act] | number)[]): void =>
      expectFaults(steps(...opened, ...items), 'presence is true', text);

    it('find the leave of a node that is there', () =>
      faults(/w was there, and left as LOST/, [
        'r',
        batch(1, 100, 105, node(105, 'w', 'nodeLeft', 'LOST')),
      ]));
    it('accept the leave of a node that left', () => {
      const history = steps(
        ...opened,
        ['w', { kind: 'leaves' }],
        ['r', batch(1, 100, 105, node(105, 'w', 'nodeLeft', 'STOPPED'))],
        rest,
        ['r', { kind: 'roster', nodes: ['r', 's'], players: {} }],
      );
      expect(validators['presence is true'](history)).to.deep.equal([]);
    });
    it('find a node that leaves twice', () =>
      faults(
        /w left twice/,
        ...[
          ['w', { kind: 'leaves' }] as const,
          [
            'r',
            batch(
              1,
              100,
              106,
              ...[105, 106].map((sequence) => node(sequence, 'w', 'nodeLeft', 'STOPPED')),
            ),
          ] as const,
        ],
      ));
    it('find a node that vanished and stays', () =>
      faults(
        /w vanished, and did not leave in time/,
        ...[
          ['r', batch(1, 100, 104, node(104, 'w', 'nodeJoined'))] as const,
          ['w', { kind: 'vanishes' }] as const,
          60_000,
          rest,
        ],
      ));
    it('accept a leave that comes late because the run itself stood still', () => {
      const history = steps(
        ...opened,
        ['r', batch(1, 100, 104, node(104, 'w', 'nodeJoined'))],
        ['w', { kind: 'vanishes' }],
        ...[60_000, ['test', { kind: 'stalled', ms: 55_000 }] as const],
        rest,
      );
      expect(validators['presence is true'](history)).to.deep.equal([]);
    });
    it('accept that nodes are lost after the run itself stood still', () => {
      const history = steps(
        ...opened,
        ...[20_000, ['test', { kind: 'stalled', ms: 19_900 }] as const],
        ['r', batch(1, 100, 105, node(105, 'w', 'nodeLeft', 'LOST'))],
      );
      expect(validators['presence is true'](history)).to.deep.equal([]);
    });
    it('find the leave of a node after the run itself stood still for a moment', () =>
      faults(
        /w was there, and left as LOST/,
        ...[10_000, ['test', { kind: 'stalled', ms: 9900 }] as const],
        ['r', batch(1, 100, 105, node(105, 'w', 'nodeLeft', 'LOST'))],
      ));
    it('find the leave of a player who is there', () =>
      faults(
        /p was on s, and left as PROXY_LOST/,
        ...[
          ['s', { kind: 'acquire', player: 'p' }] as const,
          ['s', { kind: 'acquired', player: 'p', generation: 104 }] as const,
          ['r', batch(1, 100, 106, player(106, 'playerLeft', 's', 104, 'PROXY_LOST'))] as const,
        ],
      ));
    it('accept the leave of a player who logged in elsewhere', () => {
      const history = steps(
        ...opened,
        ['s', { kind: 'acquire', player: 'p' }],
        ['s', { kind: 'acquired', player: 'p', generation: 104 }],
        ['w', { kind: 'acquire', player: 'p' }],
        ['r', batch(1, 100, 106, player(106, 'playerLeft', 's', 104, 'REPLACED'))],
      );
      expect(validators['presence is true'](history)).to.deep.equal([]);
    });
    it('find a roster with somebody who is gone, and without somebody who is there', () =>
      faults(
        /r shows at rest \+x, -s, -p on w/,
        ...[
          ['w', { kind: 'joins', player: 'p' }] as const,
          rest,
          ['r', { kind: 'roster', nodes: ['r', 'w', 'x'], players: {} }] as const,
        ],
      ));
  });

  describe('of epochs', () => {
    const faults = (text: RegExp, ...items: (readonly [string, Act])[]): void =>
      expectFaults(steps(...opened, ...items), 'epochs never run back', text);

    it('find an epoch that begins below the one before', () =>
      faults(
        /epoch e2 begins at 50, and e1 went up to 103/,
        ...[
          ['r', batch(1, 100, 103)] as const,
          ['r', gap(1, at(103), at(50, 'e2'), 'EPOCH_CHANGED')] as const,
        ],
      ));
    it('find a return to an older epoch', () =>
      faults(
        /r is back in epoch e1/,
        ...[
          ['r', gap(1, at(100), at(200, 'e2'), 'EPOCH_CHANGED')] as const,
          ['r', batch(1, 200, at(103))] as const,
        ],
      ));
  });

  it('judge a history anew that goes on after a judgement', () => {
    const all = steps(...opened, ...three, ['r', batch(1, 100, 103, one, two, last)]);
    const history = all.slice(0, opened.length);
    expect(faultsIn(history)).to.deep.equal({});
    history.push(...all.slice(opened.length));
    expect(faultsIn(history)).to.deep.equal({});
  });

  it('call a run void whose load was below the floor', () => {
    const history = steps(...opened, ...three, ['test', { kind: 'fault', what: 'a kill' }]);
    const floor = { publishesPerSecond: 1, streams: 3, players: 0 };
    expect(demandLoad(history, floor)).to.deep.equal(floor);
    expect(() => demandLoad(history, { ...floor, streams: 4 })).to.throw(
      'the run is void: streams',
    );
  });
});
