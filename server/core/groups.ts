/** The members of groups, in order. A group exists while it has members. */
import { SortedSet } from './sorted-set.js';

const NOBODY = new SortedSet();

/** The part of a group that readers may use. */
export type Group = Pick<SortedSet, 'size' | 'version' | 'has' | 'after'> & Iterable<string>;

export class Groups {
  /** A group of one member is stored as that member's name: a million such groups need no million sets. */
  readonly #members = new Map<string, string | SortedSet>();

  add(group: string, member: string): void {
    const members = this.#members.get(group);
    if (members === undefined) this.#members.set(group, member);
    else if (typeof members !== 'string') members.add(member);
    else if (members !== member) this.#members.set(group, new SortedSet([members, member]));
  }

  remove(group: string, member: string): void {
    const members = this.#members.get(group);
    if (members === member) this.#members.delete(group);
    else if (members instanceof SortedSet) {
      members.delete(member);
      if (members.size === 0) this.#members.delete(group);
    }
  }

  get(group: string): Group {
    const members = this.#members.get(group) ?? NOBODY;
    return typeof members === 'string' ? new SortedSet([members]) : members;
  }

  sizeOf(group: string): number {
    const members = this.#members.get(group);
    return typeof members === 'string' ? 1 : (members?.size ?? 0);
  }

  /** The number of groups. */
  get size(): number {
    return this.#members.size;
  }
}
