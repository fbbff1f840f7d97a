/** The version of this package. */
import { createRequire } from 'node:module';

const { version } = createRequire(import.meta.url)('../../../package.json') as { version: string };

/** The name and version of the SDK, for the Hello. */
export const sdk = `kelpie-node/${version}`;

export { version };
