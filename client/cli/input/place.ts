/** Which coordinator is asked, and with which token: by options, the environment, or a context. */
import { DEFAULT_ENDPOINT, endpointsOf } from '../../core/endpoints.js';
import { warn } from '../output/output.js';
import { type Context, contextNamed, readContexts } from './contexts.js';

/** How the user names a coordinator. */
export interface PlaceOptions {
  readonly endpoint?: readonly string[];
  readonly context?: string;
}

export interface Place {
  /** The first that answers is asked. */
  readonly endpoints: readonly string[];
  readonly token?: string;
}

/**
 * The first of these that is given: --endpoint, --context, KELPIE_ENDPOINTS, KELPIE_CONTEXT, the context of
 * `kelpie context use`, the coordinator on this machine. A context's token goes to no other endpoints,
 * unless both options are given.
 */
export function placeOf({ endpoint, context }: PlaceOptions): Place {
  const named = context === undefined ? undefined : used(context);
  if (endpoint) return withToken(endpoint, named);
  if (named) return withToken(named.endpoints, named);
  if (variable('KELPIE_ENDPOINTS') !== undefined) return withToken(endpointsOf(undefined));
  const contexts = variable('KELPIE_CONTEXT') ?? readContexts().current;
  if (contexts === undefined) return withToken([DEFAULT_ENDPOINT]);
  const found = used(contexts);
  return withToken(found.endpoints, found);
}

function used(name: string): Context {
  const context = contextNamed(name, readContexts());
  if (context.ca !== undefined) {
    warn(`the CA of context "${name}" is not used: Kelpie has no TLS yet, and encrypts nothing`);
  }
  return context;
}

function withToken(endpoints: readonly string[], context?: Context): Place {
  const token = variable('KELPIE_TOKEN') ?? context?.token;
  return { endpoints, ...(token !== undefined && { token }) };
}

/** An empty variable is one that is not set. */
function variable(name: string): string | undefined {
  const value = process.env[name];
  return value === '' ? undefined : value;
}
