import { randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import * as fs from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { userCacheFolder } from "../gpu/embedded.ts";
import { IoError } from "../gpu/errors.ts";
import type { FileStatus, Host } from "./host.ts";

/** What the codes of the operating system mean, in words. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  EACCES: "permission denied",
  EPERM: "not permitted",
  ENOTDIR: "a part of the path is not a folder",
  EISDIR: "is a folder",
  ENOSPC: "no space left on the device",
  EDQUOT: "the quota is used up",
  EROFS: "the file system is read-only",
  EMFILE: "too many open files",
  ENAMETOOLONG: "the name is too long",
  EFBIG: "the file is too large",
  EIO: "the device failed",
};

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? "";
}

function failure(doing: string, path: string, error: unknown): IoError {
  const reason = REASONS[codeOf(error)] ?? (error as Error).message ?? String(error);
  return new IoError(`cannot ${doing} ${path}: ${reason}`);
}

async function reporting<T>(doing: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw failure(doing, path, error);
  }
}

/** A folder's entry is durable once the folder is synced; not every platform can. */
async function syncFolder(folder: string): Promise<void> {
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

/** Temporary files of writes under way; an interrupted process removes them. */
const underway = new Set<string>();

/** Removes what unfinished writes left, at once; for the end of an interrupted process. */
export async function removeUnfinished(): Promise<void> {
  await Promise.all([...underway].map((file) => fs.rm(file, { force: true }).catch(() => {})));
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
        const bytes = await fs.readFile(at(path));
        // A plain Uint8Array that owns its memory, not a piece of Node's shared pool.
        return new Uint8Array(bytes);
      }),

    async writeAtomic(path: string, bytes: Uint8Array): Promise<void> {
      const target = at(path);
      const folder = dirname(target);
      const temporary = join(folder, `.${randomBytes(6).toString("hex")}.tmp`);
      underway.add(temporary);
      try {
        await fs.mkdir(folder, { recursive: true });
        const handle = await fs.open(temporary, "wx");
        try {
          await handle.writeFile(bytes);
          await handle.sync();
        } finally {
          await handle.close();
        }
        await fs.rename(temporary, target);
        await syncFolder(folder);
      } catch (error) {
        await fs.rm(temporary, { force: true }).catch(() => {});
        throw failure("write", path, error);
      } finally {
        underway.delete(temporary);
      }
    },

    append: (path, text) =>
      reporting("append to", path, async () => {
        await fs.mkdir(dirname(at(path)), { recursive: true });
        const handle = await fs.open(at(path), "a");
        try {
          await handle.appendFile(text);
          await handle.sync();
        } finally {
          await handle.close();
        }
      }),

    makeDirectory: (path) =>
      reporting("make the folder", path, async () => {
        await fs.mkdir(at(path), { recursive: true });
      }),

    remove: (path) =>
      reporting("remove", path, () => fs.rm(at(path), { recursive: true, force: true })),

    stdout: (text) => writeFully(1, text),
    stderr: (text) => writeFully(2, text),
  };
}
