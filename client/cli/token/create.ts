/** `kelpie token create`: a credential, and its token. */
import { type Command, InvalidArgumentError } from 'commander';
import { CredentialPreset, Verb } from '../../../gen/ts/kelpie/v1/access.js';
import { CreateCredentialResponse } from '../../../gen/ts/kelpie/v1/access_service.js';
import { NodeRole } from '../../../gen/ts/kelpie/v1/node.js';
import type { CredentialRequest, PresetName, RoleName, VerbName } from '../../api/index.js';
import { ask, command, type Common } from '../command.js';
import { age, count, name, names, oneOf } from '../input/arguments.js';
import { UsageError } from '../output/output.js';
import { presets, verbs } from './shown.js';
import { handOut, type TokenOutput, withTokenOutput } from './token-output.js';

interface CreateOptions extends Common, TokenOutput {
  readonly preset?: PresetName;
  readonly node: string[];
  readonly role: RoleName[];
  readonly publish: string[];
  readonly read: string[];
  readonly call: string[];
  readonly target: string[];
  readonly verb: VerbName[];
  readonly ttl?: number;
  readonly certificate?: string;
  readonly withoutToken?: boolean;
  readonly join?: boolean;
  readonly uses?: number;
  readonly joinedTtl?: number;
}

/** The life of a join token for which no time is given. */
const JOIN_TTL_MS = 60 * 60 * 1000;

const PRESETS = `
A preset gives the rights that fit a kind of node; the other options add to it, and --node, --role
and --target replace its own. Presets: ${presets.join(', ')}.
Verbs: ${verbs.slice(0, 7).join(', ')},
${verbs.slice(7).join(', ')}.

  kelpie token create lobby-1 --preset server
  kelpie token create lobbies --preset server --node 'lobby-*' --join --uses 20 --ttl 7d
  kelpie token create alice --preset operator --ttl 90d`;

export function createCommand(): Command {
  return withTokenOutput(
    command('create <name>', 'make a credential, and print its token once')
      .option('--preset <preset>', `the rights of ${presets.join(', ')}`, preset)
      .option('--node <pattern>', 'it may be these nodes: lobby-*; may be repeated', names, [])
      .option('--role <role>', 'in these roles; may be repeated', oneOf(NodeRole), [])
      .option('--publish <topic>', 'it may publish to these topics; may be repeated', names, [])
      .option('--read <topic>', 'it may read these topics: nodes.>; may be repeated', names, [])
      .option('--call <command>', 'it may issue these commands; may be repeated', names, [])
      .option('--target <pattern>', 'on these nodes; may be repeated', names, [])
      .option('--verb <verb>', 'it may also do this: kick; may be repeated', verb, [])
      .option('--ttl <time>', 'it expires after this time: 12h, 30d (default: never)', age)
      .option('--certificate <name>', 'peers must show a certificate with this common name', name)
      .option('--without-token', 'peers show the certificate alone')
      .option('--join', 'make a join token: each use makes a credential for one node')
      .option('--uses <count>', 'of a join token: how many nodes may join (default: 1)', count)
      .option(
        '--joined-ttl <time>',
        'of a join token: how long the nodes may stay (default: for ever)',
        age,
      ),
  )
    .addHelpText('after', PRESETS)
    .action((created: string, options: CreateOptions) =>
      ask(options, async (api) => {
        const request = requestOf(options);
        await handOut(options, async () => {
          const answer = await api.messages.access.create(created, request);
          const record = CreateCredentialResponse.toJSON(answer) as object;
          return { ...answer, kind: 'CreateCredentialResponse', record };
        });
      }),
    );
}

function requestOf(options: CreateOptions): CredentialRequest {
  const { preset: chosen, certificate, withoutToken, ttl } = options;
  const given = Object.values(rightsOf(options)).some((list) => list.length > 0);
  if (!chosen && !given) {
    throw new UsageError(
      `without rights it could do nothing: give --preset (${presets.join(', ')}), or single rights such as --read`,
    );
  }
  return {
    ...(chosen && { preset: chosen }),
    rights: rightsOf(options),
    ...(ttl !== undefined && { ttlMs: ttl }),
    ...(certificate !== undefined && { certificateName: certificate }),
    ...(withoutToken && { withoutToken }),
    ...joinOf(options),
  };
}

function rightsOf({ node, role, publish, read, call, target, verb: others }: CreateOptions) {
  return {
    nodeNames: node,
    roles: role,
    publishTopics: publish,
    readTopics: read,
    commands: call,
    commandTargets: target,
    verbs: others,
  };
}

/** The terms of a join token, and its life. Throws a UsageError. */
function joinOf({ join, ttl = JOIN_TTL_MS, uses, joinedTtl }: CreateOptions) {
  if (join)
    return { ttlMs: ttl, join: { uses: uses ?? 1, credentialSeconds: (joinedTtl ?? 0) / 1000 } };
  if (uses === undefined && joinedTtl === undefined) return {};
  throw new UsageError('--uses and --joined-ttl are for join tokens: add --join');
}

/** `read-only`, in any case. */
function preset(text: string): PresetName {
  const [found] = enumNames<PresetName>(CredentialPreset, text);
  if (found) return found;
  throw new InvalidArgumentError(`It must be one of ${presets.join(', ')}.`);
}

function verb(text: string, before: VerbName[]): VerbName[] {
  const [found] = enumNames<VerbName>(Verb, text);
  if (found) return [...before, found];
  throw new InvalidArgumentError(`It must be one of ${verbs.join(', ')}.`);
}

function enumNames<Name extends string>(table: Readonly<Record<string, unknown>>, text: string) {
  const wanted = text.toUpperCase().replaceAll('-', '_');
  return Object.keys(table).filter((one) => one === wanted && one !== 'UNSPECIFIED') as Name[];
}
