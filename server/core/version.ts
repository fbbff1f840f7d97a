/** The version of this package, which Welcome and GetInfo report. */
import { createRequire } from 'node:module';

const { version } = createRequire(import.meta.url)('../../../package.json') as { version: string };

export { version };
