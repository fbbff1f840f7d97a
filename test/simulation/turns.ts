/**
 * The turns of the event loop of a simulation. Nothing in it waits for a real timer, a socket or a file, so all that waits
 * is a promise, or a call of `setImmediate`. These are counted: a simulation goes on when there are none.
 */
const real = globalThis.setImmediate;
let waiting = 0;

function counted<Args extends unknown[]>(work: (...args: Args) => void, ...args: Args) {
  waiting += 1;
  return real(() => {
    waiting -= 1;
    work(...args);
  });
}

/** Counts the turns while the work runs. */
export async function inCountedTurns<Result>(work: () => Promise<Result>): Promise<Result> {
  globalThis.setImmediate = counted as typeof setImmediate;
  try {
    return await work();
  } finally {
    await quiet();
    globalThis.setImmediate = real;
  }
}

/** Resolves when nothing happens any more until time passes. */
export async function quiet(): Promise<void> {
  do await new Promise<void>((resolve) => real(resolve));
  while (waiting > 0);
}
