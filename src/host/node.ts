import { randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import * as fs from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { afterFailure, withCleanUp } from "../gpu/clean-up.ts";
import { userCacheFolder } from "../gpu/embedded.ts";
import { IoError } from "../gpu/errors.ts";
import { garbageCollector } from "../gpu/garbage.ts";
import { download } from "./download.ts";
import type { FileStatus, Host, Lock } from "./host.ts";
import {
  codeOf,
  failure,
  makeFolder,
  reporting,
  requireRegular,
  syncFolder,
} from "./io-failure.ts";
import { lockFile } from "./lock.ts";
import { readPicture } from "./read-picture.ts";

/** What removes temporary files of writes under way, and locks, where the process is interrupted. */
const underway = new Set<() => Promise<void>>();

/** Removes what unfinished writes left, at once; for the end of an interrupted process. */
export async function removeUnfinished(): Promise<void> {
  await Promise.all([...underway].map((remove) => afterFailure(remove)));
}

/** Writes all, however slow the reader of a pipe is, and stays in order at the process's end. */
function writeFully(descriptor: 1 | 2, text: string): void {
  const bytes = Buffer.from(text);
  let done = 0;
  while (done < bytes.length) {
    try {
      done += writeSync(descriptor, bytes, done);
    } catch (error) {
      const code = codeOf(error);
      if (code === "EAGAIN") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      else if (code === "EPIPE")
        return; // the reader has gone, as `| head` does
      else
        throw failure("write to", descriptor === 1 ? "standard output" : "standard error", error);
    }
  }
}

/**
 * The file that a path names, behind links. Renaming onto a device, a pipe or a link would replace it.
 *
 * @throws IoError for a path that no regular file can have
 */
async function writeTarget(path: string, shown: string): Promise<string> {
  if (/[/\\]$/.test(shown))
    throw new IoError(`cannot write ${shown}: a folder's name, expected a file's`);
  const found = await fs.lstat(path).catch((error: unknown) => {
    if (["ENOENT", "ENOTDIR"].includes(codeOf(error))) return undefined;
    throw error;
  });
  if (found === undefined || found.isFile()) return path;
  if (found.isSymbolicLink()) {
    const behind = resolve(dirname(path), await fs.readlink(path));
    return writeTarget(behind, behind);
  }
  const what = found.isDirectory() ? "a folder" : "a device or a pipe";
  throw new IoError(`cannot write ${shown}: ${what}, expected a file`);
}

/** Node and Deno, through Node's modules. */
export async function createNodeHost(): Promise<Host> {
  const cwd = process.cwd();
  const at = (path: string) => resolve(cwd, path);
  return {
    runtime: "Deno" in globalThis ? "deno" : "node",
    env: process.env,
    cwd,
    cacheDir: await userCacheFolder(),
    stderrIsTerminal: Boolean(process.stderr.isTTY),
    get stderrColumns() {
      return process.stderr.columns;
    },

    async stat(path: string): Promise<FileStatus | undefined> {
      try {
        const status = await fs.stat(at(path));
        return { kind: status.isDirectory() ? "directory" : "file", size: status.size };
      } catch (error) {
        if (["ENOENT", "ENOTDIR"].includes(codeOf(error))) return undefined;
        throw failure("look at", path, error);
      }
    },

    list: (path) => reporting("list", path, async () => (await fs.readdir(at(path))).sort()),

    readFile: (path) =>
      reporting("read", path, async () => {
        await requireRegular("read", at(path), path, true);
        const bytes = await fs.readFile(at(path));
        // A plain Uint8Array that owns its memory, not a piece of Node's shared pool.
        return new Uint8Array(bytes);
      }),

    async writeAtomic(path: string, bytes: Uint8Array, within?: string): Promise<void> {
      const target = await reporting("write", path, () => writeTarget(at(path), path));
      const folder = dirname(target);
      const temporary = join(folder, `.${randomBytes(6).toString("hex")}.tmp`);
      const remove = () => fs.rm(temporary, { force: true });
      underway.add(remove);
      try {
        await makeFolder(folder, within && at(within));
        const handle = await fs.open(temporary, "wx");
        await withCleanUp(
          async () => {
            await handle.writeFile(bytes);
            await handle.sync();
          },
          () => handle.close(),
        );
        await fs.rename(temporary, target);
        await syncFolder(folder);
      } catch (error) {
        await afterFailure(remove);
        throw failure("write", path, error);
      } finally {
        underway.delete(remove);
      }
    },

    readPicture: (path, options) => readPicture(at(path), path, options),

    append: (path, content, within) =>
      reporting("append to", path, async () => {
        const file = at(path);
        await makeFolder(dirname(file), within && at(within));
        await requireRegular("append to", file, path);
        const handle = await fs.open(file, "a");
        await withCleanUp(
          async () => {
            await handle.appendFile(content);
            await handle.sync();
          },
          () => handle.close(),
        );
      }),

    makeDirectory: (path) =>
      reporting("make the folder", path, async () => {
        await makeFolder(at(path));
      }),

    remove: (path) =>
      reporting("remove", path, () => fs.rm(at(path), { recursive: true, force: true })),

    removeEmpty: (path) =>
      reporting("remove", path, () =>
        fs.rmdir(at(path)).catch((error: unknown) => {
          if (!["ENOTEMPTY", "EEXIST", "ENOENT"].includes(codeOf(error))) throw error;
        }),
      ),

    async lock(path: string): Promise<Lock> {
      const lock = await lockFile(at(path), path);
      const remove = () => lock.release();
      underway.add(remove);
      return {
        check: (file) => lock.check(file),
        release: async () => {
          underway.delete(remove);
          await lock.release();
        },
      };
    },

    download: (url, target, pin, onProgress) => download(url, at(target), pin, { onProgress }),

    collect: await garbageCollector(),

    stdout: (text) => writeFully(1, text),
    stderr: (text) => writeFully(2, text),
  };
}
