/** Members by the group that they are in; a group is there while it has members. */

const NOBODY: ReadonlySet<string> = new Set();

export class Groups {
  readonly #members = new Map<string, Set<string>>();

  add(group: string, member: string): void {
    const members = this.#members.get(group);
    if (members) members.add(member);
    else this.#members.set(group, new Set([member]));
  }

  remove(group: string, member: string): void {
    const members = this.#members.get(group);
    if (members?.delete(member) && members.size === 0) this.#members.delete(group);
  }

  /** In the order in which they came. */
  get(group: string): ReadonlySet<string> {
    return this.#members.get(group) ?? NOBODY;
  }

  /** How many groups there are. */
  get size(): number {
    return this.#members.size;
  }
}
