/** Ends parts that a program started one after the other. */

/** Ends one part. */
export type End = () => Promise<void> | void;

/** Ends the part that was started last first. If parts fail to end, ends all the others, then throws the first error. */
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
