/** The limits on the bytes of requests: one connection cannot shut out another. */
import { expect } from 'chai';
import { REQUEST_BYTES, RequestBytes } from '../../../server/edge/grpc/request-bytes.js';

const KIB = 1024;

describe('the bytes of requests', () => {
  it('are limited for all connections together', () => {
    const requests = new RequestBytes();
    expect(requests.take('a', REQUEST_BYTES / 2)).to.equal(true);
    expect(requests.take('b', REQUEST_BYTES / 2)).to.equal(true);
    expect(requests.take('a', 1)).to.equal(false);
    expect(requests.take('c', 65 * KIB)).to.equal(false);
  });

  it('leave a little room for each connection, even when the others hold the rest', () => {
    const requests = new RequestBytes();
    requests.take('greedy', REQUEST_BYTES);
    expect(requests.take('modest', 60 * KIB)).to.equal(true);
    expect(requests.take('modest', 5 * KIB)).to.equal(false);
    expect(requests.take('greedy', 1)).to.equal(false);
  });

  it('are released', () => {
    const requests = new RequestBytes();
    requests.take('a', REQUEST_BYTES);
    requests.take('b', 60 * KIB);
    requests.release('b', 60 * KIB);
    expect(requests.take('b', 60 * KIB)).to.equal(true);
    requests.release('a', REQUEST_BYTES);
    expect(requests.take('b', REQUEST_BYTES / 2)).to.equal(true);
  });
});
