/**
 * Kubernetes gives a pod variables for each Service of its namespace. Those of a Service whose name begins with
 * "kelpie" look like settings, and are none: KELPIE_PORT=tcp://10.0.0.7:50051, KELPIE_SERVICE_HOST.
 */

const NAME = /_SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/;
/** Of the one whose name a setting may have too. */
const VALUE = /^(tcp|udp|sctp):\/\/\S+$/;

/** The names of those that are there. */
export function kubernetesVariables(env: NodeJS.ProcessEnv): string[] {
  const isOne = (name: string): boolean =>
    NAME.test(name) || (name.endsWith('_PORT') && VALUE.test(env[name] ?? ''));
  return Object.keys(env).filter((name) => name.startsWith('KELPIE_') && isOne(name));
}
