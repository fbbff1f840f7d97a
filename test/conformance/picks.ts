/** The scenarios of test/contract/routing, as rows of a roster and picks from it. */
import { readFileSync } from 'node:fs';
import type { Json } from './contract.js';

/** The most players of a server in a case that is played: each of them is a row. */
const MOST_PLAYERS = 300;

/** The compiled file lies in dist. */
const FOLDER = new URL('../../../test/contract/routing/', import.meta.url);

interface Stored {
  readonly name: string;
  readonly request: {
    readonly occasion: string;
    readonly reason?: string;
    readonly host?: string;
    readonly from_server?: string;
    readonly last_server?: string;
    readonly player_properties?: Readonly<Record<string, string>>;
    readonly table?: {
      readonly rules?: readonly { readonly strategy?: string; otherwise?: string }[];
    };
  };
  readonly servers: readonly { readonly node: Json; readonly players: number }[];
  readonly random: number;
  readonly turn: number;
  readonly response: { readonly server: string };
}

/** A pick: the rows of the roster before it, what the driver is asked, and the right server. */
export interface PickCase {
  readonly name: string;
  readonly rows: readonly Json[];
  /** The slots that reservations hold: they are no part of a row. */
  readonly reserved: readonly Json[];
  readonly request: Json;
  readonly server: string;
}

/** The cases of a file. Those that depend on a random number or a turn are left out, as a driver cannot set
 * these; and those with very many players. */
export function pickCases(file: string): PickCase[] {
  const { scenarios } = JSON.parse(readFileSync(new URL(`${file}.json`, FOLDER), 'utf8')) as {
    readonly scenarios: readonly Stored[];
  };
  return scenarios.filter(isCertain).map(({ name, request, servers, response }, index) => ({
    name,
    rows: rowsOf(request.table ?? {}, servers, 1000 * (index + 1)),
    reserved: servers.map(({ node }) => ({
      name: node['name'],
      reservedSlots: node['reserved_slots'] ?? 0,
    })),
    request: requestOf(request),
    server: response.server,
  }));
}

function isCertain({ request, servers, random, turn }: Stored): boolean {
  const strategies = (request.table?.rules ?? []).flatMap(({ strategy, otherwise }) => [
    strategy ?? '',
    otherwise ?? '',
  ]);
  const isDrawn = strategies.some((one) => /RANDOM|ROUND_ROBIN/.test(one));
  const isSmall = servers.every(({ players }) => players <= MOST_PLAYERS);
  return !isDrawn && isSmall && random === 0 && turn === 0;
}

/** The rows have sequences above those of the case before, which they replace. */
function rowsOf(table: object, servers: Stored['servers'], base: number): Json[] {
  let sequence = base;
  const players = servers.flatMap(({ node, players: count }) =>
    Array.from({ length: count }, (): Json => {
      sequence += 1;
      const facts = { name: `Player ${sequence}`, proxy: 'gate-9', generation: sequence };
      return { sequence, player: { id: String(sequence), ...facts, server: node['name'] } };
    }),
  );
  const nodes = servers.map(({ node }): Json => ({ sequence: ++sequence, node }));
  return [...players, ...nodes, { sequence: sequence + 1, routing: { ...table } }];
}

/** The driver protocol has names without prefixes. */
function requestOf(request: Stored['request']): Json {
  const bare = (name = ''): string => name.replace(/^ROUTING_OCCASION_|^FALLBACK_REASON_/, '');
  const { occasion, reason, host, from_server: from, last_server: lastServer } = request;
  const { player_properties: properties } = request;
  const given = { host, from, lastServer, reason: reason && bare(reason) };
  const present = Object.entries(given).filter(([, value]) => value !== undefined && value !== '');
  const player = properties && { player: { properties } };
  return { do: 'pick', occasion: bare(occasion), ...Object.fromEntries(present), ...player };
}
