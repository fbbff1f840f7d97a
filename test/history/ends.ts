/** Ends what a test has started, also after a failure: a load that goes on would disturb later tests. */
type End = () => Promise<unknown>;

/** Call it in a suite. Each given end runs after the test, the last one first. */
export function endsAfterEach(): (end: End) => void {
  const ends: End[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  return (end) => void ends.push(end);
}
