import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PNG } from "pngjs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readSafetensors } from "../../src/formats/safetensors.ts";
import {
  latentgrad,
  latentgradProcess,
  type Outcome,
  onlyLine,
  start,
  untilPrinted,
} from "../support/command.ts";
import { skip } from "../support/skip.ts";

const test = suite("the commands, from end to end");

const folder = mkdtempSync(join(tmpdir(), "latentgrad-commands-"));
const run = join(folder, "run");
const small = ["--runtime", "node", "--batch", "16", "--limit", "64", "--set", "width=0.1"];
/** Where the network is of no interest: it takes a third of the time. */
const dense = ["--set", "network=dense"];

test("train leaves a whole run folder, and the pictures decode", async () => {
  const args = ["train", "vae", "--data", "glyphs", "--epochs", "2", "--seed", "3", "--out", run];
  const more = ["--full-train", "--data-dir", "some-data", ...small];
  const result = await latentgradProcess([...args, ...more]);
  assert.is(result.status, 0, result.stderr);
  assert.match(result.stderr, /epoch 1\/2 {2}loss \d+\.\d+/);
  assert.match(result.stderr, /epoch 2\/2 {2}loss \d+\.\d+/);

  const config = JSON.parse(readFileSync(join(run, "config.json"), "utf8"));
  assert.is(config.model, "vae");
  assert.is(config.seed, 3);
  assert.is(config["data-dir"], join(process.cwd(), "some-data"), "absolute");
  assert.is(config.run.step.submits, 1);

  const lines = readFileSync(join(run, "metrics.jsonl"), "utf8").trim().split("\n");
  const metrics = lines.map((line) => JSON.parse(line));
  const steps = metrics.filter((m) => m.kind === "step");
  const epochs = metrics.filter((m) => m.kind === "epoch");
  assert.equal(
    steps.map((m) => m.step),
    [1, 2, 3, 4, 5, 6, 7, 8],
  );
  assert.is(epochs.length, 2);
  for (const m of [...steps, ...epochs]) {
    assert.ok(m.loss > 0 && m.reconstruction > 0 && m.kl >= 0);
    assert.ok(Math.abs(m.loss - m.reconstruction - m.kl) < 1e-3 * m.loss);
  }
  assert.ok(epochs[1].loss < epochs[0].loss);

  const path = join(run, "checkpoints", "last.safetensors");
  const { tensors, metadata } = await readSafetensors(new Uint8Array(readFileSync(path)), path);
  assert.equal(tensors.get("encoder.0.weight")?.shape, [3, 1, 3, 3]);
  assert.ok([...tensors.keys()].some((name) => name.startsWith("optimiser.")));
  assert.is(metadata.epoch, "2");

  for (const name of ["samples", "reconstructions"]) {
    const png = PNG.sync.read(readFileSync(join(run, "figures", `${name}.png`)));
    assert.ok(png.width > 100 && new Set(png.data).size > 10, name);
  }
  assert.equal(
    readdirSync(run).sort(),
    ["checkpoints", "config.json", "figures", "metrics.jsonl", "report.html"],
    "nothing else is left behind",
  );
});

test("sample, reconstruct and manifold read the run", async () => {
  const out = join(folder, "samples.png");
  const commands = [
    ["sample", run, "--count", "9", "--out", out],
    ["reconstruct", run, "--count", "6", "--json"],
    ["manifold", run, "--size", "5"],
  ];
  for (const args of commands) {
    const result = await latentgrad([...args, "--runtime", "node"]);
    assert.is(result.status, 0, result.stderr);
    if (args[0] !== "reconstruct") continue;
    const numbers = JSON.parse(result.stdout);
    assert.is(numbers.n, 2000);
    assert.ok(numbers.reconstruction > 0 && numbers.kl >= 0);
  }
  assert.ok(PNG.sync.read(readFileSync(out)).width > 50);
});

/** The lines of a run's metrics.jsonl. */
function readMetrics(out: string): Record<string, unknown>[] {
  const lines = readFileSync(join(out, "metrics.jsonl"), "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line));
}

/** Runs a command that must fail; its one line. */
async function failure(
  status: number,
  args: readonly string[],
  env: Record<string, string> = {},
  inProcess = latentgrad,
): Promise<string> {
  const result = await inProcess([...args, "--runtime", "node"], env);
  assert.is(result.status, status, result.stderr);
  const line = onlyLine(result);
  assert.ok(line, result.stderr);
  return line as string;
}

test("a damaged checkpoint is refused with status 3", async () => {
  const path = join(run, "checkpoints", "best.safetensors");
  const whole = readFileSync(path);
  const flipped = Buffer.from(whole);
  flipped[whole.length - 5] = (flipped[whole.length - 5] as number) ^ 4;
  for (const damaged of [whole.subarray(0, 1000), flipped, Buffer.alloc(0)]) {
    writeFileSync(path, damaged);
    assert.match(await failure(3, ["sample", run]), /best\.safetensors/);
  }
  writeFileSync(path, whole);
});

test("a run of another size is refused, naming the parameter", async () => {
  const path = join(run, "config.json");
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.replace('"width": 0.1', '"width": 0.2'));
  assert.match(await failure(3, ["sample", run]), /encoder\.0\.weight/);
  writeFileSync(path, text);
});

test("a learning rate that diverges stops with status 6, names op and step, keeps the checkpoint", async () => {
  const out = join(folder, "diverged");
  const args = ["train", "vae", "--data", "glyphs", "--epochs", "50", "--out", out, "--full-train"];
  const line = await failure(6, [...args, ...small.slice(2), "--set", "learning-rate=1e9"]);
  assert.match(line, /at step \d+: .*(NaN|infinite)/);
  assert.not.match(line, /held such values before/, "the weights and the state were finite");
  assert.not.ok(existsSync(join(out, "figures")));
  const step = Number(/at step (\d+)/.exec(line)?.[1]);
  const metrics = readMetrics(out);
  assert.equal(
    metrics.filter((m) => m.kind === "step").map((m) => m.step),
    Array.from({ length: step - 1 }, (_, i) => i + 1),
    "every step before it is kept",
  );
  assert.ok(metrics.filter((m) => m.kind === "step").every((m) => Number.isFinite(m.loss)));
  const { message, time: _, ...event } = metrics.at(-1) as Record<string, unknown>;
  assert.equal(event, { kind: "event", step, epoch: Math.ceil(step / 4), event: "diverged" });
  assert.is(line, `latentgrad: ${message}`);
});

test("a run that diverges in its last step is not saved", async () => {
  const out = join(folder, "last-step");
  const args = ["train", "vae", "--limit", "32", "--batch", "32", "--epochs", "1", "--out", out];
  const network = [...dense, "--set", "width=0.05", "--set", "learning-rate=1e9"];
  const line = await failure(6, [...args, ...network]);
  assert.match(line, /^latentgrad: validation \w+ at step 1: the mean is (NaN|-?Infinity)/);
  assert.not.ok(existsSync(join(out, "checkpoints")));
  assert.not.ok(existsSync(join(out, "figures")));
  assert.equal(
    readMetrics(out).map((m) => [m.kind, m.step]),
    [
      ["step", 1],
      ["event", 1],
    ],
  );
});

test("a folder that cannot be written is refused before anything is compiled", async () => {
  const file = join(folder, "a-file");
  writeFileSync(file, "");
  const args = ["train", "vae", "--data", "glyphs", "--limit", "256", "--out", join(file, "run")];
  const nowhere = { LATENTGRAD_ADAPTER: "gpu", VK_ICD_FILENAMES: "none.json" };
  assert.match(await failure(7, args, nowhere), /a-file/);
});

test("a damaged configuration is status 3 and names the file and the field", async () => {
  const path = join(run, "config.json");
  const text = readFileSync(path, "utf8");
  for (const [change, pattern] of [
    [{ set: { latent: "abc" } }, /config\.json: setting latent=abc: expected a whole number/],
    [{ set: { latnet: 2 } }, /config\.json: setting latnet: .*did you mean latent/],
    [{ model: "vea" }, /config\.json: unknown model "vea" \(did you mean vae/],
    [{ data: 5 }, /config\.json: data is 5, expected the name of a data set/],
    [{ seed: 1.5 }, /config\.json: seed is 1\.5/],
    [
      { run: { image: { height: 1e9, width: 28, channels: 1 } } },
      /config\.json: image height is 1000000000/,
    ],
    [
      { run: { image: { height: 28, width: 28, channels: 5 } } },
      /config\.json: image channels is 5/,
    ],
  ] as const) {
    writeFileSync(path, JSON.stringify({ ...JSON.parse(text), ...change }));
    assert.match(await failure(3, ["sample", run]), pattern);
  }
  writeFileSync(path, text);
});

/** Starts a long training and interrupts it once stderr matches, or the condition holds. */
async function interrupted(
  runtime: string,
  out: string,
  when: RegExp | (() => boolean),
  signal: "SIGINT" | "SIGTERM" = "SIGINT",
): Promise<Outcome> {
  const args = ["train", "vae", "--data", "glyphs", "--epochs", "1000", "--out", out];
  const running = start([...args, ...dense, ...small.slice(2), "--runtime", runtime]);
  if (when instanceof RegExp) await untilPrinted(running, when);
  else while (!when()) await new Promise((resolve) => setTimeout(resolve, 10));
  running.child.kill(signal);
  return running.ended;
}

for (const [runtime, signal, status] of [
  ["node", "SIGINT", 130],
  ["deno", "SIGTERM", 130],
  ["chrome", "SIGINT", 130],
] as const)
  test(`${runtime}: ${signal} saves the run and says what was saved`, async () => {
    const out = join(folder, `interrupted-${runtime}`);
    const result = await interrupted(runtime, out, /epoch 1\//, signal);
    assert.is(result.status, status, result.stderr);
    const line = /^latentgrad: interrupted; (\S+) holds (epoch|step) (\d+)$/m.exec(result.stderr);
    assert.ok(line, result.stderr);
    const path = join(out, "checkpoints", "last.safetensors");
    assert.is(line[1], path);
    const { metadata } = await readSafetensors(new Uint8Array(readFileSync(path)), path);
    assert.is(metadata[line[2] as string], line[3]);
    const steps = readMetrics(out).filter((m) => m.kind === "step");
    assert.is(String(steps.length), metadata.step, "metrics and checkpoint are of one moment");
  });

test("a signal to the whole group, the browser included, is an interruption, too", async () => {
  if (process.platform !== "linux") return skip("processes are told by /proc");
  const out = join(folder, "group");
  const args = ["train", "vae", "--data", "glyphs", "--epochs", "1000", "--out", out];
  const words = [...args, ...dense, ...small.slice(2), "--runtime", "chrome"];
  const running = start(words, { detached: true });
  await untilPrinted(running, /epoch 1\//);
  const { pid } = running.child as { pid: number };
  for (const browser of childrenOf(pid)) process.kill(browser, "SIGTERM");
  running.child.kill("SIGTERM");
  const { status, stderr } = await running.ended;
  assert.is(status, 130, stderr);
  assert.match(stderr, /^latentgrad: interrupted; .*$/m);
  assert.not.match(stderr, /\n\s+at /);
});

/** The processes that a process has started itself. */
function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.trim().split(" ").filter(Boolean).map(Number);
}

test("an interruption before the first step leaves nothing behind", async () => {
  const out = join(folder, "none-yet", "run");
  // The folder is made before the device is opened and anything is compiled.
  const result = await interrupted("node", out, () => existsSync(out));
  assert.is(result.status, 130, result.stderr);
  assert.not.ok(existsSync(join(folder, "none-yet")));
});

test("a full adapter gives one line that names the tensor and its bytes", async () => {
  const out = join(folder, "full");
  const args = [
    "train",
    "vae",
    "--data",
    "glyphs",
    "--epochs",
    "1",
    "--out",
    out,
    ...small.slice(2),
  ];
  const line = await failure(8, args, { LATENTGRAD_MEMORY: "300000" });
  assert.match(line, /out of GPU memory: .+ wants \d+ bytes/);
  const many = args.map((word) => (word === "64" ? "10000" : word));
  assert.match(
    await failure(8, many, { LATENTGRAD_MEMORY: "3000000" }),
    /out of GPU memory: training images wants 7056000 bytes/,
  );
  assert.not.ok(existsSync(out));
});

test("wrong names and values are usage errors", async () => {
  assert.match(await failure(2, ["train", "vea"], {}, latentgradProcess), /vae/);
  assert.match(await failure(2, ["train", "vae", "--data", "mnits"]), /mnist/);
  assert.match(await failure(2, ["train", "vae", "--epohcs", "1"]), /--epochs/);
  assert.match(await failure(2, ["train", "vae", "--set", "latnet=2"]), /latent/);
  assert.match(await failure(2, ["train", "vae", "--batch", "0"]), /batch/);
});

test("missing data says what to put where", async () => {
  const offline = { LATENTGRAD_OFFLINE: "1", XDG_CACHE_HOME: join(folder, "no-cache") };
  const args = ["train", "vae", "--data", "mnist", "--data-dir", folder];
  const line = await failure(3, args, offline);
  assert.match(line, /train-images-idx3-ubyte\.gz/);
});

test("no adapter is status 4", async () => {
  const out = join(folder, "none");
  const args = ["train", "vae", "--data", "glyphs", "--out", out];
  const nowhere = {
    LATENTGRAD_ADAPTER: "gpu",
    VK_ICD_FILENAMES: "none.json",
    VK_DRIVER_FILES: "none.json",
  };
  await failure(4, args, nowhere, latentgradProcess);
  assert.not.ok(existsSync(out));
});

test.after(() => rmSync(folder, { recursive: true, force: true }));

test.run();
