/** Builds the services of one network in order, and passes each service only the parts that it uses. */
import type { Cancel } from './core/clock.js';
import type { End } from './core/ending.js';
import type { KelpieError } from './core/errors.js';
import { turnsBy } from './delivery/turns.js';
import { CallPublisher } from './events/publish-once.js';
import {
  openAudit,
  openClaims,
  openCommands,
  openDelivery,
  openExchange,
  openLoads,
  openNetwork,
  openRouting,
  openTransfers,
  type Services,
  type Settings,
} from './parts.js';
import { PlayerOwnership } from './players/ownership.js';
import { moveWhileCutOff } from './session/cut-off.js';
import { sendEvictions } from './session/evictions.js';
import { allObservers } from './session/observer.js';
import { sessionProbe } from './session/probe.js';
import { SessionRegistry } from './session/registry.js';
import { sessionPort } from './session/serve.js';
import { loseStreamless } from './session/streamless.js';

export type { Services, Settings } from './parts.js';

/** Starts the services, and adds the end of each service to `ends` at once, because a later service may fail. */
export async function wire(settings: Settings, ends: End[]): Promise<Services> {
  const { identity, members, bus, limits, times, clock, listening, onFault } = settings;
  const common = { identity, members, bus, limits, times, clock, listening, onFault };
  const { turns = turnsBy(clock) } = settings;
  const stored = openNetwork(settings, turns);
  const { network, nodeRows, playerRows, playerWriter, operatorSettings } = stored;
  await network.load();
  const audit = openAudit(network, settings, ends);
  const across = await openExchange({ ...common, ...stored }, ends);
  const basis = { ...common, ...stored, ...across };
  const { claims, reservations, tickets } = await openClaims(basis, ends);
  const ownership = new PlayerOwnership(playerWriter, { ...common, ...times, operatorSettings });
  ends.push(() => ownership.close());
  const observed = settings.observers?.({ ...stored, clock }) ?? [];
  const observer = allObservers(
    observed.filter((one) => one !== undefined),
    onFault,
  );
  const registry = new SessionRegistry(network, nodeRows, { ...common, observer });
  ends.push(moveWhileCutOff({ ...common, registry }));
  const probe = sessionProbe({ ...basis, registry });
  sendEvictions(network, playerRows, registry);
  loseStreamless(nodeRows, claims, { registry, ...across });
  const asking = openCommands({ ...basis, registry });
  const routing = openRouting({ ...basis, ...asking, reservations });
  const moving = { ...basis, ...asking, ...routing, claims, reservations, tickets };
  const { transfers, drains } = openTransfers(moving, ends);
  const { stopLoads, ...loads } = openLoads({ ...basis, registry }, ends);
  const services = {
    ...{ ...basis, ...asking, claims, ownership, tickets, reservations, observer },
    ...{ ...routing, transfers, drains },
    ...openDelivery(stored, common, turns),
    ...{ registry, ...loads, audit, probe },
    callPublisher: new CallPublisher(network, limits, clock),
  };
  const endings = endingsOf(services, stopLoads);
  return { ...services, port: sessionPort(services), ...endings };
}

/** The two ways in which the services of a network end their work. */
function endingsOf(
  { drains, transfers, commands, registry }: Omit<Services, 'port' | 'drain' | 'end'>,
  stopLoads: Cancel,
): Pick<Services, 'drain' | 'end'> {
  const drain = async (): Promise<void> => {
    drains.close();
    transfers.drain();
    await registry.drain();
    transfers.close();
    stopLoads();
  };
  const end = (error: () => KelpieError): void => {
    drains.close();
    transfers.close();
    commands.close();
    registry.end(error);
    stopLoads();
  };
  return { drain, end };
}
