/** Trainings whose folder or storage goes away under them: one line, status 7, and no husk of a run. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
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
  for (const name of ["disk", "run/figures"]) spawnSync("umount", ["-l", join(folder, name)]);
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

test("a disk that fills up while figures are drawn costs none of the weights", async ({
  folder,
}) => {
  const out = join(folder, "run");
  const words = [
    ...["train", "vae", "--data", "glyphs", "--out", out, "--limit", "64", "--batch", "32"],
    ...["--set", "network=dense", "--set", "width=0.05", "--set", "latent=2"],
  ];
  assert.is((await latentgrad([...words, "--epochs", "1"])).status, 0);
  const figures = join(out, "figures");
  rmSync(figures, { recursive: true });
  if (!mountDisk(figures, "8k")) return skip("only root mounts a file system, on Linux");
  const full = await latentgrad([...words, "--epochs", "2", "--resume"]);
  assert.is(full.status, 7, full.stderr);
  assert.match(
    onlyLine(full)!,
    /^latentgrad: cannot write .*run\/figures\/\S+\.(png|svg): no space left on the device$/,
  );
  const left = readdirSync(figures);
  assert.ok(
    left.every((name) => /^\w+\.(png|svg)$/.test(name)),
    `${left}`,
  );
  const trained = readFileSync(join(out, "checkpoints/last.safetensors"));
  spawnSync("umount", [figures]);
  const again = await latentgrad([...words, "--epochs", "2", "--resume"]);
  assert.is(again.status, 0, again.stderr);
  assert.match(again.stderr, /the run had its 2 epochs already/);
  assert.equal(readFileSync(join(out, "checkpoints/last.safetensors")), trained);
  assert.ok(readdirSync(figures).includes("interpolation.png"));
});

test.run();
