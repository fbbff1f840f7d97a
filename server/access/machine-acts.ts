/** Acts upon credentials on the machine of the coordinator: nobody calls for them, so no call has their record. */
import { AuditAction, type AuditRecord } from '../../gen/ts/kelpie/v1/audit.js';
import { ErrorReason } from '../../gen/ts/kelpie/v1/error.js';
import type { Credential } from '../../gen/ts/kelpie/v1/access.js';
import { inWords } from './act-details.js';

/** Something that `kelpied token` or the program around the coordinator did. */
export interface MachineAct {
  readonly action: 'CREATE_CREDENTIAL' | 'ROTATE_CREDENTIAL' | 'REVOKE_CREDENTIAL';
  readonly credential: Pick<Credential, 'id' | 'name' | 'network' | 'preset' | 'expireTime'>;
}

/** The name of the actor, as in `Credential.created_by`. */
const ACTOR = 'kelpied';

export function recordOfMachine({ action, credential }: MachineAct): AuditRecord {
  const { id, name, preset, expireTime } = credential;
  const isNew = action === 'CREATE_CREDENTIAL';
  return {
    action: AuditAction[action],
    actorNode: '',
    actorName: ACTOR,
    credentialId: '',
    address: '',
    targets: [id],
    targetCount: 0,
    detail: inWords(
      name,
      isNew && preset !== '' ? `preset ${preset}` : '',
      isNew && expireTime ? `until ${expireTime.toISOString()}` : '',
    ),
    outcomes: [{ reason: ErrorReason.UNSPECIFIED, count: 1 }],
  };
}
