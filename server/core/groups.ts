/** Members by the group that they are in; a group is there while it has members. */

const NOBODY: ReadonlySet<string> = new Set();

export class Groups {
  /** A member alone is itself: a million groups of one need no million sets. */
  readonly #members = new Map<string, string | Set<string>>();

  add(group: string, member: string): void {
    const members = this.#members.get(group);
    if (members === undefined) this.#members.set(group, member);
    else if (typeof members !== 'string') members.add(member);
    else if (members !== member) this.#members.set(group, new Set([members, member]));
  }

  remove(group: string, member: string): void {
    const members = this.#members.get(group);
    if (members === member) this.#members.delete(group);
    else if (members instanceof Set && members.delete(member) && members.size === 0)
      this.#members.delete(group);
  }

  /** In the order in which they came. */
  get(group: string): ReadonlySet<string> {
    const members = this.#members.get(group) ?? NOBODY;
    return typeof members === 'string' ? new Set([members]) : members;
  }

  /** How many groups there are. */
  get size(): number {
    return this.#members.size;
  }
}
