/** The program kelpie against a real kelpied: what it prints, and how it ends. */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { type Kelpie, runKelpie, startKelpie } from '../support/process/cli.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { until } from '../support/until.js';
import { say } from '../support/wire/frames.js';
import { Wire } from '../support/wire/wire.js';

describe('kelpie', () => {
  let kelpied: Kelpied;
  let wire: Wire;
  /** A kelpie that follows something is stopped, whatever becomes of its test. */
  const following: Kelpie[] = [];

  before(async () => {
    kelpied = await startKelpied(['--drain-seconds', '0']);
    wire = new Wire(kelpied.endpoint);
  });

  after(async () => {
    wire.close();
    await kelpied.stop();
  });

  afterEach(async () => {
    await wire.leave();
    await Promise.all(following.splice(0).map((kelpie) => kelpie.stop()));
  });

  const kelpie = (...args: string[]) => runKelpie(args, kelpied.endpoint);

  const follow = (...args: string[]): Kelpie => {
    const started = startKelpie(['tail', ...args], kelpied.endpoint);
    following.push(started);
    return started;
  };

  const tell = (topic: string, ...texts: string[]) =>
    wire.call('EventService.PublishEvents', { events: texts.map((text) => say(topic, text)) });

  describe('nodes', () => {
    it('says so when there are none', async () => {
      expect(await kelpie('nodes')).to.deep.equal({
        code: 0,
        output: 'No node is there.',
        errors: '',
      });
      expect(await kelpie('nodes', '--json')).to.deep.equal({ code: 0, output: '', errors: '' });
    });

    it('prints a table of them, sorted, its columns aligned', async () => {
      await wire.join('lobby-1', { role: 'NODE_ROLE_DOWNSTREAM', address: { port: 19133 } });
      await wire.join('edge', { role: 'NODE_ROLE_PROXY' });
      const { code, output } = await kelpie('nodes');
      expect(code).to.equal(0);
      const [head = '', ...rows] = output.split('\n');
      expect(head.split(/ {2,}/)).to.deep.equal([
        'NAME',
        'ROLE',
        'STATE',
        'ADDRESS',
        'SOFTWARE',
        'JOINED',
      ]);
      const cells = rows.map((row) => row.split(/ {2,}/));
      expect(cells.map((row) => row.slice(0, 5))).to.deep.equal([
        ['edge', 'PROXY', 'READY', '-', '-'],
        ['lobby-1', 'DOWNSTREAM', 'READY', '127.0.0.1:19133', '-'],
      ]);
      for (const row of rows) {
        expect(row.slice(head.indexOf('JOINED'))).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      }
    });

    it('prints one JSON object a line', async () => {
      await wire.join('Lobby-1', { role: 'NODE_ROLE_DOWNSTREAM', labels: { mode: 'bedwars' } });
      await wire.join('edge', { role: 'NODE_ROLE_PROXY' });
      const { code, output } = await kelpie('nodes', '--json');
      expect(code).to.equal(0);
      const nodes = output.split('\n').map(parsed);
      expect(nodes.map(({ name }) => name)).to.deep.equal(['edge', 'lobby-1']);
      expect(nodes[1]).to.deep.include({
        kind: 'Node',
        displayName: 'Lobby-1',
        role: 'NODE_ROLE_DOWNSTREAM',
        state: 'NODE_STATE_READY',
        labels: { mode: 'bedwars' },
      });
    });
  });

  describe('info', () => {
    it('prints what the coordinator is and which topics fill the journal', async () => {
      await wire.join('informer');
      await tell('fill.it', 'one', 'two');
      const { code, output } = await kelpie('info');
      expect(code).to.equal(0);
      const lines = output.split('\n').map((line) => line.split(/ {2,}/));
      const facts = new Map(lines.map(([name = '', ...values]) => [name, values]));
      const { coordinator_id: id, head } = await wire.call('CoordinatorService.GetInfo', {});
      expect(facts.get('coordinator')).to.deep.equal([id]);
      expect(facts.get('network')).to.deep.equal(['main']);
      expect(facts.get('journal')).to.deep.equal(['memory']);
      expect(facts.get('head')).to.deep.equal([String(head.sequence)]);
      expect(facts.get('nodes')).to.deep.equal(['1']);
      expect(facts.get('sessions')).to.deep.equal(['1']);
      expect(facts.get('fill.it')?.[0]).to.equal('2');
    });

    it('prints it as JSON', async () => {
      const { code, output } = await kelpie('info', '--json');
      expect(code).to.equal(0);
      const { coordinator_id: id } = await wire.call('CoordinatorService.GetInfo', {});
      expect(parsed(output)).to.deep.include({
        coordinatorId: id,
        network: 'main',
        durability: 'DURABILITY_NONE',
      });
    });
  });

  describe('publish', () => {
    it('publishes a text and says where it stands in the journal', async () => {
      const { stream } = await wire.join('hearer', { topics: ['say.text'] });
      const { code, output } = await kelpie('publish', 'say.text', 'hello, all');
      expect(code).to.equal(0);
      const [event] = await stream.until(() => true);
      expect(output).to.equal(`Published on say.text as ${event?.sequence ?? ''}.`);
      expect(event).to.deep.include({ source: '', body: 'message_published' });
      expect(event?.message_published?.origin).to.equal('MESSAGE_ORIGIN_UNSPECIFIED');
      expect(event?.message_published?.content.text).to.equal('hello, all');
    });

    it('publishes an object with its type and attributes, and prints JSON', async () => {
      const { stream } = await wire.join('hearer', { topics: ['say.object'] });
      const { code, output } = await kelpie(
        ...['publish', 'say.object', '{"coins": 5}', '--object', '--type', 'sale', '--json'],
        ...['--attribute', 'shop=north', '--attribute', 'note=a=b', '--origin', 'node'],
      );
      expect(code).to.equal(0);
      const [event] = await stream.until(() => true);
      const sequence = String(event?.sequence);
      expect(parsed(output)).to.deep.equal({ kind: 'Published', topic: 'say.object', sequence });
      expect(event?.message_published).to.deep.include({
        type: 'sale',
        attributes: { shop: 'north', note: 'a=b' },
        origin: 'MESSAGE_ORIGIN_NODE',
      });
      expect(event?.message_published?.content.form).to.equal('json');
    });

    it('fails on a reserved topic with the reason', async () => {
      const { code, output, errors } = await kelpie('publish', 'nodes.lobby-1', 'I am here');
      expect(code).to.equal(1);
      expect(output).to.equal('');
      expect(errors).to.include('TOPIC_RESERVED').and.include('nodes.lobby-1');
    });
  });

  describe('nodes --watch', () => {
    it('lists who is there, then tells who comes, changes and goes', async () => {
      await wire.join('there-already');
      const watch = startKelpie(['nodes', '--watch'], kelpied.endpoint);
      following.push(watch);
      await watch.line(/^there-already +SERVICE +READY/);
      const { stream } = await wire.join('newcomer');
      await watch.line(/^\d\d:\d\d:\d\d {2}newcomer {2}joined$/);
      stream.send({ update_own_node: { change: { state: 'NODE_STATE_MAINTENANCE' } } });
      await watch.line(/newcomer {2}is MAINTENANCE$/);
      await stream.leave();
      await watch.line(/newcomer {2}left \(STOPPED\)$/);
    });

    it('refuses a role or state that is none, and says which there are', async () => {
      const { code, errors } = await kelpie('nodes', '--role', 'king');
      expect(code).to.equal(2);
      expect(errors).to.include('proxy, downstream, service');
    });
  });

  describe('tail', () => {
    it('prints a line for each event, from the first one with --all', async () => {
      await tell('tail.all', 'one', 'two');
      const tail = follow('--all', 'tail.all');
      expect(await tail.line(/one/)).to.match(/^\d\d:\d\d:\d\d\.\d{3} {2}tail\.all {2}- {2}one$/);
      await tail.line(/two/);
      const { stream } = await wire.join('speaker');
      stream.publish(1, {
        topic: 'tail.all',
        payload: { type: 'chat', content: { data: Buffer.alloc(3) } },
      });
      expect(await tail.line(/speaker/)).to.match(/ {2}tail\.all {2}speaker {2}\[chat\] 3 bytes$/);
      expect(tail.lines).to.have.length(3);
    });

    it('prints one JSON object a line with --json', async () => {
      await tell('tail.json', 'one');
      const tail = follow('--all', '--json', 'tail.json', 'nodes.tailed');
      await tail.line(/one/);
      await wire.join('tailed', { role: 'NODE_ROLE_PROXY' });
      await tail.line(/nodeJoined/);
      const [first, second] = tail.lines.map(parsed);
      expect(first).to.have.property('topic', 'tail.json');
      expect(first).to.have.nested.property('messagePublished.content.text', 'one');
      expect(second).to.have.property('topic', 'nodes.tailed');
      expect(second).to.have.nested.property('nodeJoined.node.role', 'NODE_ROLE_PROXY');
    });

    it('begins with what is young enough with --since', async () => {
      await tell('tail.since', 'an hour is longer than this test');
      const tail = follow('--since', '1h', 'tail.since');
      await tail.line(/an hour is longer/);
    });

    it('begins with what happens next if nothing else is said', async () => {
      await tell('tail.now', 'old');
      const tail = follow('tail.now');
      // Nobody is told when it has begun, so somebody talks until it is heard.
      const talk = setInterval(() => void tell('tail.now', 'new'), 50);
      await tail.line(/new/).finally(() => clearInterval(talk));
      expect(tail.lines.join('\n')).to.not.include('old');
    });

    it('ends well when it is interrupted, and when its reader has gone', async () => {
      await tell('tail.end', 'one');
      const [interrupted, unread] = [follow('--all', 'tail.end'), follow('--all', 'tail.end')];
      await Promise.all([interrupted.line(/one/), unread.line(/one/)]);
      expect(await interrupted.stop('SIGINT')).to.equal(0);
      unread.stopReading();
      // It sees that nobody reads when it writes.
      await tell('tail.end', 'two');
      expect(await unread.ended).to.equal(0);
      expect(unread.errors()).to.equal('');
    });

    it('fails at once on a pattern that nobody may read', async () => {
      const { code, errors } = await kelpie('tail', 'inbox.lobby-1');
      expect(code).to.equal(1);
      expect(errors).to.include('TOPIC_RESERVED').and.include('inbox.lobby-1');
    });

    it('goes on over a restart of the coordinator, and shows that events were lost', async () => {
      let short = await startKelpied();
      const args = (...more: string[]) => ['tail', '--all', ...more, 'restart'];
      const tails = [
        startKelpie(args(), short.endpoint),
        startKelpie(args('--json'), short.endpoint),
      ];
      following.push(...tails);
      const announce = async (text: string) => {
        const said = await runKelpie(['publish', 'restart', text], short.endpoint);
        expect(said.code).to.equal(0);
        await Promise.all(tails.map((tail) => tail.line(new RegExp(text))));
      };
      try {
        await announce('before');
        await short.kill();
        short = await startKelpied(['--port', String(short.port)]);
        await announce('afterwards');
      } finally {
        await short.kill();
      }
      const [plain, json] = tails;
      expect(plain?.lines).to.have.length(3);
      expect(plain?.lines[1]).to.include('events were lost').and.include('EPOCH_CHANGED');
      const objects = json?.lines.map(parsed) ?? [];
      expect(objects).to.have.length(3);
      expect(objects[1]).to.include({ kind: 'Gap', reason: 'GAP_REASON_EPOCH_CHANGED' });
      expect(plain?.errors()).to.include('trying again');
    });
  });

  it('goes on at the next endpoint when its own is lost, and begins there if the first is not there', async () => {
    const [first, second] = await Promise.all([startKelpied(), startKelpied()]);
    const endpoints = [await closedPort(), first.endpoint, second.endpoint].join();
    const followers = ['tail chat', 'nodes --watch', 'top --interval 0.1'].map((args) =>
      startKelpie([...args.split(' '), '--json'], endpoints),
    );
    following.push(...followers);
    const [tail, nodes, top] = followers;
    const one = new Wire(first.endpoint);
    const other = new Wire(second.endpoint);
    /** Says something until a follower shows that it heard it. */
    const heard = (wire: Wire, text: string) => {
      const events = [say('chat', text)];
      const talk = setInterval(() => void wire.call('EventService.PublishEvents', { events }), 50);
      return tail?.line(new RegExp(text)).finally(() => clearInterval(talk));
    };
    try {
      await one.join('early');
      await Promise.all([top?.line(/"info"/), nodes?.line(/early/), heard(one, 'here')]);
      await first.kill();
      for (const kelpie of followers) await until(() => kelpie.errors().includes('trying again'));
      await heard(other, 'there');
      await other.join('late');
      await nodes?.line(/late/);
      const sessions = /"sessions":\[\{[^\]]*late/;
      await top?.line(sessions);
      // One command, too.
      expect((await runKelpie(['info'], endpoints)).code).to.equal(0);
    } finally {
      for (const wire of [one, other]) wire.close();
      await second.kill();
    }
  });

  it('takes --endpoint and --json before its command and after it; what comes after it counts', async () => {
    const nowhere = await closedPort();
    const info = async (...args: string[]) => {
      const { code, output } = await runKelpie(args, nowhere);
      return code === 0 ? output.split('\n').length : 'failed';
    };
    const { endpoint } = kelpied;
    expect(await info('--endpoint', endpoint, '--json', 'info')).to.equal(1);
    expect(await info('--endpoint', nowhere, 'info', '--endpoint', endpoint)).to.be.greaterThan(1);
    expect(await info('--endpoint', endpoint, 'info', '--endpoint', nowhere)).to.equal('failed');
  });

  describe('ends', () => {
    it('with 1 and a message when what it prints cannot be written', async () => {
      await tell('chat.full', 'hello');
      for (const args of ['nodes', 'info --json', 'tail chat.full --all', 'doctor', '--help']) {
        const env = { KELPIE_ENDPOINTS: kelpied.endpoint };
        const { code, errors } = await onFullDisk(CLI, args.split(' '), env);
        expect(errors, args).to.match(/^kelpie: the output cannot be written: ENOSPC/);
        expect(code, args).to.equal(1);
      }
      for (const args of ['config', '--help']) {
        const { code, errors } = await onFullDisk(DAEMON, [args], {});
        expect(errors, args).to.match(/^kelpied: the output cannot be written: ENOSPC/);
        expect(code, args).to.equal(1);
      }
    });

    it('with 0 and without a message when nobody reads its help', () => {
      for (const program of [CLI, DAEMON]) {
        const piped = '{ "$0" "$1" --help; echo "$?" >&2; } | true';
        const { stderr } = spawnSync('sh', ['-c', piped, process.execPath, program]);
        expect(stderr.toString()).to.equal('0\n');
      }
    });

    it('with 1 and advice when no coordinator answers', async () => {
      const closed = await closedPort();
      const commands = [
        ['nodes'],
        ['info'],
        ['publish', 'chat.global', 'hello'],
        ['tail', 'chat.>'],
      ];
      const runs = commands.map((args) => runKelpie(args, closed));
      for (const { code, output, errors } of await Promise.all(runs)) {
        expect(code).to.equal(1);
        expect(output).to.equal('');
        expect(errors.trim()).to.equal(
          `kelpie: no coordinator answers at ${closed}; is kelpied running there? kelpie doctor says what is in the way`,
        );
      }
    });

    const wrong: [string, string[], RegExp][] = [
      ['no command', [], /Usage: kelpie/],
      ['an unknown command', ['node'], /unknown command 'node'.*nodes/s],
      ['an unknown command of a group', ['state', 'gte'], /unknown command 'gte'.*get/s],
      ['one where the group has a default', ['routing', 'edt'], /unknown command 'edt'.*edit/s],
      ['an unknown option', ['nodes', '--jsn'], /unknown option '--jsn'.*--json/s],
      ['a missing argument', ['publish', 'chat.global'], /missing required argument 'message'/],
      ['an argument too many', ['nodes', 'a'], /too many arguments/],
      [
        'a message of two words',
        ['publish', 'chat', 'a', 'b'],
        /in quotes, kelpie publish chat 'a b'$/m,
      ],
      ['an empty endpoint', ['nodes', '--endpoint', ''], /"" is no endpoint/],
      ['a format that is none', ['nodes', '-o', 'xml'], /one of table, json, yaml/],
      ['a bad age', ['tail', 'chat.>', '--since', 'soon'], /--since.*90s, 10m, 2h or 1d/s],
      ['a bad attribute', ['publish', 'a', 'b', '--attribute', 'x'], /--attribute.*name=value/s],
      ['a bad endpoint', ['nodes', '--endpoint', 'nowhere'], /"nowhere" is no endpoint/],
      ['two beginnings', ['tail', 'chat.>', '--all', '--since', '1m'], /either --all or --since/],
      ['an object that is none', ['publish', 'a', '[1]', '--object'], /must be a JSON object/],
    ];
    it('with help that names no default where nothing was asked for', async () => {
      for (const asked of ['nodes', 'kick', 'call', 'publish']) {
        const { output, code } = await kelpie(asked, '--help');
        expect(code).to.equal(0);
        expect(output).to.include('default: 127.0.0.1:50051');
        expect(output).not.to.match(/default: (\[\]|\{\}|""|false|0\b)/);
      }
    });

    for (const [what, args, sentence] of wrong) {
      it(`with 2 and a clear sentence for ${what}`, async () => {
        const { code, output, errors } = await kelpie(...args);
        expect(errors).to.match(sentence);
        expect(output).to.equal('');
        expect(code).to.equal(2);
      });
    }

    it('with 0 for --help and --version', async () => {
      const [help, version] = await Promise.all([kelpie('--help'), kelpie('--version')]);
      expect(help.code).to.equal(0);
      expect(help.output)
        .to.match(
          /^Look:.* nodes .* tail .*^Say:.* publish .*^Do:.* disconnect .*^Setup:.* context /ms,
        )
        .and.include('Exit codes');
      expect(version.code).to.equal(0);
      expect(version.output).to.match(/^\d+\.\d+\.\d+/);
    });
  });
});

function parsed(line: string): Record<string, unknown> {
  return JSON.parse(line) as Record<string, unknown>;
}

const CLI = fileURLToPath(new URL('../../client/cli/main.js', import.meta.url));
const DAEMON = fileURLToPath(new URL('../../server/main.js', import.meta.url));

/** Runs a program whose stdout is a disk without room. */
async function onFullDisk(program: string, args: string[], env: NodeJS.ProcessEnv) {
  const disk = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', disk, 'pipe'],
    env: { ...process.env, ...env },
  });
  closeSync(disk);
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, errors };
}

/** A port of this machine where nobody listens. */
async function closedPort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('it had no port');
  return `127.0.0.1:${address.port}`;
}
