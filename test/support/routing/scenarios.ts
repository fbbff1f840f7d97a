/** The scenarios of test/contract/routing, as both sides of the wire read them. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { Node } from '../../../gen/ts/kelpie/v1/node.js';
import { GetNodeResponse } from '../../../gen/ts/kelpie/v1/node_service.js';
import { ExplainRoutingRequest } from '../../../gen/ts/kelpie/v1/routing_service.js';
import { RoutingTable } from '../../../gen/ts/kelpie/v1/routing.js';
import { methodOf } from '../wire/contract.js';

/** The compiled file lies one folder deeper, in dist. */
const FOLDER = fileURLToPath(new URL('../../../../test/contract/routing/', import.meta.url));

/** A server, with its players. */
export interface ServerFacts {
  readonly node: Node;
  readonly players: number;
}

/** The right answer. */
export interface Answer {
  readonly server: string;
  readonly rule: string;
  readonly last_resort: boolean;
}

export interface Scenario {
  readonly name: string;
  readonly request: ExplainRoutingRequest;
  readonly table: RoutingTable;
  readonly servers: readonly ServerFacts[];
  readonly random: number;
  readonly turn: number;
  readonly response: Answer;
}

interface Stored {
  readonly name: string;
  readonly request: object;
  readonly servers: readonly { readonly node: object; readonly players: number }[];
  readonly random: number;
  readonly turn: number;
  readonly response: Answer;
}

/** All scenarios, by the name of their file. */
export function scenarios(): Map<string, Scenario[]> {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
  return new Map(files.map((file) => [file.replace('.json', ''), scenariosIn(file)]));
}

function scenariosIn(file: string): Scenario[] {
  const { scenarios: stored } = JSON.parse(readFileSync(FOLDER + file, 'utf8')) as {
    readonly scenarios: readonly Stored[];
  };
  return stored.map((one) => {
    const request = requestOf(one.request);
    const servers = one.servers.map(({ node, players }) => ({ node: nodeOf(node), players }));
    return { ...one, request, table: request.table ?? RoutingTable.create(), servers };
  });
}

function requestOf(json: object): ExplainRoutingRequest {
  const { requestSerialize, requestDeserialize } = methodOf('RoutingService.ExplainRouting');
  const bytes = requestSerialize(json);
  expectWhole(requestDeserialize(bytes), json);
  return ExplainRoutingRequest.decode(bytes);
}

function nodeOf(json: object): Node {
  const { responseSerialize, responseDeserialize } = methodOf('NodeService.GetNode');
  const bytes = responseSerialize({ node: json });
  expectWhole(responseDeserialize(bytes), { node: json });
  return GetNodeResponse.decode(bytes).node ?? Node.create();
}

/** Every field of the scenario is a field of the contract: a misspelt one would be lost without a word. */
function expectWhole(read: object, written: object): void {
  for (const [field, value] of Object.entries(written) as [string, unknown][]) {
    const found = (read as Record<string, unknown>)[field];
    if (typeof value === 'object' && value !== null) expectWhole(found as object, value);
    else expect(found, field).to.equal(value);
  }
}
