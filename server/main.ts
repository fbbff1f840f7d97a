#!/usr/bin/env node
/** The program kelpied: arguments, start, signals. */
import { readConfig } from './config.js';
import { type Coordinator, startCoordinator } from './coordinator.js';
import { version } from './version.js';

// Whoever read what is printed may have gone; that is no reason to stop without draining.
process.stdout.on('error', () => undefined);

const options = readConfig(process.argv, process.env);

try {
  const coordinator = await startCoordinator(options);
  // Before it says that it listens: whoever reads that may stop it at once.
  stopOnSignal(coordinator);
  greet(coordinator);
} catch (error) {
  process.stderr.write(`kelpied: ${explain(error)}\n`);
  process.exitCode = 1;
}

function greet({ host, port }: Coordinator): void {
  const elsewhere = port === 50_051 ? '' : `KELPIE_ENDPOINTS=${host}:${port} `;
  process.stdout.write(
    `kelpied ${version} listens on ${host}:${port} (network main, journal in memory)

Try next, in another terminal:
  ${elsewhere}npx kelpie nodes                               who is part of the network
  ${elsewhere}npx kelpie tail 'chat.>'                       follow a topic
  ${elsewhere}npx kelpie publish chat.global 'hello'         say something on it

Stop with Ctrl+C.
`,
  );
}

/** The first signal stops gracefully; a second one does not wait. */
function stopOnSignal(coordinator: Coordinator): void {
  let asked = false;
  const stop = (): void => {
    if (asked) process.exit(1);
    asked = true;
    process.stdout.write('kelpied: stopping, nodes are told to move on\n');
    coordinator.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`kelpied: ${explain(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}

function explain(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const { host = '', port = 0 } = options;
  return message.includes('EADDRINUSE')
    ? `${host}:${port} is taken by another process; stop that one, or choose another --port`
    : message;
}
