/** A run is killed at 50 random moments and goes on each time: nothing is lost, no bit differs. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readSafetensors } from "../../src/formats/safetensors.ts";
import { parseMetrics } from "../../src/train/metrics.ts";
import { latentgrad, start } from "../support/command.ts";

const test = suite("kill campaign");
const folder = mkdtempSync(join(tmpdir(), "latentgrad-kill-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const KILLS = 50;
/** Long enough that it is not over before the last kill, on a fast machine either. */
const EPOCHS = 20_000;
const run = ["train", "vae", "--data", "glyphs", "--overfit", "32", "--batch", "8"];
const options = [
  "--epochs",
  String(EPOCHS),
  "--save-every",
  "3",
  "--ema",
  "0.99",
  "--runtime",
  "node",
];
const model = ["--set", "network=dense", "--set", "width=0.02", "--set", "latent=2"];

const checkpoints = (out: string) => join(out, "checkpoints");
const checkpoint = (out: string, name = "last") =>
  readFileSync(join(checkpoints(out), `${name}.safetensors`));

/** Every line of metrics.jsonl but events, without what the clock says. */
function metrics(out: string): string {
  const text = readFileSync(join(out, "metrics.jsonl"), "utf8");
  const records = parseMetrics(text, out).filter(({ kind }) => kind !== "event");
  return records
    .map(({ time: _, seconds: __, images_per_second: ___, ...rest }) => JSON.stringify(rest))
    .join("\n");
}

/** The step that the newest checkpoint holds; it must be whole. */
async function savedStep(out: string): Promise<number> {
  let newest = 0;
  const names = existsSync(checkpoints(out)) ? readdirSync(checkpoints(out)) : [];
  for (const name of names.filter((file) => file.endsWith(".safetensors"))) {
    const path = join(checkpoints(out), name);
    const { metadata } = await readSafetensors(new Uint8Array(readFileSync(path)), path);
    newest = Math.max(newest, Number(metadata.step));
  }
  return newest;
}

const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

test(`${KILLS} kills at random moments`, async () => {
  const out = join(folder, "killed");
  const seed = Math.floor(Math.random() * 2 ** 32);
  console.log(`moments drawn with seed ${seed}`);
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const moments = { "before the first save": 0, "with a temporary file": 0, later: 0 };
  let furthest = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const resume = existsSync(join(out, "config.json"));
    const end = resume ? ["--resume"] : ["--force"];
    const running = start([...run, ...options, ...model, "--out", out, ...end], { detached: true });
    await wait(random() * 4500);
    try {
      process.kill(-running.child.pid!, "SIGKILL");
    } catch (error) {
      // It has ended: what it said is told below.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
    const { status, stderr } = await running.ended;
    assert.is(status, null, `it ended by itself before kill ${kill + 1}: ${stderr}`);
    const step = await savedStep(out);
    assert.ok(step >= furthest, `kill ${kill + 1}: step ${step} after step ${furthest}`);
    furthest = step;
    const inside = existsSync(checkpoints(out)) ? readdirSync(checkpoints(out)) : [];
    const half = inside.some((name) => name.endsWith(".tmp"));
    if (step === 0) moments["before the first save"]++;
    else if (half) moments["with a temporary file"]++;
    else moments.later++;
  }
  console.log(`kills: ${JSON.stringify(moments)}, step ${furthest}`);
  // What is left of the run would take long: it ends with the epoch after next.
  const steps = Math.ceil(furthest / 4) + 2;
  const length = ["--epochs", String(steps)];
  const last = await latentgrad([
    ...run,
    ...options,
    ...model,
    ...length,
    "--out",
    out,
    "--resume",
  ]);
  assert.is(last.status, 0, last.stderr);
  const names = readdirSync(checkpoints(out));
  assert.not(
    names.some((name) => name.endsWith(".tmp")),
    `stale temporaries: ${names}`,
  );

  const whole = join(folder, "whole");
  const unbroken = await latentgrad([...run, ...options, ...model, ...length, "--out", whole]);
  assert.is(unbroken.status, 0, unbroken.stderr);
  assert.is(metrics(out), metrics(whole));
  assert.ok(checkpoint(out).equals(checkpoint(whole)), "the last checkpoints are the same bytes");
  assert.ok(checkpoint(out, "best").equals(checkpoint(whole, "best")), "and so are the best");
});

test.run();
