/** Training from the command line: going on, configuration files, signals, full and read-only disks. */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readSafetensors } from "../../src/formats/safetensors.ts";
import { findDeno } from "../../src/host/node-launch.ts";
import { latentgrad, onlyLine, start, untilPrinted } from "../support/command.ts";
import { skip } from "../support/skip.ts";

const test = suite("training from the command line");
const folder = mkdtempSync(join(tmpdir(), "latentgrad-train-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const node = ["--runtime", "node"];
const tiny = ["--data", "glyphs", "--overfit", "32", "--batch", "8", ...node];
const dense = ["--set", "network=dense", "--set", "width=0.05"];

const checkpoint = (run: string) => readFileSync(join(run, "checkpoints", "last.safetensors"));

/** Lines of metrics.jsonl without what the clock says and without events. */
function metrics(run: string): unknown[] {
  const lines = readFileSync(join(run, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  return lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ kind }) => kind !== "event")
    .map(({ time: _, seconds: __, images_per_second: ___, ...rest }) => rest);
}

let whole: Promise<string> | undefined;

/** A run of 40 epochs that nothing interrupts. */
function wholeRun(): Promise<string> {
  whole ??= (async () => {
    const out = join(folder, "whole");
    const args = ["train", "vae", ...tiny, ...dense, "--epochs", "40", "--save-every", "5"];
    const result = await latentgrad([...args, "--out", out]);
    assert.is(result.status, 0, result.stderr);
    return out;
  })();
  return whole;
}

test("SIGKILL, SIGTERM and Ctrl-C: --resume goes on bit for bit", async () => {
  const expected = await wholeRun();
  const out = join(folder, "broken");
  const args = ["train", "vae", ...tiny, ...dense, "--epochs", "40", "--save-every", "5"];
  for (const signal of ["SIGKILL", "SIGTERM", "SIGINT"] as const) {
    const resume = existsSync(join(out, "config.json")) ? ["--resume"] : [];
    const running = start([...args, "--out", out, ...resume], { detached: true });
    const before = /epoch (\d+)\/40/g;
    await untilPrinted(running, /epoch \d+\/40[\s\S]*epoch \d+\/40/);
    if (signal === "SIGKILL") process.kill(-running.child.pid!, signal);
    else running.child.kill(signal);
    const { status, stderr } = await running.ended;
    assert.ok([...stderr.matchAll(before)].length < 40, "it was over before the signal");
    if (signal !== "SIGKILL") assert.is(status, 130, stderr);
  }
  const last = await latentgrad(["train", "vae", "--out", out, "--resume", ...node]);
  assert.is(last.status, 0, last.stderr);
  assert.match(last.stderr, /going on from step \d+ of/);
  assert.equal(metrics(out), metrics(expected));
  assert.ok(checkpoint(out).equals(checkpoint(expected)), "the same bytes");
});

test("a second Ctrl-C ends at once", async () => {
  const out = join(folder, "twice");
  const running = start(["train", "vae", ...tiny, ...dense, "--epochs", "5000", "--out", out]);
  await untilPrinted(running, /epoch 2\//);
  running.child.kill("SIGINT");
  await new Promise((resolve) => setTimeout(resolve, 600));
  const began = performance.now();
  running.child.kill("SIGINT");
  const { status, stderr } = await running.ended;
  assert.is(status, 130, stderr);
  assert.ok(performance.now() - began < 3000);
  const path = join(out, "checkpoints", "last.safetensors");
  await readSafetensors(new Uint8Array(readFileSync(path)), path);
});

/** Makes Node say on stderr when the program has begun to listen for signals, SIGHUP being the last. */
const SAYS_WHEN_IT_LISTENS = {
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(
    `process.on("newListener", (name) => {
      if (name === "SIGHUP") setImmediate(() => process.stderr.write("it listens\\n"));
    });`,
  )}`,
};

test("a signal before anything has begun is an interruption, too", async () => {
  for (const [signal, after] of [
    ["SIGTERM", 0],
    ["SIGINT", 150],
    ["SIGHUP", 350],
  ] as const) {
    const out = join(folder, "early");
    const args = ["train", "vae", ...tiny, ...dense, "--epochs", "5000", "--out", out];
    const running = start(args, { env: SAYS_WHEN_IT_LISTENS });
    // Before the program itself runs, Node ends by the signal.
    await untilPrinted(running, /it listens/);
    assert.not.ok(existsSync(out), "it has begun before it listens");
    await new Promise((resolve) => setTimeout(resolve, after));
    running.child.kill(signal);
    const { status, stderr } = await running.ended;
    assert.is(running.child.signalCode, null, `${signal} was not heard: ${stderr}`);
    assert.is(status, 130, `${signal}: ${stderr}`);
    rmSync(out, { recursive: true, force: true });
  }
});

test("a run whose starting process was killed saves and stops", async () => {
  const out = join(folder, "orphan");
  const running = start(["train", "vae", ...tiny, ...dense, "--epochs", "5000", "--out", out]);
  await untilPrinted(running, /epoch 2\//);
  running.child.kill("SIGKILL");
  await running.ended;
  const lock = join(out, ".latentgrad-lock");
  for (let tries = 0; existsSync(lock) && tries < 100; tries++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  assert.not.ok(existsSync(lock), "it goes on, though nobody can stop it");
  const lines = readFileSync(join(out, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  assert.is((JSON.parse(lines.at(-1)!) as { event?: string }).event, "interrupted");
});

test("what npm is configured to is of no interest", async () => {
  if (!(await findDeno())) return skip("Deno is not installed");
  const home = join(folder, "home");
  mkdirSync(home);
  writeFileSync(join(home, ".npmrc"), ["registry=$", "{UNSET_REGISTRY}\n"].join(""));
  const args = ["doctor", "--json", "--runtime", "deno"];
  const { status, stdout, stderr } = await start(args, { env: { HOME: home } }).ended;
  assert.is(status, 0, stderr);
  assert.ok(stdout.includes(`"${join(home, ".cache")}`), "the user's home is where it was");
});

test("two runs at once do not share a folder", async () => {
  const out = join(folder, "shared");
  const args = ["train", "vae", ...tiny, ...dense, "--epochs", "5000", "--out", out];
  const first = start(args);
  await untilPrinted(first, /epoch 2\//);
  const second = await latentgrad(["train", "vae", "--out", out, "--resume", ...node]);
  assert.is(second.status, 2, second.stderr);
  assert.match(onlyLine(second)!, /process \d+ is at work in this folder/);
  first.child.kill("SIGINT");
  assert.is((await first.ended).status, 130);
  assert.not.ok(readdirSync(out).includes(".latentgrad-lock"));
});

test("--resume refuses what would make another run, and a folder that is none", async () => {
  const run = await wholeRun();
  const refuse = async (args: readonly string[], status: number, pattern: RegExp) => {
    const result = await latentgrad(["train", "vae", "--resume", ...node, ...args]);
    assert.is(result.status, status, result.stderr);
    assert.match(onlyLine(result) ?? result.stderr, pattern);
  };
  await refuse(
    ["--out", run, "--seed", "7"],
    2,
    /--seed 7: the run began with 1, and --resume can/,
  );
  await refuse(["--out", run, "--set", "latent=3"], 2, /--set latent 3: the run began with 2/);
  await refuse(["--out", join(folder, "nothing")], 2, /no such run folder/);
  mkdirSync(join(folder, "empty"));
  await refuse(["--out", join(folder, "empty")], 3, /no config\.json in it/);
  const misplaced = await latentgrad(["train", run, "--resume", ...node]);
  assert.is(misplaced.status, 2, misplaced.stderr);
  assert.match(misplaced.stderr, /: a model's name belongs here; a run is named by --out: train/);
});

test("a configuration file is the flags, and a run's own configuration repeats it", async () => {
  const file = join(folder, "c.json");
  const out = join(folder, "configured");
  const config = { data: "glyphs", overfit: 32, batch: 8, epochs: 40, "save-every": 5 };
  const set = { network: "dense", width: 0.05 };
  const all = { model: "vae", ...config, set, out, runtime: "node", quiet: true, json: true };
  writeFileSync(file, JSON.stringify(all));
  const result = await latentgrad(["train", "--config", file]);
  assert.is(result.status, 0, result.stderr);
  assert.is(result.stderr, "", "quiet");
  const summary = JSON.parse(result.stdout);
  assert.equal([summary.out, summary.epochs, summary.ending], [out, 40, "all epochs"]);
  assert.match(summary.adapter, /\(node\)$/, "the launcher knows the file's runtime");
  assert.ok(checkpoint(out).equals(checkpoint(await wholeRun())));

  const piped = ["bash", "-c", 'cat "$0" | "$@"', file];
  const command = ["train", "--config", "/dev/stdin", "--dry-run"];
  if (process.platform === "linux")
    for (const [runtime, flags, code, pattern] of [
      ["chrome", node, 0, /^$/],
      ["chrome", [], 2, /runtime is chrome, which has to be given as --runtime chrome beside/],
    ] as const) {
      writeFileSync(file, JSON.stringify({ ...all, runtime }));
      const taken = await start([...command, ...flags], { inFront: piped }).ended;
      assert.is(taken.status, code, taken.stderr);
      assert.match(taken.stderr.trim(), pattern);
    }

  const again = join(folder, "again");
  const own = ["train", "--config", join(out, "config.json"), "--out", again, ...node];
  const repeated = await latentgrad([...own, "--epochs", "2"]);
  assert.is(repeated.status, 0, repeated.stderr);
  assert.equal(metrics(again), metrics(out).slice(0, 10), "flags count more: two epochs");

  for (const [text, pattern] of [
    ['{"model":"vae","epocs":1}', /c\.json: unknown key "epocs" \(did you mean epochs\?\)/],
    ['{"model":"vae","epochs":"1"}', /c\.json: epochs is "1", expected a whole number/],
    ['{"model":"vae",', /c\.json: not JSON/],
  ] as const) {
    writeFileSync(file, text);
    const failed = await latentgrad(["train", "--config", file, ...node]);
    assert.is(failed.status, 2, failed.stderr);
    assert.match(onlyLine(failed)!, pattern);
  }
  const missing = await latentgrad(["train", "--config", join(folder, "none.json"), ...node]);
  assert.is(missing.status, 7, missing.stderr);
});

test("a dry run says that all went well, and leaves nothing", async () => {
  const out = join(folder, "dry");
  const args = ["train", "vae", "--data", "glyphs", "--dry-run", "--out", out, ...dense, ...node];
  const { status, stdout, stderr } = await latentgrad(args);
  assert.is(status, 0, stderr);
  assert.match(stdout, /^dry run: 2 steps, validation, checkpoints and pictures went well in/);
  assert.equal(
    readdirSync(folder).filter((name) => name.startsWith("dry")),
    [],
  );
});

/** A small disk of its own: a program that mounts it and then runs a command; undefined without. */
function withDisk(mount: string, options: string): readonly string[] | undefined {
  mkdirSync(mount, { recursive: true });
  const script = `mount -t tmpfs -o ${options} tmpfs "${mount}" && "$@"; status=$?; cp -r "${mount}" "${mount}.after" 2>/dev/null; exit $status`;
  for (const flags of [["-m"], ["-rm"]]) {
    const probe = spawnSync("unshare", [...flags, "sh", "-c", script, "sh", "true"]);
    rmSync(`${mount}.after`, { recursive: true, force: true });
    if (probe.status === 0) return ["unshare", ...flags, "sh", "-c", script, "sh"];
  }
  return undefined;
}

test("a disk that fills up: one line, status 7, and the last checkpoint is whole", async () => {
  const disk = join(folder, "disk");
  const inFront = withDisk(disk, "size=6m");
  if (!inFront) return skip("mounting a small disk is not permitted here");
  const expected = await wholeRun();
  const args = ["train", "vae", ...tiny, ...dense, "--epochs", "40", "--save-every", "5"];
  const keep = ["--keep", "40", "--out", join(disk, "run")];
  const result = await start([...args, ...keep], { inFront }).ended;
  assert.is(result.status, 7, result.stderr);
  assert.match(onlyLine(result) ?? result.stderr, /cannot (write|append to) .*: no space left/);
  const run = join(folder, "rescued");
  cpSync(join(`${disk}.after`, "run"), run, { recursive: true });
  const temporary = readdirSync(join(run, "checkpoints")).filter((name) => name.endsWith(".tmp"));
  assert.equal(temporary, [], "nothing half-written is left");
  const path = join(run, "checkpoints", "last.safetensors");
  const { metadata } = await readSafetensors(new Uint8Array(readFileSync(path)), path);
  assert.ok(Number(metadata.step) > 0);
  const resumed = await latentgrad(["train", "vae", "--out", run, "--resume", ...node]);
  assert.is(resumed.status, 0, resumed.stderr);
  assert.equal(metrics(run), metrics(expected));
});

test("a read-only file system is refused before anything is compiled", async () => {
  const disk = join(folder, "read-only");
  const inFront = withDisk(disk, "size=700k,ro");
  if (!inFront) return skip("mounting a read-only disk is not permitted here");
  const nowhere = { LATENTGRAD_ADAPTER: "gpu", VK_ICD_FILENAMES: "none.json" };
  const args = ["train", "vae", ...tiny, ...dense, "--out", join(disk, "run")];
  const result = await start(args, { inFront, env: nowhere }).ended;
  assert.is(result.status, 7, result.stderr);
  assert.match(onlyLine(result) ?? result.stderr, /the file system is read-only/);
});

test.run();
