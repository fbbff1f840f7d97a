/** Whether the connection is encrypted, and whom its certificates let in. */
import type { Api } from '../../api/index.js';
import { isLoopback } from '../../core/loopback.js';
import { fromThrown, type KelpieError } from '../../errors.js';
import { type Finding, Trouble } from './finding.js';
import type { Place } from './network.js';

const REASONS = /^(CERTIFICATE|CLIENT_CERTIFICATE|TLS)_/;

export async function checkTls(place: Place, api: Api): Promise<Omit<Finding, 'check'>[]> {
  if (!api.encrypted) return plainText(place);
  const error = (await api.unreachable()) ?? (await refusalAfterwards(api));
  if (error) throw tlsTrouble(error) ?? new Trouble(error.message, 'Look at the log of kelpied.');
  return [
    { status: 'ok', finding: 'encrypted; a CA that this machine trusts signed its certificate' },
  ];
}

function plainText({ host }: Place): Omit<Finding, 'check'>[] {
  if (isLoopback(host)) return [{ status: 'ok', finding: 'not used: nothing leaves this machine' }];
  return [
    {
      status: 'warning',
      finding:
        'not used, since --insecure is named: others on the way can read and change everything',
      advice: 'Start kelpied with --tls-cert and --tls-key, and give its CA as --ca.',
    },
  ];
}

/** A coordinator may refuse the certificate of a client after the handshake. Health needs no credential. */
async function refusalAfterwards(api: Api): Promise<KelpieError | undefined> {
  try {
    await api.coordinator.isServing();
    return undefined;
  } catch (thrown) {
    const error = fromThrown(thrown);
    return REASONS.test(error.reason) ? error : undefined;
  }
}

/** The finding and the advice of an error of TLS. Its message has both. Undefined for other errors. */
function tlsTrouble({ reason, message }: KelpieError): Trouble | undefined {
  if (!REASONS.test(reason)) return undefined;
  const [finding = message, ...advice] = message.split('; ');
  return new Trouble(finding, advice.join('; ') || 'Look at the log of kelpied.');
}
