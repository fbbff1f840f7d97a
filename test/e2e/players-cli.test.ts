/** The commands of kelpie about players, against a real kelpied with proxies and servers. */
import { exec } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { confirmed } from '../../client/cli/kick.js';
import { type Kelpie, runKelpie, startKelpie } from '../support/process/cli.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { Wire } from '../support/wire/wire.js';
import { done, WireNode } from '../support/wire/wire-node.js';

/** The compiled file lies one folder deeper, in dist. */
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

const steve = {
  xuid: '2535400000000001',
  uuid: '6ba7b810-9dad-11d1-80b4-00c04fd430c8',
  name: 'Steve the First',
  device: { os: 'Android', model: 'Pixel 9', input: 'touch' },
  language: 'en_GB',
  properties: { rank: 'vip' },
  context: Buffer.from('party 7'),
};
const alex = { xuid: '2535400000000002', name: 'Alex' };
const zoe = { uuid: '00000000-0000-4000-8000-00000000002a', name: '4711' };

const cells = (line: string): string[] => line.split(/ {2,}/);
const parsed = (line: string): Record<string, unknown> =>
  JSON.parse(line) as Record<string, unknown>;

describe('kelpie, of players,', () => {
  let kelpied: Kelpied;
  let wire: Wire;
  let north: WireNode;
  let south: WireNode;
  /** Stops a kelpie that follows something, also if its test fails. */
  const following: Kelpie[] = [];

  beforeEach(async () => {
    kelpied = await startKelpied(['--drain-seconds', '0']);
    wire = new Wire(kelpied.endpoint);
    north = await WireNode.proxy(wire, 'north');
    south = await WireNode.proxy(wire, 'south');
    const role = 'NODE_ROLE_DOWNSTREAM';
    await WireNode.join(wire, 'lobby', { role, labels: { mode: 'lobby' } });
    await WireNode.join(wire, 'arena', { role, labels: { mode: 'duels' } });
  });
  afterEach(async () => {
    await Promise.all(following.splice(0).map((kelpie) => kelpie.stop()));
    await wire.leave();
    wire.close();
    await kelpied.stop();
  });

  const kelpie = (...args: string[]) => runKelpie(args, kelpied.endpoint);
  const follow = (...args: string[]): Kelpie => {
    const started = startKelpie(args, kelpied.endpoint);
    following.push(started);
    return started;
  };
  /** Steve and Alex in the lobby, Zoe in the arena; Alex by the southern proxy. */
  const everybody = async (): Promise<void> => {
    await north.bring(steve, 'lobby');
    await south.bring(alex, 'lobby');
    await north.bring(zoe, 'arena');
  };
  /** Checks that kelpie ends with 2 and this message, and does nothing. */
  const refused = async (sentence: RegExp, ...args: string[]): Promise<void> => {
    const { code, output, errors } = await kelpie(...args);
    expect(errors, args.join(' ')).to.match(sentence);
    expect(output).to.equal('');
    expect(code).to.equal(2);
  };

  describe('lists', () => {
    const namesOf = async (...args: string[]) => {
      const { output } = await kelpie('players', '--json', ...args);
      const lines = output === '' ? [] : output.split('\n');
      return lines.map((line) => parsed(line)['name']);
    };

    it('all players in a table, and the players who match', async () => {
      expect(await kelpie('players')).to.deep.equal({
        code: 0,
        output: 'No player is there.',
        errors: '',
      });
      await everybody();
      await north.ping(steve.xuid, 42);
      const { code, output, errors } = await kelpie('players');
      expect(errors).to.equal('');
      expect(code).to.equal(0);
      const [head = '', ...rows] = output.split('\n').map(cells);
      expect(head).to.deep.equal(['NAME', 'ID', 'PROXY', 'SERVER', 'DEVICE', 'PING', 'JOINED']);
      expect(rows.map((row) => row.slice(0, 6))).to.deep.equal([
        ['4711', zoe.uuid, 'north', 'arena', '-', '-'],
        ['Steve the First', steve.xuid, 'north', 'lobby', 'Android, touch', '42 ms'],
        ['Alex', alex.xuid, 'south', 'lobby', '-', '-'],
      ]);
      for (const row of rows) expect(row[6]).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      expect(await namesOf('--proxy', 'NORTH')).to.deep.equal(['4711', steve.name]);
      expect(await namesOf('--server', 'Lobby')).to.deep.equal([steve.name, 'Alex']);
      expect(await namesOf('--server', 'lobby', '--proxy', 'south')).to.deep.equal(['Alex']);
      expect(await namesOf('--label', 'mode=duels')).to.deep.equal(['4711']);
    });

    it('players with a prefix of the name, and players with a property', async () => {
      await everybody();
      expect(await namesOf('--prefix', 'ST')).to.deep.equal([steve.name]);
      expect(await namesOf('--prefix', 'st', '--server', 'arena')).to.deep.equal([]);
      expect(await namesOf('--property', 'rank=vip')).to.deep.equal([steve.name]);
      expect(await namesOf('--property', 'rank=none')).to.deep.equal([]);
      const { output } = await kelpie('players', '--count', '--property', 'rank=vip');
      expect(output.split('\n').map(cells)).to.deep.equal([
        ['1 such player in the network'],
        [''],
        ['NODE', 'ROLE', 'PLAYERS'],
        ['arena', 'DOWNSTREAM', '0'],
        ['lobby', 'DOWNSTREAM', '1'],
        ['north', 'PROXY', '1'],
        ['south', 'PROXY', '0'],
      ]);
      await refused(/--count goes with/, 'players', '--count', '--prefix', 'st');
      await refused(/cannot follow --prefix/, 'players', '--watch', '--prefix', 'st');
    });

    it('more players than fit on a page', async () => {
      const many = Array.from({ length: 250 }, (_, index) => ({
        xuid: String(10_000 + index),
        name: `Player ${index}`,
      }));
      await Promise.all(many.map((player) => north.bring(player)));
      const { output } = await kelpie('players', '--json');
      const ids = output.split('\n').map((line) => parsed(line)['id']);
      expect(ids).to.deep.equal(many.map(({ xuid }) => xuid));
    });

    it('the number of players, in the network and on the nodes that match', async () => {
      await everybody();
      expect((await kelpie('players', '--count')).output.split('\n').map(cells)).to.deep.equal([
        ['3 players in the network'],
        [''],
        ['NODE', 'ROLE', 'PLAYERS'],
        ['arena', 'DOWNSTREAM', '1'],
        ['lobby', 'DOWNSTREAM', '2'],
        ['north', 'PROXY', '2'],
        ['south', 'PROXY', '1'],
      ]);
      const lobbies = ['players', '--count', '--role', 'downstream', '--label', 'mode=lobby'];
      const { output } = await kelpie(...lobbies);
      expect(output.split('\n')[0]).to.equal('3 players in the network, 2 on these nodes');
      expect(output.split('\n').slice(3).map(cells)).to.deep.equal([['lobby', 'DOWNSTREAM', '2']]);
      expect(parsed((await kelpie(...lobbies, '--json')).output)).to.deep.include({ selected: 2 });
    });

    it('players who join, move, change and leave, at the named place', async () => {
      await south.bring(alex, 'arena');
      const all = follow('players', '--watch');
      const lobby = follow('players', '--watch', '--server', 'lobby');
      await all.line(/^Alex +\d+ +south +arena/);
      await lobby.line(/No player is there/);
      await north.bring(steve, 'lobby');
      await all.line(/^\d\d:\d\d:\d\d {2}Steve the First joined north$/);
      await lobby.line(/^\d\d:\d\d:\d\d {2}Steve the First moved from no server to lobby$/);
      await north.report(steve, { changed: { properties: { rank: 'none' } } });
      await lobby.line(/Steve the First changed$/);
      await north.report(steve, { moved_to: 'arena' });
      await lobby.line(/Steve the First moved from lobby to arena$/);
      await north.report(steve, { left: 'PLAYER_LEAVE_REASON_KICKED' });
      await all.line(/Steve the First left north, arena \(KICKED\)$/);
      await south.report(alex, { moved_to: 'lobby' });
      await lobby.line(/Alex moved from arena to lobby$/);
      expect(lobby.lines.join('\n')).to.not.match(/left|joined/);
    });

    it('no player at a node that does not exist: this is an error', async () => {
      for (const place of ['--server', '--proxy']) {
        const { code, errors, output } = await kelpie('players', place, 'loby');
        expect(errors).to.match(/the network has no node "loby" \(NODE_NOT_FOUND\)/);
        expect({ code, output }).to.deep.equal({ code: 1, output: '' });
      }
      await refused(/--count goes with/, 'players', '--count', '--server', 'lobby');
      await refused(/go with --count/, 'players', '--role', 'proxy');
      await refused(/cannot follow labels/, 'players', '--watch', '--label', 'mode=lobby');
      await refused(/must not be empty/, 'players', '--server', '');
    });
  });

  describe('finds', () => {
    it('one by id, UUID or name, in any case and with spaces, with all facts', async () => {
      await everybody();
      const ways = [[steve.xuid], [steve.uuid.toUpperCase()], ['steve', 'THE', 'first']];
      for (const who of ways) {
        const { code, output } = await kelpie('find', ...who);
        expect(code, who.join(' ')).to.equal(0);
        const facts = new Map(output.split('\n').map((line) => cells(line) as [string, string]));
        expect(Object.fromEntries(facts)).to.deep.include({
          name: steve.name,
          id: steve.xuid,
          UUID: steve.uuid,
          proxy: 'north',
          server: 'lobby',
          device: 'Android',
          model: 'Pixel 9',
          input: 'touch',
          language: 'en_GB',
          'property rank': 'vip',
        });
        expect(facts.get('context')).to.match(/^7 bytes/);
      }
      // A name that looks like a XUID, and no player online has it.
      expect(parsed((await kelpie('find', '4711', '--json')).output)).to.include({ id: zoe.uuid });
    });

    it('all players with the name as a prefix, if no player has exactly this name', async () => {
      await everybody();
      const { code, output } = await kelpie('find', 'STEVE');
      expect(code).to.equal(0);
      expect(output.split('\n').map((line) => cells(line)[0])).to.deep.equal([
        'NAME',
        'Steve the First',
      ]);
      const json = (await kelpie('find', 'a', '--json')).output.split('\n').map(parsed);
      expect(json.map(({ name }) => name)).to.deep.equal(['Alex']);
    });

    it('no player: ends with 1 and a message with advice', async () => {
      const { code, output, errors } = await kelpie('find', 'Herobrine');
      expect(errors).to.match(
        /^kelpie: no player "Herobrine" is online; .* \(PLAYER_NOT_FOUND\)$/m,
      );
      expect({ code, output }).to.deep.equal({ code: 1, output: '' });
      await refused(/say which player/, 'find', ' ');
    });
  });

  describe('kicks', () => {
    const kicked = (node: WireNode) =>
      node.asked.flatMap(({ kick_players: kick }) =>
        kick ? [[kick.message, ...kick.players.map((player) => player.player_id)]] : [],
      );

    it('one, with a reason', async () => {
      await everybody();
      const { code, output } = await kelpie('kick', 'steve the first', '--message', 'be nice');
      expect({ code, output }).to.deep.equal({
        code: 0,
        output: `Steve the First (${steve.xuid})  kicked`,
      });
      expect(kicked(north)).to.deep.equal([['be nice', steve.xuid]]);
      expect(kicked(south)).to.deep.equal([]);
    });

    it('one of two players whose names differ only in case, only by the exact name', async () => {
      await north.bring({ xuid: '8001', name: 'Notch' });
      await south.bring({ xuid: '8002', name: 'notch' });
      const { code, errors } = await kelpie('kick', 'NOTCH');
      expect(code).to.equal(1);
      expect(errors).to.match(/may be Notch \(8001\), notch \(8002\).*\(PLAYER_AMBIGUOUS\)/);
      const found = await kelpie('find', 'NOTCH');
      expect(found.output).to.match(/^Notch +8001 .*\nnotch +8002 /m);
      expect((await kelpie('kick', 'Notch')).output).to.equal('Notch (8001)  kicked');
      expect(kicked(south)).to.deep.equal([]);
    });

    it('all at a place, and prints the result for each', async () => {
      await everybody();
      const { code, output } = await kelpie(
        'kick',
        '--server',
        'lobby',
        '--message',
        'closing now',
      );
      expect(code).to.equal(0);
      const lines = output.split('\n');
      expect(lines.slice(0, 2).sort()).to.deep.equal([
        `Alex (${alex.xuid})  kicked`,
        `Steve the First (${steve.xuid})  kicked`,
      ]);
      expect(lines[2]).to.equal('Kicked 2 players.');
      expect(kicked(north)).to.deep.equal([['closing now', steve.xuid]]);
      const places = [
        ['--proxy', 'south'],
        ['--label', 'mode=duels'],
        ['--all', '--yes'],
      ];
      for (const place of places) expect((await kelpie('kick', ...place)).code).to.equal(0);
      expect(kicked(south).map(([, ...ids]) => ids)).to.deep.equal([
        [alex.xuid],
        [alex.xuid],
        [alex.xuid],
      ]);
      expect(kicked(north)[1]).to.deep.equal(['', zoe.uuid]);
      expect(kicked(north)[2]?.slice(1)).to.have.members([steve.xuid, zoe.uuid]);
    });

    it('and ends with 1 if one stays online, failures first', async () => {
      const stubborn = await WireNode.proxy(wire, 'stubborn', () => 'the door is stuck');
      await stubborn.bring({ xuid: '99', name: 'Ghost' });
      await south.bring(alex);
      const { code, output } = await kelpie('kick', '--all');
      expect(output.split('\n')).to.deep.equal([
        'Ghost (99)  not kicked: the door is stuck (COMMAND_FAILED)',
        `Alex (${alex.xuid})  kicked`,
        'Kicked 1 player; 1 failed.',
      ]);
      expect(code).to.equal(1);
      const json = await kelpie('kick', '--all', '--json');
      const [failure, success] = json.output.split('\n').map(parsed);
      expect(failure).to.have.nested.property('error.reason', 'ERROR_REASON_COMMAND_FAILED');
      expect(success).to.deep.equal({ kind: 'PlayerOutcome', name: 'Alex', playerId: alex.xuid });
      const one = await kelpie('kick', 'Ghost');
      expect(one.errors).to.equal('kelpie: the door is stuck (COMMAND_FAILED)\n');
      expect({ code: one.code, output: one.output }).to.deep.equal({ code: 1, output: '' });
    });

    it('no player without a target, or without a matching player', async () => {
      await everybody();
      await refused(/say whom to kick/, 'kick');
      await refused(/name one place/, 'kick', '--server', 'lobby', '--proxy', 'north');
      await refused(/--all is everybody/, 'kick', '--all', '--server', 'lobby');
      // An unset variable of a script must not kick all players of the network.
      await refused(/must not be empty/, 'kick', '--server', '');
      await refused(/say which player/, 'kick', '');
      // A command for one player must not reach other players.
      await refused(/either the player "Alex" or all/, 'kick', 'Alex', '--server', 'lobby');
      await refused(/either the player "be nice" or all/, 'kick', 'be', 'nice', '--all');
      await refused(/"Alex be nice" is more than one word/, 'kick', 'Alex', 'be', 'nice');
      expect((await kelpie('kick', '--server', 'loby')).errors).to.include('NODE_NOT_FOUND');
      expect((await kelpie('kick', '--label', 'mode=none')).errors).to.include('NO_TARGET');
      expect((await kelpie('kick', 'Herobrine')).errors).to.include('PLAYER_NOT_FOUND');
      expect([kicked(north), kicked(south)]).to.deep.equal([[], []]);
    });

    it('only after a yes, if it asks', async () => {
      const answers = { 'y\n': true, ' YES \n': true, 'no\n': false, '\n': false, '': false };
      for (const [typed, expected] of Object.entries(answers)) {
        const [input, output] = [new PassThrough(), new PassThrough()];
        // The input stays open after the typed text, like a terminal; without text it is closed.
        if (typed === '') input.end();
        else input.write(typed);
        expect(await confirmed('Kick 2 players?', input, output), typed).to.equal(expected);
        expect(input.destroyed, 'an open terminal keeps the process').to.equal(true);
        expect(String(output.read())).to.equal('Kick 2 players? [y/N] ');
      }
    });
  });

  describe('says', () => {
    const shown = (node: WireNode) => node.asked.flatMap((one) => one.show_message ?? []);

    it('a line of chat to all players, or to the target', async () => {
      await everybody();
      const { code, output } = await kelpie('say', 'restart', 'in 5 minutes');
      expect({ code, output }).to.deep.equal({ code: 0, output: 'Shown to 3 players.' });
      expect(shown(south)[0]?.display).to.deep.include({
        form: 'chat',
        chat: 'restart in 5 minutes',
      });
      const counts = {
        '--player': ['ALEX', '1 player'],
        '--server': ['lobby', '2 players'],
        '--proxy': ['north', '2 players'],
        '--label': ['mode=duels', '1 player'],
      };
      for (const [option, [place = '', who = '']] of Object.entries(counts)) {
        const said = await kelpie('say', 'hello', option, place);
        expect(said.output, option).to.equal(`Shown to ${who}.`);
      }
    });

    it('in every form there is', async () => {
      await south.bring(alex);
      const forms: [string[], object][] = [
        [['--action-bar'], { action_bar: 'hello' }],
        [['--tip'], { tip: 'hello' }],
        [['--popup'], { popup: 'hello' }],
        [['--toast', 'News'], { toast: { title: 'News', message: 'hello' } }],
        [
          [
            '--title',
            '--subtitle',
            'all',
            '--fade-in',
            '500ms',
            '--stay',
            '2s',
            '--fade-out',
            '1.5s',
          ],
          {
            title: {
              title: 'hello',
              subtitle: 'all',
              fade_in: { seconds: 0, nanos: 500_000_000 },
              stay: { seconds: 2, nanos: 0 },
              fade_out: { seconds: 1, nanos: 500_000_000 },
            },
          },
        ],
        [
          ['--title'],
          { title: { title: 'hello', subtitle: '', fade_in: null, stay: null, fade_out: null } },
        ],
      ];
      for (const [index, [args, display]] of forms.entries()) {
        expect((await kelpie('say', 'hello', ...args)).code, args.join(' ')).to.equal(0);
        expect(shown(south)[index]?.display).to.deep.include(display);
      }
    });

    it('and names the players who did not get it', async () => {
      const deaf = await WireNode.proxy(wire, 'deaf', () => 'nobody listens');
      await deaf.bring({ xuid: '99', name: 'Ghost' });
      await south.bring(alex);
      const { code, output } = await kelpie('say', 'hello');
      expect(output.split('\n')).to.deep.equal([
        'Ghost (99)  not shown: nobody listens (COMMAND_FAILED)',
        'Shown to 1 player; 1 failed.',
      ]);
      expect(code).to.equal(1);
      const json = (await kelpie('say', 'hello', '--json')).output.split('\n').map(parsed);
      expect(json.map(({ playerId }) => playerId)).to.deep.equal(['99', alex.xuid]);
    });

    it('nothing without a text or without a target', async () => {
      await refused(/it is one of --title/, 'say', 'hello', '--tip', '--popup');
      await refused(/go with --title/, 'say', 'hello', '--subtitle', 'all');
      await refused(/the text is empty/, 'say', '');
      await refused(/go with --title/, 'say', 'hello', '--stay', '2s');
      await refused(/--stay.*500ms, 10s or 5m/s, 'say', 'hello', '--title', '--stay', 'long');
      await refused(/--player is one/, 'say', 'hello', '--player', 'Alex', '--server', 'lobby');
      await refused(/name one place/, 'say', 'hello', '--server', 'lobby', '--label', 'a=b');
      expect((await kelpie('say', 'hello', '--server', 'loby')).errors).to.include(
        'NODE_NOT_FOUND',
      );
      expect((await kelpie('say', 'hello')).errors).to.match(/no player is there \(NO_TARGET\)/);
    });
  });

  describe('prints the history', () => {
    /** The last column of the table. */
    const whats = (output: string): (string | undefined)[] => {
      const lines = output.split('\n');
      const first = lines.findIndex((line) => line.startsWith('TIME')) + 1;
      return lines.slice(first, lines.indexOf('', first)).map((line) => cells(line).at(-1));
    };
    const live = async (): Promise<void> => {
      await north.bring(steve, 'lobby');
      await north.report(steve, { moved_to: 'arena' });
      await north.report(steve, {
        changed: { properties: { rank: 'none' }, language: 'de_DE', context: Buffer.from('x') },
      });
      await north.report(steve, { left: 'PLAYER_LEAVE_REASON_QUIT' });
    };
    const life = [
      'joined north, server -',
      'moved: - → lobby',
      'moved: lobby → arena',
      'changed: language en_GB → de_DE, property rank vip → none, context 7 bytes (sha256 fd7692cf) → 1 byte (sha256 2d711642)',
      'left north: QUIT',
    ];

    it('of a player who left, by name, id or UUID', async () => {
      await live();
      const ways = [['steve', 'the', 'FIRST'], [steve.xuid], [steve.uuid.toUpperCase()]];
      for (const who of ways) {
        const { code, output, errors } = await kelpie('history', ...who);
        expect(errors).to.equal('');
        expect(code).to.equal(0);
        expect(whats(output), who.join(' ')).to.deep.equal(life);
        expect(output).to.match(/\n\nNothing older is known: history goes back to /);
      }
      const named = await kelpie('history', 'Steve the First');
      expect(named.output).to.match(/^Steve the First \(2535400000000001\)\n\nTIME/);
    });

    it('as JSON, one object a line', async () => {
      await live();
      const { output } = await kelpie('history', steve.xuid, '--json', '--since', '1h');
      const facts = output.split('\n').map(parsed);
      expect(facts[0]).to.include({ what: 'joined', proxy: 'north', server: '' });
      expect(facts[2]).to.include({ what: 'moved', from: 'lobby', to: 'arena' });
      expect(facts[3]).to.have.nested.property('changes.language.to', 'de_DE');
      expect(facts[4]).to.include({ what: 'left', reason: 'QUIT', server: 'arena' });
      expect(facts[5]).to.have.all.keys('kind', 'historySince', 'oldestSequence');
    });

    it('of the player who is online, or had the name last, and names the others', async () => {
      const [older, newer] = [
        { xuid: '1', name: 'Twin' },
        { xuid: '2', name: 'twin' },
      ];
      for (const twin of [older, newer]) {
        await north.bring(twin);
        await north.report(twin, { left: 'PLAYER_LEAVE_REASON_QUIT' });
      }
      const { output } = await kelpie('history', 'TWIN');
      expect(output).to.match(/^twin \(2\)/);
      expect(output).to.match(/\nOthers had the name before: kelpie history 1$/);
      await south.bring(older, 'lobby');
      const online = await kelpie('history', 'TWIN');
      expect(online.output).to.match(/^Twin \(1\)/);
      expect(whats(online.output).slice(-2)).to.deep.equal([
        'joined south, server -',
        'moved: - → lobby',
      ]);
    });

    it('of the node rather than of the player with the same name, unless an option decides', async () => {
      await north.bring({ xuid: '3', name: 'Lobby' });
      expect(whats((await kelpie('history', 'Lobby')).output)).to.deep.equal(['joined']);
      const player = await kelpie('history', 'Lobby', '--player');
      expect(whats(player.output)).to.deep.equal(['joined north, server -']);
      await refused(/either --node or --player/, 'history', 'Lobby', '--player', '--node');
      const nobody = await kelpie('history', 'arena', '--player');
      expect(nobody.errors).to.match(/nothing is known of a player "arena".*PLAYER_NOT_FOUND/);
      expect(nobody.code).to.equal(1);
    });

    it('live, with players and places', async () => {
      const tail = follow('tail', '--all', 'players.*', 'nodes.north');
      await tail.line(/ {2}nodes\.north {2}\S+ {2}joined$/);
      await live();
      const topic = `players.${steve.xuid}`;
      await tail.line(/ left /);
      const said = tail.lines.slice(1).map((line) => cells(line).slice(1));
      expect(said).to.deep.equal(
        [
          'joined north',
          'moved from no server to lobby',
          'moved from lobby to arena',
          'changed',
          'left north, arena (QUIT)',
        ].map((what) => [topic, 'north', `Steve the First ${what}`]),
      );
    });
  });

  it('prints the output in the guide of the client', async () => {
    const guide = readFileSync(`${ROOT}client/README.md`, 'utf8');
    const [, block = ''] = /```console\n(\$ kelpie players\n.*?)```/s.exec(guide) ?? [];
    const commands = block.split(/^\$ /m).slice(1);
    expect(commands).to.have.length.greaterThan(6);
    const shop = { role: 'NODE_ROLE_SERVICE', commands: ['price'] };
    const server = {
      role: 'NODE_ROLE_DOWNSTREAM',
      commands: ['run_console_command'],
      labels: { mode: 'hub' },
    };
    const lines = ['There are 2/20 players online:', 'Steve the First, Alex'];
    await WireNode.join(wire, 'lobby-1', server, () => ({ console: { success: true, lines } }));
    await WireNode.join(wire, 'shop', shop, () => ({ custom: { text: '250 coins' } }));
    let gone: Promise<void> | undefined;
    const proxy: WireNode = await WireNode.proxy(wire, 'proxy-1', (command) => {
      if (command.kick_players) gone = proxy.report(alex, { left: 'PLAYER_LEAVE_REASON_KICKED' });
      return done(command);
    });
    for (const player of [steve, alex]) await proxy.bring(player, 'lobby-1');
    await proxy.ping(steve.xuid, 42);
    for (const text of commands) {
      const [command = '', ...output] = text.trimEnd().split('\n');
      const real = await promisify(exec)(`npx ${command}`, {
        cwd: ROOT,
        env: { ...process.env, KELPIE_ENDPOINTS: kelpied.endpoint },
      });
      expect(masked(real.stdout.trimEnd()), command).to.equal(masked(output.join('\n')));
      await gone;
    }
  });
});

/** Replaces times and sequences, which differ in each run. XUIDs are as long as sequences. */
function masked(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replaceAll(/\b1\d{15}\b/g, '<sequence>');
}
