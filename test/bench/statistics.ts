/** Sums up a few repetitions as one number and its spread. Pure. */

export interface Summary {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** Undefined if there are no values. */
export function summaryOf(values: readonly (number | undefined)[]): Summary | undefined {
  const sorted = values.filter((value) => value !== undefined).sort((left, right) => left - right);
  const [least] = sorted;
  const most = sorted.at(-1);
  if (least === undefined || most === undefined) return undefined;
  const middle = (sorted.length - 1) / 2;
  const low = sorted[Math.floor(middle)] ?? least;
  const high = sorted[Math.ceil(middle)] ?? most;
  return { median: (low + high) / 2, least, most };
}

/** The ratio of each repetition to the peer's repetition in the same round: noise of the machine affects both alike. */
export function ratioOf(
  values: readonly (number | undefined)[],
  peers: readonly (number | undefined)[],
): Summary | undefined {
  return summaryOf(
    values.map((value, index) => {
      const peer = peers[index];
      return value === undefined || peer === undefined ? undefined : value / peer;
    }),
  );
}
