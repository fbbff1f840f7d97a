/** NodeService.DrainNode and CancelNodeDrain: the progress of a drain for one caller, and its end by an operator. */
import type { CallContext } from 'nice-grpc';
import {
  type CancelNodeDrainRequest,
  type CancelNodeDrainResponse,
  type DrainNodeRequest,
  type DrainNodeResponse,
  DrainStage,
} from '../../../gen/ts/kelpie/v1/node_service.js';
import { Wakeup } from '../../core/wakeup.js';
import { wireError } from '../../core/wire-error.js';
import type { Network } from '../../network/network.js';
import type { NodeClaims } from '../../nodes/claims.js';
import type { DrainProgress } from '../../transfers/drain-watchers.js';
import type { Drains } from '../../transfers/drains.js';

/** The services that these calls use. */
export interface DrainServices {
  readonly network: Pick<Network, 'head'>;
  readonly drains: Drains;
  readonly claims: Pick<NodeClaims, 'drains'>;
  /** Aborts with the error for callers when the coordinator begins to stop. */
  readonly draining: AbortSignal;
}

/** A slow caller gets the newest progress alone, and always the last. */
export async function* drainCall(
  { drains, draining }: DrainServices,
  request: DrainNodeRequest,
  { signal }: CallContext,
): AsyncGenerator<DrainNodeResponse> {
  const unread: DrainProgress[] = [];
  const wakeup = new Wakeup();
  const stop = await drains.drain(request, (progress) => {
    unread[0] = progress;
    wakeup.wake();
  });
  for (const one of [signal, draining]) one.addEventListener('abort', wakeup.wake);
  try {
    while (!signal.aborted) {
      const progress = unread.pop();
      if (progress) yield responseOf(progress);
      if (progress && progress.stage !== DrainStage.MOVING) return;
      draining.throwIfAborted();
      if (unread.length === 0) await wakeup.wait();
    }
  } finally {
    for (const one of [signal, draining]) one.removeEventListener('abort', wakeup.wake);
    stop();
  }
}

function responseOf({ lastError, ...progress }: DrainProgress): DrainNodeResponse {
  return { ...progress, lastError: lastError && wireError(lastError) };
}

export async function cancelDrain(
  { network, claims }: DrainServices,
  { name }: CancelNodeDrainRequest,
): Promise<CancelNodeDrainResponse> {
  const node = await claims.drains.cancel(name);
  return { node, cursor: network.head };
}
