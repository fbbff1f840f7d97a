/** How parts that were started one after the other are ended. */

/** Ends a part that was started. */
export type End = () => Promise<void> | void;

/** The part that was started last comes first. One that fails to end leaves no other one open; its error is thrown. */
export async function endAll(ends: readonly End[]): Promise<void> {
  const faults: unknown[] = [];
  for (const end of ends.toReversed()) {
    try {
      await end();
    } catch (error) {
      faults.push(error);
    }
  }
  if (faults.length > 0) throw faults[0];
}
