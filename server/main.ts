#!/usr/bin/env node
/** The program kelpied: reads settings and starts a coordinator. */
import { keyOf, settingNames, shownSettings, toOptions } from './ops/config/settings.js';
import { printed } from './ops/config/print.js';
import { type Config, readConfig, type Task } from './ops/config/sources.js';
import type { Coordinator, CoordinatorOptions } from './coordinator.js';
import { AddressRefused, endpointOf } from './core/address.js';
import { realClock } from './core/real-clock.js';
import { openPath } from './journal/file/modes.js';
import { printable } from './core/printable.js';
import { ASKS, greeting, OPEN } from './ops/greeting.js';
import { createLogger, type Logger, type ProcessLog } from './ops/log/log.js';
import { ProcessEnd } from './ops/process-end.js';
import { version } from './core/version.js';

const IGNORED =
  'ignored variables of a Kubernetes Service (set enableServiceLinks: false to remove them)';

const config = readConfig(process.argv, process.env);
const { settings, task } = config;

process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  // The reader of the output may be gone. kelpied goes on, and can still drain its sessions.
  if (!task || code === 'EPIPE') return;
  complain(`the output cannot be written: ${message}`);
  process.exitCode = 1;
});
if (task && config.ignored.length > 0) complain(`${IGNORED}: ${config.ignored.join(', ')}`);

if (task?.kind === 'config') process.stdout.write(printed(config, task.format));
else if (task) process.exitCode = await perform(task);
else await run();

/** Each task loads its own code alone, so that it begins at once. Resolves with the exit code. */
async function perform(task: Exclude<Task, { kind: 'config' }>): Promise<number> {
  switch (task.kind) {
    case 'data': {
      const { data } = task;
      if (data.action === 'export' || data.action === 'import') {
        const { runMoveTask } = await import('./ops/move/move-command.js');
        return runMoveTask(data, settings);
      }
      const { runDataTask } = await import('./ops/data-command.js');
      return runDataTask(data, settings.data);
    }
    case 'token': {
      const { runTokenTask } = await import('./ops/token-command.js');
      return runTokenTask(task.token, settings, realClock);
    }
    case 'certs': {
      const { runCertsTask } = await import('./ops/certificates/certs-command.js');
      return runCertsTask(task.certs, settings.data, Date.now());
    }
  }
}

async function run(): Promise<void> {
  const logger = loggerOf(config);
  const end = new ProcessEnd(logger);
  // Node.js would print warnings as plain text between the lines of JSON.
  process.removeAllListeners('warning');
  process.on('warning', (err) => logger.warn({ err }, 'a warning of Node.js'));
  try {
    const { startCoordinator } = await import('./coordinator.js');
    const options = optionsOf(config);
    const coordinator = await startCoordinator({ ...options, logger });
    // Before the greeting: a program that reads the greeting may stop kelpied at once.
    end.stops(coordinator);
    greet(coordinator);
    logStart(coordinator, logger);
    const { passwordFile } = options.redis ?? {};
    const open = passwordFile === undefined ? undefined : await openPath(passwordFile);
    if (open)
      logger.warn({ file: open.path }, 'other users can use the file with the password of Redis');
  } catch (error) {
    // With logFormat json, stderr has only lines of JSON.
    if (settings.logFormat === 'json') logger.error({}, explain(error));
    else complain(explain(error));
    await end.failed(error instanceof AddressRefused ? 2 : 1);
  }
}

function optionsOf({ settings, origins }: Config): CoordinatorOptions {
  const options = toOptions(settings);
  // A file and the line.
  const file = /^(.+):\d+$/.exec(origins.redis)?.[1];
  const hasPassword = shownSettings(settings).redis !== settings.redis;
  if (settings.journal !== 'redis' || !options.redis || !hasPassword) return options;
  return { ...options, redis: { ...options.redis, passwordFile: file } };
}

function loggerOf({ settings: { logLevel, logFormat } }: Config): ProcessLog {
  const { isTTY } = process.stderr;
  const format = logFormat === 'auto' ? (isTTY ? 'pretty' : 'json') : logFormat;
  return createLogger({ level: logLevel, format, colours: isTTY && !process.env['NO_COLOR'] });
}

/** Prints the greeting; with --dev one line for tests. With logFormat json the log has the same facts. */
function greet(coordinator: Coordinator): void {
  const { endpoint, metricsUrl } = coordinator;
  if (settings.dev) {
    const metrics = metricsUrl ?? null;
    const ready = { event: 'ready', endpoint, metrics, pid: process.pid, version };
    process.stdout.write(`${JSON.stringify(ready)}\n`);
  } else if (settings.logFormat !== 'json') {
    process.stdout.write(greeting(coordinator, settings));
  }
}

function logStart(coordinator: Coordinator, logger: Logger): void {
  const { endpoint, metricsUrl, asksForCredentials } = coordinator;
  const access = asksForCredentials ? ASKS : OPEN;
  const facts = { endpoint, metrics: metricsUrl, access, version, pid: process.pid };
  logger.info(facts, 'listening');
  const set = settingNames.filter((name) => config.origins[name] !== 'default');
  const shown = shownSettings(settings);
  const others = set.map((name) => [keyOf(name), `${shown[name]} (${config.origins[name]})`]);
  if (set.length > 0)
    logger.info(Object.fromEntries(others) as object, 'settings other than the defaults');
  if (settings.insecure) logger.warn({ endpoint, effect: effect() }, 'insecure');
  if (config.ignored.length > 0) logger.warn({ variables: config.ignored }, IGNORED);
}

/** The effect of --insecure with these settings. */
function effect(): string {
  return settings.tlsCert === 'none'
    ? 'nothing is encrypted, and kelpied may listen without credentials'
    : 'kelpied may listen without credentials';
}

function explain(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const { host, port } = settings;
  return message.includes('EADDRINUSE')
    ? `${endpointOf(host, port)} is taken by another process; stop that one, or choose another --port`
    : message;
}

/** Prints a line to stderr, outside the log. */
function complain(text: string): void {
  process.stderr.write(`kelpied: ${printable(text)}\n`);
}
