/** Reflection, so that grpcurl and its like need no files: v1, and v1alpha for older tools. */
import { readFileSync } from 'node:fs';
import type { Server } from 'nice-grpc';
import { ServerReflection, ServerReflectionService } from 'nice-grpc-server-reflection';
import { later } from './definitions.js';
import { googleFiles } from './google-files.js';

/** Compiled, this file lies two folders deeper than in the source tree. */
const descriptors = new URL('../../../../gen/kelpie.binpb', import.meta.url);

/** One set of descriptors after another is the set of both. */
const files = Buffer.concat([readFileSync(descriptors), googleFiles]);

/** Adds reflection of the services named. */
export function addReflection(server: Server, serviceNames: readonly string[]): void {
  const implementation = ServerReflection(files, serviceNames);
  server.add(later(ServerReflectionService), implementation);
  server.add(later(alphaService), implementation);
}

/** v1alpha is the same definition under another package. */
const alphaService = {
  ...ServerReflectionService,
  serverReflectionInfo: {
    ...ServerReflectionService.serverReflectionInfo,
    path: ServerReflectionService.serverReflectionInfo.path.replace('.v1.', '.v1alpha.'),
  },
};
