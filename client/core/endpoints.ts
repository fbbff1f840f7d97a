/** Addresses of coordinators, as people and programs write them. */
import { KelpieError } from '../errors.js';
import { shown, textList } from './arguments.js';

/** The address on which kelpied listens by default. */
export const DEFAULT_ENDPOINT = '127.0.0.1:50051';

/** The endpoints of the option, else those of the environment, else the default. Throws OUT_OF_RANGE. */
export function endpointsOf(given: string | readonly string[] | undefined): string[] {
  // An empty variable counts as not set.
  const variable = process.env['KELPIE_ENDPOINTS'];
  const all = given ?? (variable === '' ? undefined : variable) ?? DEFAULT_ENDPOINT;
  const endpoints = (typeof all === 'string' ? all.split(',') : textList('endpoints', all)).map(
    (one) => one.trim(),
  );
  const odd = endpoints.find((one) => !isEndpoint(one));
  if (odd === undefined && endpoints.length > 0) return endpoints;
  throw new KelpieError(
    'OUT_OF_RANGE',
    `${shown(odd ?? '')} is no endpoint; an endpoint is host:port, as in 127.0.0.1:50051`,
    { permanent: true },
  );
}

function isEndpoint(text: string): boolean {
  const [, port] = /^(?:\[[^\]]+\]|[^:\s]+):(\d{1,5})$/.exec(text) ?? [];
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535;
}
