/**
 * Kubernetes sets variables in a pod for each Service of its namespace. If the name of a Service begins with "kelpie",
 * its variables look like settings but are not: KELPIE_PORT=tcp://10.0.0.7:50051, KELPIE_SERVICE_HOST.
 */

const NAME = /_SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/;
/** The value of a variable such as KELPIE_PORT, whose name a setting has too. */
const VALUE = /^(tcp|udp|sctp):\/\/\S+$/;

/** The names of such variables in `env`. */
export function kubernetesVariables(env: NodeJS.ProcessEnv): string[] {
  const isOne = (name: string): boolean =>
    NAME.test(name) || (name.endsWith('_PORT') && VALUE.test(env[name] ?? ''));
  return Object.keys(env).filter((name) => name.startsWith('KELPIE_') && isOne(name));
}
