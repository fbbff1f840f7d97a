/** The words of a scenario. A wrong one is an error before it runs: else a step could prove nothing. */
import { nearest } from '../../client/core/nearest.js';

/** The features that a scenario may need. */
const FEATURES = [
  ...['events', 'publish', 'commands', 'players', 'roster', 'state', 'transfers'],
  ...['tokens', 'tls', 'files', 'cursorFile'],
];

const SCENARIO = ['name', 'proves', 'needs', 'coordinator', 'manual', 'each', 'steps'];

/** The words that may stand beside the name of a step. `!`: the word must be there. */
const STEPS: Readonly<Record<string, string>> = {
  ...{ connect: 'error', start: '', ask: 'ok error by', begin: 'as! by', answer: 'ok error by' },
  ...{ unanswered: 'by', see: 'by withinMs', unseen: 'by', ignore: 'by' },
  ...{ accept: 'withinMs', open: 'withinMs', welcome: 'on', over: 'on', last: 'on' },
  ...{ receive: 'on withinMs', await: 'on withinMs', unreceived: 'on', published: 'on captures!' },
  ...{ send: 'on', events: 'on after topic upTo', fail: 'on', flush: 'on', end: 'on', cut: 'on' },
  ...{ deliver: '', picks: '', player: '', joinWithoutGrant: 'on', follows: '', same: '' },
  ...{ token: '', file: 'as!', content: 'as!', tls: 'at', serve: 'at', called: 'at' },
  ...{
    attempts: 'at',
    wait: '',
    unopened: '',
    calm: 'on',
    away: '',
    back: '',
    rows: '',
    restart: '',
  },
  relay: '',
};

/** The actions of a driver. */
const ACTIONS = [
  ...['connect', 'ready', 'subscribe', 'unsubscribe', 'release', 'publish', 'publishMany'],
  ...['handle', 'answer', 'issue', 'cancel', 'acquire', 'releasePlayer', 'joined', 'moved'],
  ...['changed', 'left', 'players', 'roster', 'pick', 'update', 'putValue', 'getValue'],
  ...['watchValue', 'move', 'pending', 'close'],
];

/** Throws with the place and the word that is wrong. */
export function check(file: string, written: unknown): void {
  const { name, needs = [], steps = [], ...rest } = written as Record<string, unknown>;
  const place = `${file}: ${String(name)}`;
  for (const word of Object.keys({ name, needs, steps, ...rest })) known(place, word, SCENARIO);
  for (const need of needs as string[]) known(place, need, FEATURES);
  for (const [index, step] of (steps as object[]).entries())
    checkStep(`${place}: step ${index + 1}`, step);
}

function checkStep(place: string, step: object): void {
  const [name = '', ...words] = Object.keys(step);
  known(place, name, Object.keys(STEPS));
  const allowed = (STEPS[name] ?? '').split(' ').filter((word) => word !== '');
  for (const word of words)
    known(
      `${place}: ${name}`,
      word,
      allowed.map((one) => one.replace('!', '')),
    );
  const missing = allowed.find((one) => one.endsWith('!') && !words.includes(one.slice(0, -1)));
  if (missing !== undefined)
    throw new Error(`${place}: ${name} needs ${missing.slice(0, -1)} beside it`);
  if (name !== 'ask' && name !== 'begin') return;
  const [request] = Object.values(step) as [{ readonly do?: unknown } | null];
  known(place, String(request?.do), ACTIONS);
}

function known(place: string, word: string, words: readonly string[]): void {
  if (words.includes(word)) return;
  const [close] = nearest(word, words);
  const meant = close === undefined ? '' : `; ${close} would do`;
  throw new Error(`${place}: there is no ${word} here${meant}`);
}
