/** Run folders that several starters make, lock and remove at once, on a real file system. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { IoError, UsageError } from "../../src/gpu/errors.ts";
import type { Host } from "../../src/host/host.ts";
import { createNodeHost } from "../../src/host/node.ts";
import { RunFolder } from "../../src/train/run-folder.ts";
import { rejects } from "../support/rejects.ts";

interface Context {
  folder: string;
  host: Host;
}

const test = suite<Context>("run folders of several starters");

test.before.each(async (context) => {
  context.folder = mkdtempSync(join(tmpdir(), "latentgrad-starters-"));
  context.host = await createNodeHost();
});

test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

test("a folder that a failed starter removes before it is locked is made again", async ({
  folder,
  host,
}) => {
  const path = join(folder, "runs", "a");
  let removals = 3;
  const meddled: Host = {
    ...host,
    lock: (file) => {
      if (removals-- > 0) {
        rmdirSync(path);
        if (removals === 1) rmdirSync(dirname(path));
      }
      return host.lock(file);
    },
  };
  const run = await RunFolder.create(path, { force: false }, meddled);
  await run.prepare();
  assert.equal(readdirSync(path), [".latentgrad-lock"]);
  await run.writeConfig({ model: "vae", run: {} });
  await run.discard();
  assert.equal(readdirSync(folder), [], "what it made in the end is its own");
});

test("one that goes every time ends in the reason", async ({ folder, host }) => {
  const path = join(folder, "a");
  const meddled: Host = {
    ...host,
    lock: (file) => {
      rmdirSync(path);
      return host.lock(file);
    },
  };
  const run = await RunFolder.create(path, { force: false }, meddled);
  await rejects(
    () => run.prepare(),
    IoError,
    /^cannot write .*a\/\.latentgrad-lock: no such file or folder$/,
  );
  assert.equal(readdirSync(folder), []);
});

test("a run that goes on makes no folder again", async ({ folder, host }) => {
  const path = join(folder, "a");
  const first = await RunFolder.create(path, { force: false }, host);
  await first.prepare();
  await first.writeConfig({ model: "vae", run: {} });
  await first.release();
  const meddled: Host = {
    ...host,
    lock: (file) => {
      rmSync(path, { recursive: true });
      return host.lock(file);
    },
  };
  const again = await RunFolder.open(path, meddled);
  await rejects(() => again.prepare(), IoError, /no such file or folder$/);
  assert.not.ok(existsSync(path));
});

test("a starter that is refused removes nothing that another run has made", async ({
  folder,
  host,
}) => {
  const path = join(folder, "a");
  const first = await RunFolder.create(path, { force: false }, host);
  const second = await RunFolder.create(path, { force: false }, host);
  await first.prepare();
  const inside = ["checkpoints", "figures", "tensorboard"].map((name) => join(path, name));
  for (const name of inside) mkdirSync(name);
  await rejects(() => second.prepare(), UsageError, /at work in this folder/);
  for (const name of inside) assert.ok(existsSync(name), name);
  await first.discard();
  assert.equal(readdirSync(folder), []);
});

test.run();
