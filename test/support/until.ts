/** Resolves when the condition holds. Checks it each time that the process has nothing else to do. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
