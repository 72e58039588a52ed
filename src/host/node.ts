import { randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import * as fs from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { userCacheFolder } from "../gpu/embedded.ts";
import { IoError } from "../gpu/errors.ts";
import { download } from "./download.ts";
import type { FileStatus, Host } from "./host.ts";
import { codeOf, failure, makeFolder, reporting, syncFolder } from "./io-failure.ts";
import { lockFile } from "./lock.ts";
import { readPicture } from "./read-picture.ts";

/** Temporary files of writes under way, and locks; an interrupted process removes them. */
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
        const bytes = await fs.readFile(at(path));
        // A plain Uint8Array that owns its memory, not a piece of Node's shared pool.
        return new Uint8Array(bytes);
      }),

    async writeAtomic(path: string, bytes: Uint8Array): Promise<void> {
      const target = await reporting("write", path, () => writeTarget(at(path), path));
      const folder = dirname(target);
      const temporary = join(folder, `.${randomBytes(6).toString("hex")}.tmp`);
      underway.add(temporary);
      try {
        await makeFolder(folder);
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

    readPicture: (path, options) => readPicture(at(path), path, options),

    append: (path, content) =>
      reporting("append to", path, async () => {
        await makeFolder(dirname(at(path)));
        const handle = await fs.open(at(path), "a");
        try {
          await handle.appendFile(content);
          await handle.sync();
        } finally {
          await handle.close();
        }
      }),

    makeDirectory: (path) =>
      reporting("make the folder", path, async () => {
        await makeFolder(at(path));
      }),

    remove: (path) =>
      reporting("remove", path, () => fs.rm(at(path), { recursive: true, force: true })),

    async lock(path: string): Promise<() => Promise<void>> {
      const file = at(path);
      const release = await lockFile(file, path);
      underway.add(file);
      return async () => {
        underway.delete(file);
        await release();
      };
    },

    download: (url, target, pin, onProgress) => download(url, at(target), pin, { onProgress }),

    stdout: (text) => writeFully(1, text),
    stderr: (text) => writeFully(2, text),
  };
}
