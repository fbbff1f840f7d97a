/** A change that breaks the released contract fails this check. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

/** The compiled file lies one folder deeper, in dist. */
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

describe('the released contract', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kelpie-contract-'));
    await cp(join(ROOT, 'protos'), join(folder, 'protos'), { recursive: true });
    await cp(join(ROOT, 'buf.yaml'), join(folder, 'buf.yaml'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** The check of `make check`, on the copy. */
  const check = () =>
    new Promise<{ code: number; output: string }>((resolve) => {
      const buf = join(ROOT, 'node_modules/.bin/buf');
      const args = ['breaking', '--against', join('protos', 'released.binpb')];
      execFile(buf, args, { cwd: folder }, (error, stdout, stderr) =>
        resolve({ code: Number(error?.code ?? 0), output: stdout + stderr }),
      );
    });

  const change = async (from: string, to: string): Promise<void> => {
    const file = join(folder, 'protos/kelpie/v1/event.proto');
    const proto = await readFile(file, 'utf8');
    expect(proto).to.contain(from);
    await writeFile(file, proto.replace(from, to));
  };

  it('is compatible with the present protos', async () => {
    expect(await check()).to.deep.equal({ code: 0, output: '' });
  });

  it('allows a new field', async () => {
    await change('string source = 3;', 'string source = 3;\n  // New.\n  string note = 100;');
    expect((await check()).code).to.equal(0);
  });

  for (const [what, to] of [
    ['number', 'string source = 99;'],
    ['name', 'string publisher = 3;'],
    ['type', 'bool source = 3;'],
  ] as const) {
    it(`refuses a field of another ${what}`, async () => {
      await change('string source = 3;', to);
      const { code, output } = await check();
      expect(code).to.equal(100);
      expect(output).to.match(/event\.proto:\d+:\d+:.*"source"/);
    });
  }
});
