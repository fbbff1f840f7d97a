/** Root works in a folder as the owner of the folder, so that a coordinator of this user can open what is there then. */
import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Does the work. A folder that is not there yet gets the owner of the nearest one above it. */
export async function asOwner<Result>(
  folder: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const { geteuid, getegid, seteuid, setegid } = process;
  // Windows has no users of this kind. Only root can become another user.
  if (geteuid?.() !== 0 || !getegid || !seteuid || !setegid) return work();
  const { uid, gid } = ownerOf(resolve(folder));
  const ownGid = getegid();
  setegid(gid);
  try {
    seteuid(uid);
    return await work();
  } finally {
    seteuid(0);
    setegid(ownGid);
  }
}

function ownerOf(folder: string): { readonly uid: number; readonly gid: number } {
  const above = dirname(folder);
  const found = statSync(folder, { throwIfNoEntry: false });
  return found ?? (above === folder ? { uid: 0, gid: 0 } : ownerOf(above));
}
