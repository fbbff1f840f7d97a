/** Answers ExplainRouting: checks the request, fills it with what the coordinator knows of the player, and explains. */
import type { Player } from '../../gen/ts/kelpie/v1/player.js';
import { FallbackReason, RoutingOccasion } from '../../gen/ts/kelpie/v1/routing.js';
import type {
  ExplainRoutingRequest,
  ExplainRoutingResponse,
} from '../../gen/ts/kelpie/v1/routing_service.js';
import { outOfRange } from '../core/errors.js';
import { labelsOf } from '../network/labels.js';
import type { Network } from '../network/network.js';
import type { PlayerQueries } from '../players/queries.js';
import { explain } from './explain.js';
import type { LastServers } from './last-servers.js';
import type { PickRequest, Plan } from './pick.js';
import { planOf } from './pick.js';
import { drawRandom, type Picker } from './picker.js';
import type { RoutingRows } from './rows.js';
import { checkedTable, HOST_BYTES } from './validation.js';

const SERVER_BYTES = 255;

export class Explanations {
  readonly #network: Pick<Network, 'searches'>;
  readonly #rows: RoutingRows;
  readonly #picker: Picker;
  readonly #players: Pick<PlayerQueries, 'find'>;
  readonly #lastServers: LastServers;

  constructor(
    network: Pick<Network, 'searches'>,
    rows: RoutingRows,
    picker: Picker,
    players: Pick<PlayerQueries, 'find'>,
    lastServers: LastServers,
  ) {
    this.#network = network;
    this.#rows = rows;
    this.#picker = picker;
    this.#players = players;
    this.#lastServers = lastServers;
  }

  /** Throws the errors that the contract lists at ExplainRouting. */
  async of(request: ExplainRoutingRequest, asker: unknown): Promise<ExplainRoutingResponse> {
    checkRequest(request);
    const { table } = request;
    const sequence = table ? 0 : this.#rows.sequence;
    const plan: Plan = table
      ? planOf(checkedTable(table), this.#picker.servers.all)
      : this.#picker.plan;
    const player = request.player && this.#players.find(request.player);
    const explanation = explain(plan, this.#pickRequest(request, player));
    return { ...(await this.#network.searches.work(explanation, asker)), sequence };
  }

  #pickRequest(request: ExplainRoutingRequest, player: Player | undefined): PickRequest {
    const isFallback = request.occasion === RoutingOccasion.FALLBACK;
    const { UNSPECIFIED, JOIN } = RoutingOccasion;
    const properties = labelsOf(request.playerProperties);
    const isEmpty = Object.keys(properties).length === 0;
    const present = player?.server ?? '';
    return {
      occasion: request.occasion === UNSPECIFIED ? JOIN : request.occasion,
      reason: request.reason,
      host: request.host,
      playerProperties: isEmpty ? (player?.properties ?? {}) : properties,
      fromServer: request.fromServer === '' && isFallback ? present : request.fromServer,
      lastServer: request.lastServer === '' ? this.#lastOf(player, isFallback) : request.lastServer,
      random: drawRandom(),
      turns: this.#picker.turns,
    };
  }

  /** The server that a player left last. A player who is online leaves their server before they join again. */
  #lastOf(player: Player | undefined, isFallback: boolean): string {
    if (!player) return '';
    const { id, server } = player;
    return isFallback || server === '' ? this.#lastServers.of(id) : server;
  }
}

/** Throws OUT_OF_RANGE. */
function checkRequest({
  occasion,
  reason,
  host,
  fromServer,
  lastServer,
}: ExplainRoutingRequest): void {
  checkNumber('occasion', occasion, RoutingOccasion);
  checkNumber('reason', reason, FallbackReason);
  checkBytes('host', host, HOST_BYTES);
  checkBytes('from_server', fromServer, SERVER_BYTES);
  checkBytes('last_server', lastServer, SERVER_BYTES);
}

function checkNumber(field: string, value: number, table: Readonly<Record<string, number>>): void {
  const numbers = Object.values(table);
  if (numbers.includes(value)) return;
  const names = Object.keys(table).filter((name) => name !== 'UNSPECIFIED');
  const message = `${field} ${value} has no meaning; use one of ${names.join(', ')}`;
  throw outOfRange(field, Math.max(...numbers), message);
}

function checkBytes(field: string, value: string, limit: number): void {
  const bytes = Buffer.byteLength(value);
  if (bytes <= limit) return;
  throw outOfRange(field, limit, `${field} has ${bytes} bytes; the limit is ${limit}`);
}
