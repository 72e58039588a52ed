import * as fs from "node:fs/promises";
import { dirname } from "node:path";
import { withCleanUp } from "../gpu/clean-up.ts";
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
  ESTALE: "the server no longer has it",
  ERR_INVALID_ARG_VALUE: "a name with a NUL character",
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

/** What says that a platform or a file system syncs no folders. */
const UNSYNCED = ["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EISDIR", "EPERM", "EACCES"];

/**
 * A folder's entry is durable once the folder is synced, where the platform can.
 *
 * @param open opens it; a test gives another one
 * @throws what the operating system has against it: a device that failed
 */
export async function syncFolder(
  folder: string,
  open: (path: string) => Promise<Pick<fs.FileHandle, "sync" | "close">> = (path) =>
    fs.open(path, "r"),
): Promise<void> {
  try {
    const handle = await open(folder);
    await withCleanUp(
      () => handle.sync(),
      () => handle.close(),
    );
  } catch (error) {
    if (process.platform !== "win32" && !UNSYNCED.includes(codeOf(error))) throw error;
  }
}

/**
 * Makes a folder and those above it, up to `within`, which must be there. Not by Node's recursive mkdir, which never ends where the system
 * answers ENOENT to what it will not make (below /proc), and blames a missing folder on a read-only
 * file system.
 */
export async function makeFolder(path: string, within?: string): Promise<void> {
  if (path === within) {
    if (!(await fs.stat(path)).isDirectory()) await fs.readdir(path); // says what is wrong
    return;
  }
  try {
    await fs.mkdir(path);
  } catch (error) {
    const parent = dirname(path);
    if (codeOf(error) === "ENOENT" && parent !== path) {
      await makeFolder(parent, within);
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

/** Names of what this process has open already: opening one waits for nobody. */
const opened = /^\/(dev\/(stdin|fd\/\d+)|proc\/self\/fd\/\d+)$/;

/**
 * Refuses what is there and no regular file, before it is opened: opening a pipe waits for its other end, and a
 * device may give bytes for ever.
 *
 * @param pipes whether a pipe that is open already will do
 * @throws IoError
 */
export async function requireRegular(
  doing: string,
  path: string,
  shown: string,
  pipes = false,
): Promise<void> {
  const found = await fs.stat(path).catch((error: unknown) => {
    if (codeOf(error) !== "ENOENT") throw error;
  });
  if (!found || found.isFile() || (pipes && found.isFIFO() && opened.test(path))) return;
  const what = found.isDirectory() ? "is a folder" : "is a device or a pipe, expected a file";
  throw new IoError(`cannot ${doing} ${shown}: ${what}`);
}
