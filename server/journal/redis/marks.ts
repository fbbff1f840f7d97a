/** The group of topics and the size of each entry, as Redis counts them. Scripts get them as bytes: JSON of them is slow. */

/** The number of the group, counted from 1, in 2 bytes; the size in 4. */
export const MARK_BYTES = 6;

/** The group, and the entries and bytes that it has more. */
export type Use = readonly [group: string, entries: number, bytes: number];

export function writeMarks(groups: readonly number[], sizes: readonly number[]): Buffer {
  const marks = Buffer.allocUnsafe(groups.length * MARK_BYTES);
  for (const [index, group] of groups.entries()) {
    const at = index * MARK_BYTES;
    marks.writeUInt16LE(group, at);
    marks.writeUInt32LE(sizes[index] ?? 0, at + 2);
  }
  return marks;
}

/** The uses of the entries from an index on. */
export function usesOf(marks: Buffer, names: readonly string[], from: number): Use[] {
  const groups: number[] = [];
  const sizes: number[] = [];
  for (let at = from * MARK_BYTES; at < marks.length; at += MARK_BYTES) {
    groups.push(marks.readUInt16LE(at));
    sizes.push(marks.readUInt32LE(at + 2));
  }
  return summed(groups, sizes).map(([group, ...sums]) => [names[group - 1] ?? '', ...sums]);
}

/** Sums up neighbours of the same group. */
export function summed<Group>(
  groups: readonly Group[],
  sizes: readonly number[],
): (readonly [group: Group, entries: number, bytes: number])[] {
  const uses: [Group, number, number][] = [];
  for (const [index, group] of groups.entries()) {
    const last = uses.at(-1);
    const use = last?.[0] === group ? last : ([group, 0, 0] as [Group, number, number]);
    if (use !== last) uses.push(use);
    use[1] += 1;
    use[2] += sizes[index] ?? 0;
  }
  return uses;
}
