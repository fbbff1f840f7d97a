/** The rules for dependencies: each is pinned exactly, has a checksum, and has no known hole. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The compiled file lies one folder deeper, in dist. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** The packages that have their own lock file: Kelpie, and the demo. */
export const PROJECTS = ['', 'test/bedrock/'];

/** No version below the floor may be in a lock file. `node` is the runtime. */
export interface Floor {
  readonly package: string;
  readonly floor: string;
  readonly why: string;
}

/** The parts of a package.json that matter here. */
export interface Manifest {
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
  readonly engines?: { readonly node?: string };
}

/** The parts of a package-lock.json that matter here. */
export interface Lock {
  readonly packages: Record<string, Locked>;
}

interface Locked {
  /** Set if the package has another name than its folder. */
  readonly name?: string;
  readonly version?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  /** A link to a folder of this repository. */
  readonly link?: boolean;
}

export const floors = readJson('test/supply/floors.json') as readonly Floor[];

export function readJson(path: string): unknown {
  return JSON.parse(readFileSync(`${ROOT}${path}`, 'utf8'));
}

/** The dependencies of a package, by their names. */
export function dependenciesOf(manifest: Manifest): Record<string, string> {
  const { dependencies, devDependencies, optionalDependencies, peerDependencies } = manifest;
  return { ...peerDependencies, ...optionalDependencies, ...devDependencies, ...dependencies };
}

/** A sentence for each dependency whose version is no exact one. Folders of this repository need none. */
export function loose(manifest: Manifest): string[] {
  return Object.entries(dependenciesOf(manifest))
    .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$|^file:\.\//.test(version))
    .map(([name, version]) => `${name} is "${version}": pin one version, as in 1.2.3`);
}

/** A sentence for each package, at any depth, that is below its floor, or that has no checksum. */
export function unsafe({ packages }: Lock, known = floors): string[] {
  return Object.entries(packages).flatMap(([path, locked]) => {
    if (!path.includes('node_modules/') || locked.link === true) return [];
    const { version = '0' } = locked;
    const name =
      locked.name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const low = known.filter((one) => one.package === name && isBelow(version, one.floor));
    return [
      ...low.map(({ floor, why }) => `${path} is ${version}, below ${floor}. ${why}`),
      ...(hasChecksum(locked) ? [] : [`${path} has no checksum in the lock file`]),
    ];
  });
}

/** npm leaves the checksum out for some tools of developers on other systems. */
function hasChecksum({ integrity, dev = false, optional = false }: Locked): boolean {
  return integrity !== undefined || (dev && optional);
}

/** A sentence for each Node.js that has a known hole: the oldest one that the package allows, and the present one. */
export function unsafeNode({ engines }: Manifest, present: string, known = floors): string[] {
  const oldest = engines?.node?.replace('>=', '') ?? '0';
  return known
    .filter((one) => one.package === 'node')
    .flatMap(({ floor, why }) => [
      ...(isBelow(oldest, floor) ? [`engines.node allows ${oldest}, below ${floor}. ${why}`] : []),
      ...(isBelow(present, floor) ? [`this Node.js is ${present}, below ${floor}. ${why}`] : []),
    ]);
}

/** Whether a version is older. A version such as 1.2.3-beta counts as older than 1.2.3. */
export function isBelow(version: string, floor: string): boolean {
  const [numbers = '', beta] = version.split('-', 2);
  const parts = numbers.split('.').map(Number);
  for (const [place, least] of floor.split('.').map(Number).entries()) {
    const part = parts[place] ?? 0;
    if (part !== least) return !(part > least);
  }
  return beta !== undefined;
}
