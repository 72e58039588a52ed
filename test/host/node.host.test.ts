import { spawnSync } from "node:child_process";
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { IoError } from "../../src/gpu/errors.ts";
import { syncFolder } from "../../src/host/io-failure.ts";
import { createNodeHost } from "../../src/host/node.ts";
import { rejects } from "../support/rejects.ts";
import { skip } from "../support/skip.ts";
import { within } from "../support/within.ts";

interface Context {
  folder: string;
}

const test = suite<Context>("node host");

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "latentgrad-host-"));
});

test.after.each(({ folder }) => {
  rmSync(folder, { recursive: true, force: true });
});

test("what the system will not make is refused at once", async () => {
  if (process.platform !== "linux") return skip("there is no /proc");
  const host = await createNodeHost();
  const nowhere = "/proc/none/run/x";
  const refused = (work: () => Promise<unknown>) =>
    rejects(
      () => within(5, work()),
      IoError,
      /^cannot .* \/proc\/none\/run\/x.*: no such file or folder$/,
    );
  await refused(() => host.makeDirectory(nowhere));
  await refused(() => host.append(nowhere, "text"));
  await refused(() => host.writeAtomic(nowhere, Uint8Array.of(1)));
});

test("only regular files are written to, behind links as well", async ({ folder }) => {
  if (process.platform === "win32") return skip("pipes and links are other things there");
  const host = await createNodeHost();
  const file = join(folder, "file");
  const link = join(folder, "link");
  writeFileSync(file, "old");
  symlinkSync("file", link);
  await host.writeAtomic(link, Uint8Array.of(1, 2));
  assert.equal([...readFileSync(file)], [1, 2]);
  assert.ok(lstatSync(link).isSymbolicLink());
  symlinkSync("nowhere", join(folder, "dangling"));
  await host.writeAtomic(join(folder, "dangling"), Uint8Array.of(3));
  assert.equal([...readFileSync(join(folder, "nowhere"))], [3]);
  const pipe = join(folder, "pipe");
  assert.is(spawnSync("mkfifo", [pipe]).status, 0);
  for (const path of [pipe, "/dev/zero", "/dev/null"])
    for (const read of [() => host.readFile(path), () => host.readPicture(path)])
      await rejects(() => within<unknown>(5, read()), Error, /a device or a pipe, expected a/);
  for (const path of [pipe, "/dev/full", "/dev/null"])
    await rejects(() => within(5, host.append(path, "x")), IoError, /is a device or a pipe/);
  await rejects(() => host.append(folder, "x"), IoError, /is a folder$/);
  const refused = (path: string, pattern: RegExp) =>
    rejects(() => within(5, host.writeAtomic(path, Uint8Array.of(1))), IoError, pattern);
  await refused(pipe, /pipe: a device or a pipe, expected a file$/);
  await refused("/dev/null", /^cannot write \/dev\/null: a device or a pipe/);
  await refused(folder, /: a folder, expected a file$/);
  await refused(`${join(folder, "new")}/`, /: a folder's name, expected a file's$/);
  await rejects(
    () => host.writeAtomic(join(file, "x"), Uint8Array.of(1)),
    IoError,
    /a part of the path is not a folder$/,
  );
  assert.ok(lstatSync(pipe).isFIFO());
});

test("writes, lists, reads, appends and removes", async ({ folder }) => {
  const host = await createNodeHost();
  const file = join(folder, "a", "b", "data.bin");
  await host.writeAtomic(file, Uint8Array.of(1, 2, 3));
  assert.equal(await host.stat(file), { kind: "file", size: 3 });
  assert.equal([...(await host.readFile(file))], [1, 2, 3]);
  await host.writeAtomic(file, Uint8Array.of(4));
  assert.equal([...(await host.readFile(file))], [4]);
  assert.equal(await host.list(join(folder, "a", "b")), ["data.bin"]);
  const log = join(folder, "c", "log.jsonl");
  await host.append(log, "één\n");
  await host.append(log, "two\n");
  assert.is(new TextDecoder().decode(await host.readFile(log)), "één\ntwo\n");
  assert.is((await host.stat(join(folder, "a")))?.kind, "directory");
  await host.remove(join(folder, "a"));
  assert.is(await host.stat(join(folder, "a")), undefined);
  await host.remove(join(folder, "a"));
});

test("folders are made within one that is there, and never that one", async ({ folder }) => {
  const host = await createNodeHost();
  const run = join(folder, "run");
  const deep = join(run, "a/b/file");
  const gone = /file: no such file or folder$/;
  await rejects(() => host.writeAtomic(deep, Uint8Array.of(1), run), IoError, gone);
  await rejects(() => host.append(deep, "x", run), IoError, gone);
  assert.equal(readdirSync(folder), []);
  await host.makeDirectory(run);
  await host.writeAtomic(deep, Uint8Array.of(1), run);
  await host.append(deep, "x", run);
  await host.removeEmpty(run);
  assert.is((await host.stat(deep))?.size, 2, "a folder with content stays");
  await host.remove(join(run, "a"));
  await host.removeEmpty(run);
  await host.removeEmpty(run);
  assert.equal(readdirSync(folder), []);
});

test("a folder that cannot be synced fails where the device failed, and only there", async () => {
  if (process.platform === "win32") return skip("folders are not synced there");
  const syncing = (code: string) =>
    syncFolder("folder", async () => ({
      sync: () => Promise.reject(Object.assign(new Error(code), { code })),
      close: () => Promise.reject(new Error("the clean-up's")),
    }));
  for (const code of ["EINVAL", "ENOTSUP", "EPERM", "EISDIR"]) await syncing(code);
  for (const code of ["EIO", "ENOSPC", "EDQUOT"]) await rejects(() => syncing(code), Error, /^E/);
});

test("a name with a NUL character is refused like any other that cannot be", async () => {
  const host = await createNodeHost();
  const path = "a\0b";
  const named = /: a name with a NUL character$/;
  await rejects(() => host.readFile(path), IoError, named);
  await rejects(() => host.readPicture(path), IoError, named);
  await rejects(() => host.stat(path), IoError, named);
  await rejects(() => host.list(path), IoError, named);
  await rejects(() => host.writeAtomic(path, Uint8Array.of(1)), IoError, named);
  await rejects(() => host.append(path, "x"), IoError, named);
  await rejects(() => host.makeDirectory(path), IoError, named);
  await rejects(() => host.remove(path), IoError, named);
  await rejects(() => host.lock(path), IoError, named);
});

test("a file's bytes are its own memory, as views at any offset need", async ({ folder }) => {
  const host = await createNodeHost();
  const file = join(folder, "small");
  await host.writeAtomic(file, new Uint8Array(8));
  const bytes = await host.readFile(file);
  assert.is(bytes.byteOffset, 0);
  assert.is(bytes.buffer.byteLength, 8);
});

test("failures name path and reason, and leave nothing behind", async ({ folder }) => {
  const host = await createNodeHost();
  await rejects(() => host.readFile(join(folder, "none")), IoError, /cannot read .*none: no such/);
  await rejects(() => host.list(join(folder, "none")), IoError, /cannot list .*none: no such/);
  await rejects(() => host.readFile(folder), IoError, /cannot read .*: is a folder/);
  const file = join(folder, "plain");
  writeFileSync(file, "");
  await rejects(
    () => host.writeAtomic(join(file, "under"), Uint8Array.of(1)),
    IoError,
    /cannot write .*under/,
  );
  // The rename fails: a folder with content stands in the way.
  const blocked = join(folder, "blocked");
  await host.writeAtomic(join(blocked, "x"), Uint8Array.of(1));
  await rejects(() => host.writeAtomic(blocked, Uint8Array.of(1)), IoError, /cannot write/);
  assert.equal(readdirSync(folder).sort(), ["blocked", "plain"]);
});

test("a folder without permission to write is reported", async ({ folder }) => {
  if (process.getuid?.() === 0 || process.platform === "win32") return; // root may write anywhere
  const host = await createNodeHost();
  chmodSync(folder, 0o500);
  await rejects(
    () => host.writeAtomic(join(folder, "x"), Uint8Array.of(1)),
    IoError,
    /permission denied/,
  );
  chmodSync(folder, 0o700);
});

test.run();
