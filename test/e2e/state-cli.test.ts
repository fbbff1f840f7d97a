/** kelpie state: an operator reads and changes shared values. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { runKelpie, startKelpie } from '../support/process/cli.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { Wire } from '../support/wire/wire.js';

describe('kelpie state', () => {
  let kelpied: Kelpied;
  let wire: Wire;
  let folder: string;

  before(async () => {
    kelpied = await startKelpied(['--drain-seconds', '0']);
    wire = new Wire(kelpied.endpoint);
    folder = mkdtempSync(join(tmpdir(), 'kelpie-state-'));
  });
  after(async () => {
    rmSync(folder, { recursive: true });
    await wire.leave();
    wire.close();
    await kelpied.stop();
  });

  const kelpie = (...args: string[]) => runKelpie(['state', ...args], kelpied.endpoint);
  const done = async (...args: string[]): Promise<string> => {
    const { code, output, errors } = await kelpie(...args);
    expect(code, errors).to.equal(0);
    return output;
  };

  it('stores, lists, shows and deletes values, in tables and as JSON', async () => {
    expect(await done('ls')).to.equal('No value is there.');
    const stored = await done('put', 'maps', 'arena.1', 'Castle', '--ttl', '10m');
    const [, sequence = ''] = /^Stored maps arena\.1 as (\d+)\.$/.exec(stored) ?? [];
    await done('put', 'maps', 'hub', '--json-value', '{"name":"Harbor","open":true}');
    expect((await done('ls', 'maps', 'arena')).split('\n').map((one) => one.trim())).to.deep.equal([
      'BUCKET  KEY      SEQUENCE          OWNER  TTL     VALUE',
      `maps    arena.1  ${sequence}  -      10 min  Castle`,
    ]);
    const [first = '', second = ''] = (await done('ls', '--json')).split('\n');
    expect(JSON.parse(first)).to.deep.include({ kind: 'StateValue', key: 'arena.1', sequence });
    expect(JSON.parse(second)).to.deep.include({
      content: { json: { name: 'Harbor', open: true } },
    });
    expect(await done('get', 'maps', 'hub')).to.match(/^value +\{"name":"Harbor","open":true\}$/m);
    expect(await done('rm', 'maps', 'arena.1', '--expect', sequence)).to.equal(
      'Deleted maps arena.1.',
    );
    expect(await done('rm', 'maps', 'hub', '--json')).to.equal(
      '{"kind":"Deleted","bucket":"maps","key":"hub"}',
    );
  });

  it('takes a file or the standard input, and shows what a terminal would obey as escapes', async () => {
    const file = join(folder, 'value');
    writeFileSync(file, 'a\u001b[31mb');
    await done('put', 'maps', 'file\u202e', `@${file}`);
    const [, shown = ''] = (await done('ls', 'maps')).split('\n');
    expect(shown).to.contain('file\\u202e').and.to.contain('a\\u001b[31mb');
    writeFileSync(file, Buffer.from([0xff, 0xfe]));
    await done('put', 'maps', 'bytes', `@${file}`);
    expect(await done('get', 'maps', 'bytes')).to.match(/^value +2 bytes$/m);
    await done('put', 'maps', 'empty', '-');
    expect(await done('get', 'maps', 'empty', '--json')).to.contain('"text":""');
  });

  it('ends with 1 for a value that is absent or has changed, and with 2 for wrong usage', async () => {
    const absent = await kelpie('get', 'maps', 'nothing');
    expect([absent.code, absent.errors]).to.deep.equal([
      1,
      'kelpie: bucket "maps" has no value "nothing" (VALUE_NOT_FOUND)\n',
    ]);
    await done('put', 'maps', 'kept', 'x');
    const changed = await kelpie('put', 'maps', 'kept', 'y', '--expect', '0');
    expect(changed.code).to.equal(1);
    expect(changed.errors).to.contain('(SEQUENCE_CONFLICT)');
    const nobody = await kelpie('put', 'maps', 'kept', 'y', '--owner', 'nobody');
    expect(nobody.errors).to.contain('(NODE_NOT_FOUND)');
    for (const [args, text] of [
      [['put', 'maps', 'k', 'no json', '--json-value'], 'it must be a JSON object or list'],
      [['put', 'maps', 'k', '@/nowhere'], 'the value cannot be read'],
      [['put', 'maps', 'k', 'v', '--ttl', 'soon'], 'Write it as 90s'],
      [['rm', 'maps', 'k', '--expect', '-'], 'It must be a sequence'],
    ] as const) {
      const { code, errors } = await kelpie(...args);
      expect(code, errors).to.equal(2);
      expect(errors).to.contain(text);
    }
  });

  it('watches a bucket: what is there, then what changes, and the end with an owner', async () => {
    const { stream } = await wire.join('lobby');
    await done('put', 'live', 'first', 'old');
    const watching = startKelpie(['state', 'watch', 'live'], kelpied.endpoint);
    await watching.line(/ {2}first {2}old$/);
    await done('put', 'live', 'bound', 'x', '--owner', 'lobby');
    await watching.line(/ {2}bound {2}x$/);
    await done('rm', 'live', 'first');
    await watching.line(/ {2}first {2}ended \(DELETED\)$/);
    stream.send({ goodbye: { reason: 'GOODBYE_REASON_STOP' } });
    await watching.line(/ {2}bound {2}ended \(OWNER_LEFT\)$/);
    expect(await watching.stop('SIGINT')).to.equal(0);
    const proposals = await runKelpie(['complete-line', 'kelpie state w'], kelpied.endpoint);
    expect(proposals.output).to.equal('watch');
  });
});
