/** The updates that one session makes to its own node. */
import { NodeChange } from '../../gen/ts/kelpie/v1/node.js';
import type { UpdateOwnNode } from '../../gen/ts/kelpie/v1/session_service.js';
import { Latch } from '../core/latch.js';
import { seenFrom } from '../nodes/change.js';
import type { NodeClaims } from '../nodes/claims.js';

/** Bytes of updates under way, above which the session takes no more. Waiting updates are one write. */
const UPDATE_BYTES = 256 * 1024;
/** About the memory of an update beside its bytes. */
const OVERHEAD_BYTES = 256;

/** The node of a session. */
interface OwnNode {
  readonly name: string;
  readonly generation: number;
  /** The host that its stream comes from. */
  readonly host: string;
}

export class UpdateRequests {
  readonly #claims: NodeClaims;
  readonly #node: OwnNode;
  #bytes = 0;
  readonly #updated = new Latch();

  constructor(claims: NodeClaims, node: OwnNode) {
    this.#claims = claims;
    this.#node = node;
  }

  /** Resolves when there may be room for an update; undefined if there is. */
  room(): Promise<void> | undefined {
    return this.#bytes >= UPDATE_BYTES ? this.#updated.wait() : undefined;
  }

  /** Throws the errors that the contract lists at UpdateOwnNode. */
  async update({ change = NodeChange.create() }: UpdateOwnNode): Promise<void> {
    const { name, generation, host } = this.#node;
    const bytes = NodeChange.encode(change).finish().length + OVERHEAD_BYTES;
    this.#bytes += bytes;
    try {
      await this.#claims.update(name, seenFrom(host, change), generation);
    } finally {
      this.#bytes -= bytes;
      this.#updated.open();
    }
  }
}
