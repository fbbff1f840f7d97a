/** kelpie at several endpoints, when a coordinator goes away while it is asked. */
import { expect } from 'chai';
import { createServer, ServerError, Status } from 'nice-grpc';
import { CoordinatorServiceDefinition } from '../../gen/ts/kelpie/v1/coordinator_service.js';
import { NetworkServiceDefinition } from '../../gen/ts/kelpie/v1/network_service.js';
import { type Coordinator, startCoordinator } from '../../server/coordinator.js';
import { runKelpie } from '../support/process/cli.js';

describe('kelpie at a coordinator that goes away', () => {
  const server = createServer();
  let asked: string[] = [];
  let endpoints: string;
  let coordinator: Coordinator;

  before(async () => {
    const gone = (name: string) => async (): Promise<never> => {
      asked.push(name);
      throw new ServerError(Status.UNAVAILABLE, 'Stream refused by server');
    };
    const info = gone('getInfo');
    server.add(CoordinatorServiceDefinition, {
      getInfo: info,
      listCoordinators: gone('listCoordinators'),
      listSessions: info,
    });
    server.add(NetworkServiceDefinition, {
      getSettings: async () => ({ settings: undefined, sequence: 0 }),
      setSettings: gone('setSettings'),
    });
    const port = await server.listen('127.0.0.1:0');
    coordinator = await startCoordinator({ journal: 'memory', port: 0 });
    endpoints = `127.0.0.1:${port},${coordinator.endpoint}`;
  });
  beforeEach(() => {
    asked = [];
  });
  after(async () => {
    await coordinator.stop();
    server.forceShutdown();
  });

  it('reads at the next one', async () => {
    const { code, output, errors } = await runKelpie(['coordinators'], endpoints);
    expect({ code, errors }).to.deep.equal({ code: 0, errors: '' });
    expect(output).to.contain(coordinator.id);
    expect(asked).to.deep.equal(['listCoordinators']);
  });

  it('changes nothing at the next one', async () => {
    const { code, errors } = await runKelpie(['maintenance', 'on'], endpoints);
    expect(code).to.equal(1);
    expect(errors).to.match(/may have done it$/m);
    expect(asked).to.deep.equal(['setSettings']);
    const { output } = await runKelpie(['maintenance'], coordinator.endpoint);
    expect(output).to.match(/off/);
  });
});
