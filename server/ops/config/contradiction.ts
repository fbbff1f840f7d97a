/** Settings of kelpied that contradict each other. */
import { isLoopback, reachOf } from '../../core/address.js';
import { NONE, type Settings } from './settings.js';

/** A message if these settings contradict each other; undefined if they do not. */
export function contradiction(settings: Settings): string | undefined {
  const { host, port, metricsHost, metricsPort, insecure, dev, journal } = settings;
  if (dev && journal !== 'memory') {
    return `--dev keeps the journal in memory; leave out either --dev or --journal ${journal}`;
  }
  const wrong = tlsContradiction(settings);
  if (wrong !== undefined) return wrong;
  if (!insecure && settings.tlsCert === NONE && !isLoopback(host)) {
    return (
      `${reachOf(host)}. Without TLS others could read and change what nodes send. Make certificates with ` +
      '"kelpied certs" and give --tls-cert and --tls-key; or listen on 127.0.0.1; ' +
      'or give --insecure on a network that you trust'
    );
  }
  return metricsPort === 'off'
    ? undefined
    : metricsContradiction({ port, metricsHost, metricsPort, insecure });
}

function tlsContradiction({ tlsCert, tlsKey, tlsClientCa }: Settings): string | undefined {
  if (tlsCert !== NONE && tlsKey === NONE) return '--tls-cert needs --tls-key, its private key';
  if (tlsCert === NONE && tlsKey !== NONE) return '--tls-key needs --tls-cert, its certificate';
  if (tlsCert === NONE && tlsClientCa !== NONE) {
    return '--tls-client-ca needs --tls-cert and --tls-key: without TLS no peer shows a certificate';
  }
  return undefined;
}

function metricsContradiction(settings: Partial<Settings>): string | undefined {
  const { port, metricsHost = '', metricsPort, insecure } = settings;
  if (!insecure && !isLoopback(metricsHost)) {
    return (
      `${reachOf(metricsHost)}. Others could read the metrics. ` +
      'Serve them on 127.0.0.1, or give --insecure on a network that you trust'
    );
  }
  if (port === metricsPort && port !== 0) {
    return `--port and --metrics-port are both ${port}; choose different ports`;
  }
  return undefined;
}
