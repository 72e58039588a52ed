/** Trainings whose folder or storage goes away under them: one line, status 7, and no husk of a run. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { latentgrad, onlyLine, start, untilPrinted } from "../support/command.ts";
import { skip } from "../support/skip.ts";
import { within } from "../support/within.ts";

interface Context {
  folder: string;
}

const test = suite<Context>("faults of storage");

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "latentgrad-faults-"));
});

test.after.each(({ folder }) => {
  spawnSync("umount", ["-l", join(folder, "disk")]);
  rmSync(folder, { recursive: true, force: true });
});

/** A training that ends only by a fault. */
const endless = (out: string, ...more: readonly string[]) =>
  start([
    ...["train", "vae", "--data", "glyphs", "--out", out, "--limit", "64", "--batch", "32"],
    ...["--set", "network=dense", "--set", "width=0.05", "--set", "latent=2"],
    ...["--epochs", "100000", ...more],
  ]);

/** A file system of a few pages of memory; false where that cannot be had. */
function mountDisk(path: string, size: string): boolean {
  mkdirSync(path);
  return spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", path]).status === 0;
}

test("a run folder that is removed ends the run at its next save, and stays away", async ({
  folder,
}) => {
  const out = join(folder, "runs/a");
  const running = endless(out);
  await untilPrinted(running, /epoch 2\//);
  rmSync(join(folder, "runs"), { recursive: true, force: true });
  const ended = await within(60, running.ended);
  assert.is(ended.status, 7, ended.stderr);
  assert.match(
    onlyLine(ended)!,
    /^latentgrad: cannot (write|append to|look at) .*runs\/a\/.*(is gone: the folder was removed|no such file or folder)/,
  );
  assert.equal(readdirSync(folder), [], "nothing of it is made again");
});

test("storage that becomes read-only is named with the file, not with the lock's removal", async ({
  folder,
}) => {
  const disk = join(folder, "disk");
  if (!mountDisk(disk, "8m")) return skip("only root mounts a file system, on Linux");
  const running = endless(join(disk, "run"), "--save-every", "1");
  await untilPrinted(running, /epoch 2\//);
  // Refused while a file is open for writing.
  for (let i = 0; i < 500; i++)
    if (spawnSync("mount", ["-o", "remount,ro", disk]).status === 0) break;
  const ended = await within(60, running.ended);
  assert.is(ended.status, 7, ended.stderr);
  assert.match(
    onlyLine(ended)!,
    /^latentgrad: cannot (write|append to) .*run\/(metrics\.jsonl|checkpoints\/(last|best)\.safetensors): the file system is read-only$/,
  );
});

test("a disk that fills up is named with the file, and what was saved goes on elsewhere", async ({
  folder,
}) => {
  const disk = join(folder, "disk");
  if (!mountDisk(disk, "700k")) return skip("only root mounts a file system, on Linux");
  const out = join(disk, "run");
  const ended = await within(120, endless(out).ended);
  assert.is(ended.status, 7, ended.stderr);
  assert.match(
    onlyLine(ended)!,
    /^latentgrad: cannot (write|append to) .*run\/\S+: no space left on the device$/,
  );
  assert.equal(
    readdirSync(out, { recursive: true }).filter((name) => /\.tmp$|lock/.test(String(name))),
    [],
  );
  const sampled = await latentgrad(["sample", out, "--out", join(folder, "samples.png")]);
  assert.is(sampled.status, 0, sampled.stderr);
});

test.run();
