/** `npm run supply`: lists the dependencies that break a rule of floors.ts, and ends with 1 if there are some. */
import {
  type Lock,
  loose,
  type Manifest,
  PROJECTS,
  readJson,
  unsafe,
  unsafeNode,
} from './floors.js';

const faults = PROJECTS.flatMap((project) => {
  const manifest = readJson(`${project}package.json`) as Manifest;
  const found = [...loose(manifest), ...unsafe(readJson(`${project}package-lock.json`) as Lock)];
  return found.map((fault) => `${project}${fault}`);
});
faults.push(...unsafeNode(readJson('package.json') as Manifest, process.versions.node));
for (const fault of faults) process.stdout.write(`${fault}\n`);
if (faults.length > 0) process.exitCode = 1;
