/** Credentials that client certificates show: real handshakes with a coordinator that demands certificates of its CA. */
import { expect } from 'chai';
import { type Api, apiAt, type CredentialRequest } from '../../client/api/index.js';
import { connect, KelpieError } from '../../client/index.js';
import { type Coordinator, startCoordinator } from '../../server/coordinator.js';
import { TestCa } from '../support/certificates.js';
import { rejectionOf } from '../support/thrown.js';

describe('A client certificate', () => {
  const ca = TestCa.make();
  let coordinator: Coordinator;
  let root: Api;
  const open: Api[] = [];

  /** A peer with the certificate of this common name, and perhaps a token. */
  const peer = async (commonName: string, token?: string) => {
    const { certificate: cert, key } = await (await ca).client(commonName);
    return { ca: (await ca).certificate, cert, key, ...(token !== undefined && { token }) };
  };
  const apiOf = async (commonName: string, token?: string): Promise<Api> => {
    const api = apiAt(coordinator.endpoint, await peer(commonName, token));
    open.push(api);
    return api;
  };
  /** The name of the credential that the coordinator finds for a peer, or the reason of its refusal. */
  const found = async (commonName: string, token?: string): Promise<string | undefined> => {
    const own = (await apiOf(commonName, token)).access.own();
    return own.then(
      ({ credential }) => credential?.name,
      (error: unknown) => (error as KelpieError).reason,
    );
  };
  const create = (name: string, request: CredentialRequest) =>
    root.access.create(name, { preset: 'SERVER', ...request });

  before(async () => {
    const tls = { ...(await (await ca).server()), clientCa: (await ca).certificate };
    coordinator = await startCoordinator({ journal: 'memory', port: 0, tls });
    root = await apiOf('an operator', await coordinator.createToken({ name: 'root' }));
  });
  after(async () => {
    for (const api of open) api.close();
    await coordinator.stop();
  });

  it('is a credential by itself: its common name finds it, for calls and for sessions', async () => {
    await create('lobby-1', { certificateName: 'lobby 1', withoutToken: true });
    expect(await found('lobby 1')).to.equal('lobby-1');
    expect(await found('lobby 2')).to.equal('CREDENTIAL_INVALID');
    expect(await found('LOBBY 1')).to.equal('CREDENTIAL_INVALID');
    const { endpoint: endpoints } = coordinator;
    const join = async (name: string, commonName: string): Promise<void> => {
      const own = { ...(await peer(commonName)), logger: { warn: () => undefined } };
      const node = connect({ name, role: 'DOWNSTREAM', endpoints, ...own });
      await node.ready().finally(() => node.close());
    };
    await join('lobby-1', 'lobby 1');
    const refused = async (name: string, commonName: string): Promise<string> =>
      (await rejectionOf(KelpieError, join(name, commonName))).reason;
    expect(await refused('lobby-2', 'lobby 1')).to.equal('RIGHT_MISSING');
    expect(await refused('lobby-1', 'lobby 2')).to.equal('CREDENTIAL_INVALID');
  });

  it('counts together with the token of a credential that demands both', async () => {
    const { token } = await create('arena-1', { certificateName: 'arena 1' });
    expect(await found('arena 1', token)).to.equal('arena-1');
    expect(await found('arena 2', token)).to.equal('CREDENTIAL_INVALID');
    expect(await found('arena 1')).to.equal('CREDENTIAL_INVALID');
    const { token: plain } = await create('hub-1', {});
    expect(await found('arena 1', plain), 'a token that demands no name').to.equal('hub-1');
  });

  it('does not mend a wrong token', async () => {
    await create('gate-1', { certificateName: 'gate 1', withoutToken: true });
    expect(await found('gate 1')).to.equal('gate-1');
    expect(await found('gate 1', `klp_${'A'.repeat(43)}`)).to.equal('CREDENTIAL_INVALID');
  });
});
