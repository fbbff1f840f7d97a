/** A terminal that shows texts of peers does not obey them, and peers cannot forge lines. */
import { expect } from 'chai';
import { type Kelpie, startKelpie } from '../support/process/cli.js';
import { hostileStrings } from '../support/hostile/hostile.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { unprintableLines } from '../support/process/printed.js';
import { startStandIn } from '../support/wire/stand-in.js';
import { say } from '../support/wire/frames.js';
import { Wire } from '../support/wire/wire.js';
import { WireNode } from '../support/wire/wire-node.js';

/** The texts that a message can carry, and that fit into 128 bytes. */
const strings = Object.values(hostileStrings).filter(
  (text) => text !== '' && text.isWellFormed() && Buffer.byteLength(text) <= 128,
);
// eslint-disable-next-line no-control-regex -- the tests need control characters
const withoutControls = strings.filter((text) => !/[\u0000-\u001f\u007f-\u009f]/.test(text));
const numbered = (texts: readonly string[]): Record<string, string> =>
  Object.fromEntries(texts.map((text, index) => [`of-${index}`, text]));
/** The texts as keys, which have no NUL and at most 63 bytes. */
const keyed = Object.fromEntries(
  strings.filter((text) => Buffer.byteLength(text) <= 63).map((text) => [text, text]),
);

const all = strings.join('');
const player = {
  xuid: '2535400000000001',
  name: '\u202eSteve\u200b',
  properties: numbered(strings),
};

describe('A terminal', () => {
  let kelpied: Kelpied;
  let wire: Wire;
  const following: Kelpie[] = [];

  before(async () => {
    kelpied = await startKelpied(['--drain-seconds', '0', '--log-format', 'pretty']);
    wire = new Wire(kelpied.endpoint);
    const proxy = await WireNode.join(
      wire,
      'gate',
      {
        role: 'NODE_ROLE_PROXY',
        commands: [
          ...['kick_players', 'show_message', 'transfer_player'],
          ...['run_console_command', 'odd'],
        ],
      },
      (command) => {
        if (command.run_console_command?.line === 'list') {
          return { console: { success: true, lines: strings } };
        }
        return command.custom ? { custom: { text: all } } : all;
      },
    );
    for (const [index, name] of withoutControls.entries()) {
      await proxy.bring({ xuid: String(1000 + index), name });
    }
    for (const [index, text] of strings.entries()) {
      await wire.join(`lobby-${index}`, {
        role: 'NODE_ROLE_DOWNSTREAM',
        address: { host: text, port: 19132 },
        labels: index === 0 ? keyed : { text },
        ...{ motd: text, software: text, version: text, display_name: text },
      });
    }
    await proxy.bring(player, 'lobby-0');
    const events = [
      ...strings.map((text) => say('chat.global', text)),
      say('chat.global', 'the end'),
    ];
    await wire.call('EventService.PublishEvents', { events });
  });
  afterEach(() => Promise.all(following.splice(0).map((kelpie) => kelpie.stop())));
  after(async () => {
    await wire.leave();
    wire.close();
    await kelpied.stop();
  });

  const unharmed = ({ output, errors }: { output: string; errors: string }): void => {
    expect(unprintableLines(output)).to.deep.equal([]);
    expect(unprintableLines(errors)).to.deep.equal([]);
  };
  /** Runs kelpie to its end, and returns its printed lines. */
  const kelpieAt = async (endpoint: string, ...args: string[]) => {
    const started = startKelpie(args, endpoint);
    await started.ended;
    const left = { output: started.output(), errors: started.errors() };
    unharmed(left);
    return { ...left, lines: left.output.trimEnd().split('\n') };
  };
  const kelpie = (...args: string[]) => kelpieAt(kelpied.endpoint, ...args);
  const followed = async (...args: string[]) => {
    const started = startKelpie(args, kelpied.endpoint);
    following.push(started);
    await started.line(/the end/);
    unharmed({ output: started.output(), errors: started.errors() });
    return started.output().trimEnd().split('\n');
  };

  it('shows chat on a line for each message, as it was written', async () => {
    const lines = await followed('tail', 'chat.>', '--all');
    expect(lines).to.have.length(strings.length + 1);
    for (const shown of [
      'A\\u001b[2JB',
      'A\\u009b2JB',
      '\\u001b]52;c;',
      'abc\\u202egpj.exe',
      'one\\nadmin-1',
    ])
      expect(lines.join('\n')).to.include(shown);
  });

  it('shows chat as the same JSON', async () => {
    const lines = await followed('tail', 'chat.>', '--all', '--json');
    const texts = lines.map(
      (line) =>
        (JSON.parse(line) as { messagePublished: { content: { text: string } } }).messagePublished
          .content.text,
    );
    expect(texts).to.deep.equal([...strings, 'the end']);
  });

  it('shows nodes in a table with a line for each, and as the same JSON', async () => {
    const { lines, output } = await kelpie('nodes');
    expect(lines).to.have.length(strings.length + 2);
    expect(output).to.include('A\\u009b2JB:19132').and.include('abc\\u202egpj.exe');
    const json = (await kelpie('nodes', '--json')).lines.map(
      (line) => JSON.parse(line) as { motd?: string },
    );
    expect(json.map(({ motd }) => motd)).to.have.members(['', ...strings]);
  });

  it('shows players in a table with a line for each, and as the same JSON', async () => {
    const { lines, output } = await kelpie('players');
    expect(lines).to.have.length(withoutControls.length + 2);
    expect(output).to.include('\\u202eSteve\\u200b');
    const json = (await kelpie('players', '--json')).lines.map(
      (line) => JSON.parse(line) as { name: string },
    );
    expect(json.map(({ name }) => name)).to.have.members([player.name, ...withoutControls]);
    await kelpie('players', '--count');
  });

  it('shows one player, and the history of a player and of a node', async () => {
    expect((await kelpie('find', player.xuid)).output).to.include('A\\u009b2JB');
    expect((await kelpie('history', player.xuid)).output).to.include('\\u202eSteve\\u200b (');
    const { stream } = await wire.join('shop', { role: 'NODE_ROLE_SERVICE' });
    stream.send({ request_id: 1, update_own_node: { change: { labels: keyed } } });
    await stream.answer(1);
    await stream.leave();
    const { output } = await kelpie('history', 'shop', '--node');
    expect(output).to.include('label A\\u009b2JB - → A\\u009b2JB');
  });

  it('shows the answers and errors of nodes', async () => {
    const { lines } = await kelpie('run', 'gate', 'list');
    expect(lines).to.have.length(strings.length);
    expect((await kelpie('run', 'gate', 'fail')).errors).to.include('A\\u009b2JB');
    expect((await kelpie('call', 'odd', '--node', 'gate')).output).to.include('A\\u009b2JB');
    expect((await kelpie('kick', player.xuid)).errors).to.match(/\\u009b2JB/);
    const moved = await kelpie('transfer', player.xuid, '--to', 'lobby-1');
    expect(moved.output).to.match(/\\u202eSteve\\u200b .*\\u009b2JB/);
    expect((await kelpie('say', 'hello', '--player', player.xuid)).errors).to.match(/\\u009b2JB/);
  });

  it('shows wrong arguments of the operator', async () => {
    for (const text of ['A\u001b[2JB', 'A\u009b2JB', 'one\nadmin-1', '\u202eabc']) {
      expect((await kelpie('find', text)).errors).to.include('PLAYER_NOT_FOUND');
    }
    expect((await kelpie('publish', 'a\u009b.b', 'x')).errors).to.include('TOPIC_INVALID');
    expect((await kelpie(`--\u009b2J`)).errors).to.include("unknown option '--\\u009b2J'");
  });

  it('shows the facts of a coordinator', async () => {
    await kelpie('info');
    await kelpie('top', '--once');
    expect((await kelpie('doctor')).output).to.include('A\\u009b2JB:19132');
    const odd = await startStandIn({
      version: all,
      network: all,
      coordinatorId: all,
      topics: strings.map((topic) => ({ topic, entries: 1, bytes: 1 })),
    });
    for (const args of [['info'], ['info', '--json'], ['doctor'], ['tail', 'chat']]) {
      await kelpieAt(odd.endpoint, ...args);
    }
    await odd.stop();
  });

  it('shows the pretty log of kelpied', async () => {
    // The log only counts further refusals.
    const names = [
      'A\u001b[2JB',
      'A\u009b2JB',
      'one\nadmin-1',
      'abc\u202egpj.exe',
      '\u2066a\u2069',
    ];
    for (const name of names) await wire.hello(name).ended();
    const lines = kelpied.errors().trimEnd().split('\n');
    expect(unprintableLines(kelpied.errors())).to.deep.equal([]);
    for (const line of lines) expect(line).to.match(/^\d\d:\d\d:\d\d (info |warn ) /);
    expect(kelpied.errors()).to.include('A\\u009b2JB').and.include('\\u202egpj');
  });
});
