/** Which coordinator is asked, with which token and certificates: by options, the environment, or a context. */
import { endpointsOf } from '../../core/endpoints.js';
import type { TlsOptions } from '../../api/index.js';
import { type Context, contextNamed, readContexts } from './contexts.js';

/** How the user names a coordinator. */
export interface PlaceOptions extends TlsOptions {
  readonly endpoint?: readonly string[];
  readonly context?: string;
}

export interface Place extends TlsOptions {
  /** The first that answers is asked. */
  readonly endpoints: readonly string[];
  readonly token?: string;
  readonly tokenFile?: string;
}

/**
 * The first of these that is given: --endpoint, --context, KELPIE_ENDPOINTS, KELPIE_CONTEXT, the context of
 * `kelpie context use`, the coordinator on this machine. A context's token goes to no other endpoints,
 * unless both options are given. The same holds for its certificates.
 */
export function placeOf(options: PlaceOptions): Place {
  const context = contextOf(options);
  return {
    endpoints: options.endpoint ?? context?.endpoints ?? endpointsOf(undefined),
    ...tokenOf(context),
    ...tlsOf(options, context),
  };
}

/** The context that counts; undefined if there is none. */
function contextOf({ endpoint, context }: PlaceOptions): Context | undefined {
  if (context !== undefined) return contextNamed(context, readContexts());
  if (endpoint || variable('KELPIE_ENDPOINTS') !== undefined) return undefined;
  const contexts = readContexts();
  const name = variable('KELPIE_CONTEXT') ?? contexts.current;
  return name === undefined ? undefined : contextNamed(name, contexts);
}

/** A variable counts before the context. */
function tokenOf(context: Context | undefined): Pick<Place, 'token' | 'tokenFile'> {
  const token = variable('KELPIE_TOKEN');
  if (token !== undefined) return { token };
  const tokenFile = variable('KELPIE_TOKEN_FILE');
  if (tokenFile !== undefined) return { tokenFile };
  return given({ token: context?.token, tokenFile: context?.tokenFile });
}

/** Where the token comes from, for people; undefined: there is none. */
export function tokenSourceOf(options: PlaceOptions): string | undefined {
  if (variable('KELPIE_TOKEN') !== undefined) return 'KELPIE_TOKEN';
  const file = variable('KELPIE_TOKEN_FILE');
  if (file !== undefined) return `${file} (KELPIE_TOKEN_FILE)`;
  const context = contextOf(options);
  if (context?.token !== undefined) return 'the context of kelpie context';
  return context?.tokenFile === undefined ? undefined : `${context.tokenFile} (of the context)`;
}

/** The options count before the variables, and these before the context. Plain text is asked for by name alone. */
function tlsOf(options: PlaceOptions, context: Context | undefined): TlsOptions {
  const { ca, cert, key, tls, insecure } = options;
  const asked = { ...given({ ca, cert, key, tls }), ...given({ insecure }) };
  if (insecure ?? (Object.keys(asked).length === 0 && context?.insecure)) {
    return { ...asked, insecure: true };
  }
  const stored = { ca: context?.ca, cert: context?.cert, key: context?.key };
  const set = {
    ca: variable('KELPIE_CA'),
    cert: variable('KELPIE_CERT'),
    key: variable('KELPIE_KEY'),
  };
  return { ...given(stored), ...given(set), ...asked };
}

/** The fields that have a value. */
function given<T extends object>(fields: T) {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Field in keyof T]?: Exclude<T[Field], undefined>;
  };
}

/** An empty variable is one that is not set. */
function variable(name: string): string | undefined {
  const value = process.env[name];
  return value === '' ? undefined : value;
}
