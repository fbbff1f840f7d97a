/** kelpie asks nodes to do things: console lines and commands of their own. */
import { expect } from 'chai';
import { connect } from '../../client/index.js';
import { runKelpie, startKelpie } from '../support/process/cli.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { until } from '../support/until.js';
import type { CommandOutput } from '../support/wire/frames.js';
import { Wire } from '../support/wire/wire.js';
import { WireNode } from '../support/wire/wire-node.js';

const parsed = (line: string): Record<string, unknown> =>
  JSON.parse(line) as Record<string, unknown>;
const printed = (...lines: string[]): CommandOutput => ({ console: { success: true, lines } });

describe('kelpie, of commands,', () => {
  let kelpied: Kelpied;
  let wire: Wire;

  before(async () => {
    kelpied = await startKelpied(['--drain-seconds', '0']);
    wire = new Wire(kelpied.endpoint);
  });
  after(async () => {
    wire.close();
    await kelpied.stop();
  });
  afterEach(() => wire.leave());

  const kelpie = (...args: string[]) => runKelpie(args, kelpied.endpoint);
  const refused = async (sentence: RegExp, ...args: string[]): Promise<void> => {
    const { code, output, errors } = await kelpie(...args);
    expect(errors, args.join(' ')).to.match(sentence);
    expect({ code, output }).to.deep.equal({ code: 2, output: '' });
  };
  const consoleOf = (
    name: string,
    said: CommandOutput | string,
    labels: Record<string, string> = {},
  ) =>
    WireNode.join(
      wire,
      name,
      { role: 'NODE_ROLE_DOWNSTREAM', commands: ['run_console_command'], labels },
      () => said,
    );

  it('may have been done when the coordinator goes away meanwhile, and kelpie says so', async () => {
    const doomed = await startKelpied();
    const lobby = connect({ name: 'lobby', role: 'DOWNSTREAM', endpoints: doomed.endpoint });
    let asked = false;
    lobby.handle('run_console_command', () => {
      asked = true;
      return new Promise<string>(() => undefined);
    });
    await lobby.ready();
    const running = startKelpie(['run', 'lobby', 'list'], doomed.endpoint);
    await until(() => asked);
    await doomed.kill();
    expect(await running.ended).to.equal(1);
    expect(running.errors()).to.match(/went away during the command, and may have done it$/m);
    await lobby.close();
  });

  describe('runs a line', () => {
    const lines = (node: WireNode) => node.asked.map((one) => one.run_console_command?.line);

    it('on a node, as it is, and prints what the console printed and nothing else', async () => {
      const lobby = await consoleOf(
        'lobby',
        printed('There are 0/20 players', 'online: \u001b[2J'),
      );
      const { code, output, errors } = await kelpie(
        'run',
        'Lobby',
        '/tp',
        'Steve',
        '0',
        '-60',
        '--json',
      );
      expect(errors).to.equal('');
      expect({ code, output }).to.deep.equal({
        code: 0,
        // A terminal must not obey what a console printed.
        output: 'There are 0/20 players\nonline: \\u001b[2J',
      });
      expect(lines(lobby)).to.deep.equal(['tp Steve 0 -60 --json']);
      const json = await kelpie('run', '--json', 'lobby', 'list');
      expect(parsed(json.output)).to.have.nested.property('output.console.success', true);
    });

    it('on many, each line with its node, and ends with 1 if one of them failed', async () => {
      const labels = { mode: 'lobby' };
      const good = await consoleOf('good', printed('saved', 'all'), labels);
      await consoleOf('odd', { console: { success: false, lines: ['unknown command'] } }, labels);
      await consoleOf('sick', 'the console is closed', labels);
      await consoleOf('quiet', printed(), labels);
      const other = await consoleOf('other', printed('not asked'));
      const many = ['--all', '--role', 'downstream', '--label', 'mode=lobby'];
      const { code, output, errors } = await kelpie('run', ...many, 'save-all', 'flush');
      expect(output.split('\n').sort()).to.deep.equal([
        'good: all',
        'good: saved',
        'odd: unknown command',
        'quiet: (no output)',
      ]);
      expect(errors.trim().split('\n').sort()).to.deep.equal([
        'kelpie: odd: "odd" says that the line did not succeed (COMMAND_FAILED)',
        'kelpie: sick: the console is closed (COMMAND_FAILED)',
      ]);
      expect(code).to.equal(1);
      expect(lines(good)).to.deep.equal(['save-all flush']);
      expect(lines(other)).to.deep.equal([]);
      expect(
        (await kelpie('run', '--all', '--state', 'ready', '--label', 'mode=none', 'list')).errors,
      ).to.match(/NO_TARGET/);
    });

    it('and ends with 1 where the node says no, does not do it, or is not there', async () => {
      await consoleOf('odd', { console: { success: false, lines: ['unknown command'] } });
      const no = await kelpie('run', 'odd', 'fly');
      expect(no.output).to.equal('unknown command');
      expect(no.errors).to.include('"odd" says that the line did not succeed');
      expect(no.code).to.equal(1);
      await WireNode.join(wire, 'mute', { role: 'NODE_ROLE_DOWNSTREAM' });
      for (const [node, reason] of [
        ['mute', 'COMMAND_NOT_HANDLED'],
        ['nobody', 'NO_TARGET'],
      ] as const) {
        const { code, output, errors } = await kelpie('run', node, 'list');
        expect(errors).to.include(reason);
        expect({ code, output }).to.deep.equal({ code: 1, output: '' });
      }
    });

    it('not without a line, or on a choice of nodes that is not said to be for many', async () => {
      await refused(/say which line/, 'run', 'lobby');
      await refused(/say which line to run$/m, 'run', '--all');
      await refused(/say --all too/, 'run', '--role', 'downstream', 'list');
      await refused(/--timeout.*500ms, 10s or 5m/s, 'run', '--timeout', 'soon', 'lobby', 'list');
      await refused(/--timeout.*at most 5m/s, 'run', '--timeout', '6m', 'lobby', 'list');
    });
  });

  describe('calls a command', () => {
    const shop = (name: string, doing: CommandOutput | string | undefined, more: object = {}) =>
      WireNode.join(
        wire,
        name,
        { role: 'NODE_ROLE_SERVICE', commands: ['price'], ...more },
        () => doing,
      );
    const text = (said: string): CommandOutput => ({ custom: { text: said } });

    it('of one node, with text or an object', async () => {
      const north = await shop('north', text('5 coins'));
      const { code, output } = await kelpie('call', 'price', 'sword', '--node', 'North');
      expect({ code, output }).to.deep.equal({ code: 0, output: 'north  5 coins' });
      expect(north.asked[0]?.custom).to.deep.include({ name: 'price' });
      expect(north.asked[0]?.custom?.content).to.deep.include({ form: 'text', text: 'sword' });
      const json = ['--object', '--json', '--node', 'north'];
      const object = await kelpie('call', 'price', '{"item":"sword"}', ...json);
      expect(parsed(object.output)).to.deep.equal({
        kind: 'CommandResult',
        node: 'north',
        output: { custom: { text: '5 coins' } },
        last: true,
      });
      expect(north.asked[1]?.custom?.content).to.have.nested.property('json.fields.item');
      expect((await kelpie('call', 'price', '--node', 'north')).code).to.equal(0);
    });

    it('of the nodes that are named, and says which of them cannot be asked', async () => {
      await shop('north', text('5 coins'));
      await shop('south', text('6 coins'));
      const named = ['--node', 'north', '--node', 'south', '--node', 'west'];
      const { code, output } = await kelpie('call', 'price', 'sword', ...named);
      expect(output.split('\n').sort()).to.deep.equal([
        'north  5 coins',
        'south  6 coins',
        'west  failed: the network has no node "west" (NODE_NOT_FOUND)',
      ]);
      expect(code).to.equal(1);
    });

    it('of every node that matches, prints each as it comes, and says which failed', async () => {
      await shop('north', text('5 coins'), { labels: { side: 'a' } });
      await shop('bytes', { custom: { data: Buffer.alloc(3) } }, { labels: { side: 'a' } });
      await shop('shut', 'closed', { labels: { side: 'b' } });
      await shop('silent', undefined, { labels: { side: 'b' } });
      const all = await kelpie('call', 'price', 'sword', '--every', '--timeout', '1s');
      expect(all.output.split('\n').sort()).to.deep.equal([
        'bytes  3 bytes',
        'north  5 coins',
        'shut  failed: closed (COMMAND_FAILED)',
        'silent  failed: "silent" got the command and sent no reply; it may have done it (OUTCOME_UNKNOWN)',
      ]);
      expect(all.code).to.equal(1);
      const some = await kelpie('call', 'price', 'sword', '--label', 'side=a');
      expect(some.output.split('\n').sort()).to.deep.equal(['bytes  3 bytes', 'north  5 coins']);
      expect(some.code).to.equal(0);
    });

    it('and prints an answer before the next one comes', async () => {
      await shop('north', text('5 coins'));
      const silent = await shop('silent', undefined);
      const started = startKelpie(
        ['call', 'price', 'sword', '--every', '--timeout', '5m'],
        kelpied.endpoint,
      );
      await started.line(/^north {2}5 coins$/);
      // Interrupted, it withdraws what is under way, and what was asked is not known to be done.
      expect(await started.stop('SIGINT')).to.equal(1);
      await until(() => silent.cancelled.length === 1);
    });

    it('of any one node, the next one each time, and of so many as are enough', async () => {
      await shop('north', text('5 coins'));
      await shop('south', text('6 coins'));
      const any = ['call', 'price', 'sword', '--any', '--role', 'service'];
      const two = [await kelpie(...any), await kelpie(...any)].map(({ output }) => output);
      expect(two.sort()).to.deep.equal(['north  5 coins', 'south  6 coins']);
      const one = await kelpie('call', 'price', 'sword', '--every', '--max-replies', '1');
      expect(one.output.split('\n')).to.have.length(1);
      expect(one.code).to.equal(0);
    });

    it('of the proxy or the server of a player', async () => {
      const role = { role: 'NODE_ROLE_PROXY' };
      const proxy = await shop('edge', text('the proxy'), role);
      await shop('lobby', text('the server'), { role: 'NODE_ROLE_DOWNSTREAM' });
      await proxy.bring({ xuid: '77', name: 'Alex the Great' }, 'lobby');
      const of = async (...place: string[]) => (await kelpie('call', 'price', '', ...place)).output;
      expect(await of('--player-proxy', 'alex the great')).to.equal('edge  the proxy');
      expect(await of('--player-server', '77')).to.equal('lobby  the server');
      const nobody = await kelpie('call', 'price', '--player-server', 'Herobrine');
      expect(nobody.errors).to.include('PLAYER_NOT_FOUND');
      expect(nobody.code).to.equal(1);
    });

    it('not where it is not clear who is asked, or what is said', async () => {
      await shop('north', text('5 coins'));
      await refused(/say who is asked/, 'call', 'price', '{}');
      await refused(
        /if "arena-1" is a node: kelpie call price --node arena-1$/m,
        'call',
        'arena-1',
        'price',
      );
      await refused(/by one of --node/, 'call', 'price', 'sword', '--any', '--every');
      await refused(/say who is asked/, 'call', 'price', '--node', 'north', '--player-proxy', '77');
      await refused(
        /go with --any or --every/,
        'call',
        'price',
        '--node',
        'north',
        '--role',
        'proxy',
      );
      await refused(/must be a JSON object/, 'call', 'price', '5', '--object', '--any');
      await refused(/--max-replies.*from 1 on/s, 'call', 'price', '--any', '--max-replies', '0');
      expect((await kelpie('call', 'Price', '--any')).errors).to.include('COMMAND_INVALID');
      expect((await kelpie('call', 'sale', '--any')).errors).to.match(/handles sale \(NO_TARGET\)/);
    });
  });
});
