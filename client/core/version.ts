/** The version of this package. */
import { createRequire } from 'node:module';

const { version } = createRequire(import.meta.url)('../../../package.json') as { version: string };

/** What a Hello says of the SDK. */
export const sdk = `kelpie-node/${version}`;

export { version };
