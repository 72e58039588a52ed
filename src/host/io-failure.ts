import * as fs from "node:fs/promises";
import { dirname } from "node:path";
import { IoError, LatentgradError } from "../gpu/errors.ts";

/** What the codes of the operating system mean, in words. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  EACCES: "permission denied",
  EPERM: "not permitted",
  ENOTDIR: "a part of the path is not a folder",
  EISDIR: "is a folder",
  EEXIST: "a part of the path is not a folder",
  ELOOP: "too many links",
  ENOSPC: "no space left on the device",
  EDQUOT: "the quota is used up",
  EROFS: "the file system is read-only",
  EMFILE: "too many open files",
  ENAMETOOLONG: "the name is too long",
  EFBIG: "the file is too large",
  EIO: "the device failed",
};

/** The operating system's code for an error, or "". */
export function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? "";
}

/** `cannot DOING PATH: REASON`. */
export function failure(doing: string, path: string, error: unknown): IoError {
  const reason = REASONS[codeOf(error)] ?? (error as Error).message ?? String(error);
  return new IoError(`cannot ${doing} ${path}: ${reason}`);
}

/** Does `work`, and turns what the operating system has against it into an IoError. */
export async function reporting<T>(
  doing: string,
  path: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof LatentgradError ? error : failure(doing, path, error);
  }
}

/** A folder's entry is durable once the folder is synced; not every platform can. */
export async function syncFolder(folder: string): Promise<void> {
  let handle: fs.FileHandle | undefined;
  try {
    handle = await fs.open(folder, "r");
    await handle.sync();
  } catch {
    // Windows refuses to open folders
  } finally {
    await handle?.close();
  }
}

/**
 * Makes a folder and those above it. Not by Node's recursive mkdir, which never ends where the system
 * answers ENOENT to what it will not make (below /proc), and blames a missing folder on a read-only
 * file system.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await fs.mkdir(path);
  } catch (error) {
    const parent = dirname(path);
    if (codeOf(error) === "ENOENT" && parent !== path) {
      await makeFolder(parent);
      await fs.mkdir(path).catch(unlessThere(path));
    } else await unlessThere(path)(error);
  }
}

/** A folder that is there already, or that another process has just made, is fine. */
function unlessThere(path: string): (error: unknown) => Promise<void> {
  return async (error) => {
    const found = await fs.stat(path).catch(() => undefined);
    if (!found?.isDirectory()) throw error;
  };
}
