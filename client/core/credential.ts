/** Credentials and rights in the form of programs, and their conversion to and from the wire. */
import {
  type Credential as WireCredential,
  type JoinTerms as WireJoinTerms,
  Rights as WireRights,
} from '../../gen/ts/kelpie/v1/access.js';
import { listOf, textList, whole } from './arguments.js';
import { known } from './known.js';
import {
  type RoleName,
  roleNameOf,
  roleOf,
  type VerbName,
  verbNameOf,
  verbOf,
} from './spelling.js';

/** The rights of a credential. Nothing else is allowed. */
export interface Rights {
  /** The names of the nodes that its peers may be. `*` stands for any letters: `lobby-*`. */
  readonly nodeNames: readonly string[];
  /** The roles of these nodes. */
  readonly roles: readonly RoleName[];
  /** The patterns of topics to publish to; `state.<bucket>.<key>` for shared values. */
  readonly publishTopics: readonly string[];
  /** The patterns of topics to read, by a session and by calls: `nodes.>` for the list of nodes. */
  readonly readTopics: readonly string[];
  /** The names of commands to issue. `*`: all custom commands. */
  readonly commands: readonly string[];
  /** The names of the nodes to issue commands to. `*` stands for any letters. */
  readonly commandTargets: readonly string[];
  /** The other verbs. */
  readonly verbs: readonly VerbName[];
}

/** The terms of a join token. */
export interface JoinTerms {
  /** The number of uses that are left: 1 to 10,000. */
  readonly uses: number;
  /** The lifetime of each credential that a Join makes, in seconds. Default 0: it never expires. */
  readonly credentialSeconds?: number;
}

/** A credential, without its secret. */
export interface Credential extends Readonly<
  Omit<WireCredential, 'rights' | 'oldTokenExpireTimes' | 'join'>
> {
  readonly rights: Rights;
  /** The times at which its older tokens end, during a rotation. */
  readonly oldTokenExpireTimes: readonly Date[];
  /** Set for a join token. */
  readonly join: JoinTerms | undefined;
}

const FIELDS = {
  nodeNames: 1,
  roles: 1,
  publishTopics: 1,
  readTopics: 1,
  commands: 1,
  commandTargets: 1,
  verbs: 1,
};

/** Throws VALUE_INVALID. */
export function rightsOf(given: Partial<Rights>): WireRights {
  const rights = known('rights', given, FIELDS);
  const texts = (field: Exclude<keyof Rights, 'roles' | 'verbs'>) =>
    textList(`rights.${field}`, rights[field] ?? []);
  return {
    nodeNames: texts('nodeNames'),
    roles: listOf('rights.roles', rights.roles ?? [], (one) => roleOf(one as RoleName)),
    publishTopics: texts('publishTopics'),
    readTopics: texts('readTopics'),
    commands: texts('commands'),
    commandTargets: texts('commandTargets'),
    verbs: listOf('rights.verbs', rights.verbs ?? [], (one) => verbOf(one as VerbName)),
  };
}

/** Throws VALUE_INVALID or OUT_OF_RANGE. */
export function joinTermsOf(given: JoinTerms): WireJoinTerms {
  const { uses, credentialSeconds = 0 } = known('join', given, { uses: 1, credentialSeconds: 1 });
  return {
    uses: whole('join.uses', uses, 1, 10_000),
    credentialSeconds: whole('join.credentialSeconds', credentialSeconds),
    latestExpireTime: undefined,
  };
}

export function credentialOf({
  rights = WireRights.create(),
  ...facts
}: WireCredential): Credential {
  const { roles, verbs } = rights;
  return {
    ...facts,
    rights: {
      ...rights,
      roles: roles.map(roleNameOf).filter(isKnown),
      verbs: verbs.map(verbNameOf).filter(isKnown),
    },
  };
}

/** A newer coordinator may have more. */
function isKnown<Name extends string>(name: Name | 'UNKNOWN'): name is Exclude<Name, 'UNKNOWN'> {
  return name !== 'UNKNOWN';
}
