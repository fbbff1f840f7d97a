import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { Status } from 'nice-grpc-common';
import { ErrorReason } from '../../../gen/ts/kelpie/v1/error.js';
import { Code, KelpieError, reasons } from '../../../server/core/errors.js';

/** The compiled file lies one folder deeper, in dist. */
const README = new URL('../../../../protos/README.md', import.meta.url);
const PROTO = new URL('../../../../protos/kelpie/v1/error.proto', import.meta.url);

describe('the table of reasons', () => {
  it('has exactly the reasons of the contract', () => {
    const contract = Object.keys(ErrorReason).filter((name) => name !== 'UNSPECIFIED');
    expect(Object.keys(reasons).sort()).to.deep.equal(contract.sort());
  });

  it('has the numbers of the codes of gRPC', () => {
    const codes = Object.entries(Code).map(([name, number]) => [name, number]);
    expect(codes).to.deep.equal(codes.map(([name]) => [name, Status[name as keyof typeof Status]]));
  });

  it('gives every error the code of its reason', () => {
    expect(new KelpieError('NODE_NOT_FOUND', '').code).to.equal(Status.NOT_FOUND);
    expect(new KelpieError('OUTCOME_UNKNOWN', '').code).to.equal(Status.UNAVAILABLE);
    expect(new KelpieError('FRAME_UNKNOWN', '').code).to.equal(Status.UNIMPLEMENTED);
  });

  it('has the same codes as the comments of the contract, reason by reason', async () => {
    const proto = await readFile(PROTO, 'utf8');
    const [, body = ''] = /^enum ErrorReason \{\n(.*?)^\}/ms.exec(proto) ?? [];
    const explained = [...body.matchAll(/^ {2}\/\/ \S.*\n {2}ERROR_REASON_(\w+) = (\d+);$/gm)].map(
      ([, name, number]) => [name, Number(number)],
    );
    expect(explained).to.deep.equal(Object.entries(ErrorReason));
  });

  it('is the table of protos/README.md, in the words of the contract', async () => {
    const [proto, document] = await Promise.all([
      readFile(PROTO, 'utf8'),
      readFile(README, 'utf8'),
    ]);
    const [, body = ''] = /^enum ErrorReason \{\n(.*?)^\}/ms.exec(proto) ?? [];
    const documented = [
      ...body.matchAll(/((?: {2}\/\/ .*\n)+) {2}ERROR_REASON_(\w+) = [1-9]/g),
    ].map(([, comment = '', name = '']) => {
      const meaning = comment
        .replaceAll(/^ {2}\/\/ /gm, '')
        .trim()
        .replaceAll('\n', ' ');
      return [name, reasons[name as keyof typeof reasons], meaning];
    });
    const listed = [...document.matchAll(/^\| ([A-Z_]+) +\| ([A-Z_]+) +\| (.*?) +\|$/gm)];
    expect(listed.map((row) => row.slice(1))).to.deep.equal(documented);
  });
});

describe('an error', () => {
  it('has its metadata, its cause and the time to wait before another attempt', () => {
    const cause = new Error('the disk is full');
    const options = { cause, retryAfterMs: 1000 };
    const error = new KelpieError('OUTCOME_UNKNOWN', 'try again', { name: 'a' }, options);
    expect(error).to.be.instanceOf(Error);
    expect(error.message).to.equal('try again');
    expect(error.metadata).to.deep.equal({ name: 'a' });
    expect(error.cause).to.equal(cause);
    expect(error.retryAfterMs).to.equal(1000);
  });

  it('cuts its message and metadata to the size that the trailers of a call carry', () => {
    const long = 'x'.repeat(766) + '😀'.repeat(60_000);
    const error = new KelpieError('NODE_NOT_FOUND', long, { name: long, proposal: long });
    expect(error.message).to.equal('x'.repeat(766));
    expect(Buffer.byteLength(Object.values(error.metadata).join(''))).to.be.at.most(1024);
    expect(Object.keys(error.metadata)).to.deep.equal(['name', 'proposal']);
  });

  it('has no metadata, cause or time to wait unless these are given', () => {
    const error = new KelpieError('INTERNAL', 'a fault');
    expect(error.metadata).to.deep.equal({});
    expect(error.cause).to.equal(undefined);
    expect(error.retryAfterMs).to.equal(undefined);
  });
});
