/** The rights of a credential: what they grant. Pure. */
import { Rights, Verb } from '../../gen/ts/kelpie/v1/access.js';
import { NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import { formNames } from '../commands/forms.js';
import { KelpieError } from '../core/errors.js';
import { TopicFilter } from '../topics/filter.js';
import type { Right, VerbName } from './access.js';
import { NamePatterns } from './name-patterns.js';

/** Stands for all custom commands. */
export const CUSTOM_COMMANDS = '*';

/** Rights in the form in which they are asked: one look-up each, whatever the credential has. */
export class GrantedRights {
  readonly #nodeNames: NamePatterns;
  readonly #targets: NamePatterns;
  readonly #roles: ReadonlySet<NodeRole>;
  readonly #publish: TopicFilter;
  readonly #read: TopicFilter;
  readonly #commands: ReadonlySet<string>;
  readonly #verbs: ReadonlySet<Verb>;

  /** The rights must have passed `checkRights`. */
  constructor(rights: Rights) {
    this.#nodeNames = new NamePatterns(rights.nodeNames);
    this.#targets = new NamePatterns(rights.commandTargets);
    this.#roles = new Set(rights.roles);
    this.#publish = new TopicFilter(rights.publishTopics);
    this.#read = new TopicFilter(rights.readTopics);
    this.#commands = new Set(rights.commands);
    this.#verbs = new Set(rights.verbs);
  }

  /** Whether the rights grant this one. A pattern of topics or names is granted if all that it stands for is. */
  grant(right: Right): boolean {
    switch (right.kind) {
      case 'publish':
        return this.#publish.covers(right.topic);
      case 'read':
        return this.#read.covers(right.pattern);
      case 'node':
        return this.#nodeNames.cover(right.name);
      case 'target':
        return this.#targets.cover(right.node);
      case 'role':
        return this.#roles.has(right.role);
      case 'call':
        return this.#grantsCommand(right.command);
      case 'verb':
        return this.#verbs.has(Verb[right.verb]);
    }
  }

  #grantsCommand(name: string): boolean {
    if (this.#commands.has(name)) return true;
    return this.#commands.has(CUSTOM_COMMANDS) && !formNames.has(name);
  }
}

/** Every right of a list. A peer that grants these rights must have each of them. */
export function* rightsOf(rights: Rights): Generator<Right> {
  for (const name of rights.nodeNames) yield { kind: 'node', name };
  for (const role of rights.roles) yield { kind: 'role', role };
  for (const topic of rights.publishTopics) yield { kind: 'publish', topic };
  for (const pattern of rights.readTopics) yield { kind: 'read', pattern };
  for (const command of rights.commands) yield { kind: 'call', command };
  for (const node of rights.commandTargets) yield { kind: 'target', node };
  for (const verb of rights.verbs) yield { kind: 'verb', verb: nameOfVerb(verb) };
}

function nameOfVerb(verb: Verb): VerbName {
  const name = verbNames.find((one) => Verb[one] === verb);
  if (name) return name;
  throw new Error(`the verb ${verb} was not checked`);
}

/** The names of all verbs. */
export const verbNames = (Object.keys(Verb) as (keyof typeof Verb)[]).filter(
  (name): name is VerbName => name !== 'UNSPECIFIED',
);

/** The right in words, as the metadata of RIGHT_MISSING has it. */
export function describe(right: Right): string {
  switch (right.kind) {
    case 'publish':
      return `publish ${right.topic}`;
    case 'read':
      return `read ${right.pattern}`;
    case 'node':
      return `node ${right.name}`;
    case 'target':
      return `target ${right.node}`;
    case 'role':
      return `role ${nameOfRole(right.role)}`;
    case 'call':
      return `call ${right.command}`;
    case 'verb':
      return right.verb;
  }
}

function nameOfRole(role: NodeRole): string {
  return Object.entries(NodeRole).find(([, number]) => number === role)?.[0] ?? String(role);
}

/** A longer list of missing rights is cut. */
const LISTED = 8;

/** The error for rights that a peer does not have. Its metadata has the first. */
export function rightMissing(first: Right, ...others: readonly Right[]): KelpieError {
  const rights = [first, ...others].slice(0, LISTED).map((right) => `"${describe(right)}"`);
  const more = others.length >= LISTED ? `, and ${others.length + 1 - LISTED} more` : '';
  const named = `${others.length > 0 ? 'rights' : 'right'} ${rights.join(', ')}${more}`;
  const message = `the credential does not give the ${named}; an operator can make one that does`;
  return new KelpieError('RIGHT_MISSING', message, { right: describe(first) });
}
