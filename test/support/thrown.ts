/** The errors that a test expects, as values. */

type ErrorClass<E extends Error> = new (...args: never[]) => E;

/** The error that `run` throws. Fails if it throws none, or another kind. */
export function thrownBy<E extends Error>(kind: ErrorClass<E>, run: () => unknown): E {
  let answer: unknown;
  try {
    answer = run();
  } catch (error) {
    if (error instanceof kind) return error;
    throw error;
  }
  throw new Error(`nothing was thrown; the answer was ${String(answer)}`);
}

/** The error that a promise rejects with. Fails if it resolves, or rejects with another kind. */
export async function rejectionOf<E extends Error>(
  kind: ErrorClass<E>,
  promise: Promise<unknown>,
): Promise<E> {
  const settled = await promise.then(
    (answer) => ({ answer }),
    (error: unknown) => ({ error }),
  );
  if (!('error' in settled)) throw new Error(`it resolved with ${String(settled.answer)}`);
  if (settled.error instanceof kind) return settled.error;
  throw settled.error;
}
