import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Actions } from "../../src/cli/actions.ts";
import { runCommand } from "../../src/cli/program.ts";
import { needsDevice, requestedRuntime } from "../../src/cli/runtime.ts";
import { CheckpointError, DeviceLostError, IoError, NonFiniteError } from "../../src/gpu/errors.ts";
import { Interruption } from "../../src/host/interruption.ts";
import type { TrainOptions } from "../../src/train/options.ts";
import { cli, double } from "../support/cli.ts";
import { MemoryHost } from "../support/memory-host.ts";

const test = suite("command line");

const asked = (calls: unknown[][]) => calls[0]![1] as TrainOptions;

test("train passes its options, or the defaults", async () => {
  const { calls, status } = await cli("train vae");
  assert.is(status, 0);
  const constant = { text: "constant", needsLength: false };
  const without = ({ lrSchedule, betaSchedule, ...rest }: TrainOptions) => {
    for (const { text, needsLength } of [lrSchedule, betaSchedule])
      assert.equal({ text, needsLength }, constant);
    return JSON.parse(JSON.stringify(rest));
  };
  const defaults = {
    model: "vae",
    data: "glyphs",
    out: "runs/vae-glyphs",
    numbered: true,
    epochs: 5,
    batch: 128,
    seed: 1,
    fullTrain: false,
    grey: false,
    binarise: "none",
    lrWarmup: 0,
    minDelta: 0,
    keep: 0,
    csv: false,
    tensorboard: false,
    dryRun: false,
    resume: false,
    settings: {},
    force: false,
    allowOtherData: false,
  };
  assert.equal(without(asked(calls)), defaults);
  const { numbered: _, ...named } = defaults;
  const line =
    "train vae --data fashion-mnist --data-dir ../data --out o --epochs 1 --batch 64 --limit 10000 " +
    "--seed 7 --set beta=4 --set latent=8 --set network=dense --full-train --force --runtime deno";
  assert.equal(without(asked((await cli(line)).calls)), {
    ...named,
    data: "fashion-mnist",
    dataDir: "../data",
    out: "o",
    epochs: 1,
    batch: 64,
    limit: 10000,
    seed: 7,
    fullTrain: true,
    settings: { beta: "4", latent: "8", network: "dense" },
    force: true,
  });
});

test("train prints places on stdout and a line an epoch on stderr", async () => {
  const { out, err } = await cli("train vae");
  assert.is(out, "run runs/vae-glyphs\nfigure runs/vae-glyphs/figures/samples.png\n");
  assert.is(
    err,
    "epoch 1/5  loss 261.42  val 259.80 best  41.3 s  reconstruction 257.20  kl 4.22\n" +
      "trained in 42.0 s on SwiftShader\n",
  );
});

test("--json, --quiet, NO_COLOR and terminals", async () => {
  const json = await cli("train vae --json --quiet");
  assert.is(json.err, "");
  assert.is(JSON.parse(json.out).final.train.kl, 4.22);
  const terminal = (env: Record<string, string>) =>
    cli("train vae", { host: new MemoryHost(env, true) });
  assert.ok((await terminal({})).err.startsWith("\u001b[1mepoch 1/5\u001b[22m  loss"));
  assert.match((await terminal({ NO_COLOR: "1" })).err, /^epoch/);
  assert.match((await terminal({ TERM: "dumb" })).err, /^epoch/);
  assert.match((await cli("train vaee --quiet")).err, /^latentgrad: unknown model/);
});

test("sample, reconstruct and manifold", async () => {
  const sample = await cli("sample r --count 9 --seed 4294967295 --out x.png");
  assert.equal(sample.calls, [["sample", "r", { count: 9, seed: 4294967295, out: "x.png" }]]);
  assert.is(sample.out, "figure samples.png\n");
  const pairs = await cli("reconstruct r --data-dir d");
  assert.equal(pairs.calls, [["reconstruct", "r", { count: 24, dataDir: "d" }]]);
  assert.is(
    pairs.out,
    "reconstruction 250.12  kl 4.50  nats per sample over 5000 images\nfigure pairs.png\n",
  );
  assert.is(JSON.parse((await cli("reconstruct r --json")).out).n, 5000);
  const manifold = await cli("manifold r --size 15");
  assert.equal(manifold.calls, [["manifold", "r", { size: 15 }]]);
  assert.is(manifold.out, "figure manifold.png\n");
});

test("usage errors: one line that says what was expected, exit status 2, nothing run", async () => {
  for (const [line, pattern] of [
    ["", /no command; latentgrad --help/],
    ["trian vae", /unknown command 'trian' \(Did you mean train\?\)/],
    ["train", /the model is missing; latentgrad models lists them/],
    ["train vae extra", /too many arguments/],
    ["models vea", /unknown model "vea" \(did you mean vae\?\); there are vae/],
    ["train vea", /unknown model "vea" \(did you mean vae\?\); there are vae/],
    ["train vae --data minst", /unknown data set "minst" \(did you mean mnist\?\)/],
    ["train vae --epohcs 3", /unknown option '--epohcs' \(Did you mean --epochs\?\)/],
    ["train vae --epochs", /'--epochs <n>' argument missing/],
    ["train vae --epochs 0", /argument '0' is invalid. Expected a whole number from 1 to 1000000/],
    ["train vae --epochs -1", /argument '-1' is invalid/],
    ["train vae --epochs 1.5", /argument '1.5' is invalid/],
    ["train vae --epochs 1e3", /argument '1e3' is invalid/],
    ["train vae --epochs 0x10", /argument '0x10' is invalid/],
    ["train vae --epochs=", /argument '' is invalid/],
    ["train vae --batch 65537", /from 1 to 65536/],
    ["train vae --limit 0", /--limit <n>/],
    ["train vae --seed 4294967296", /from 0 to 4294967295/],
    ["train vae --runtime dneo", /Expected deno, node, chrome \(did you mean deno\?\)/],
    ["train vae --set beta", /Expected key=value/],
    ["train vae --set =1", /Expected key=value/],
    ["train vae --set bta=1", /--set bta: vae has no such setting \(did you mean beta\?\); there/],
    ["train vae --set toString=1", /--set toString: vae has no such setting; there are beta/],
    ["train vae --set beta=x", /--set beta=x: expected a number from 0 to 1000000/],
    ["train vae --set beta=", /--set beta=: expected a number/],
    ["train vae --set beta=-1", /expected a number from 0 to 1000000/],
    ["train vae --set beta=1e999", /expected a number from 0 to 1000000/],
    ["train vae --set beta=NaN", /expected a number from 0 to 1000000/],
    ["train vae --set latent=2.5", /expected a whole number from 1 to 512/],
    ["train vae --set network=dens", /expected conv, dense \(did you mean dense\?\)/],
    ["sample", /missing required argument 'run'/],
    ["sample r --count 0", /from 1 to 10000/],
    ["manifold r --size 1", /from 2 to 100/],
    ["help nonsense", /unknown command; latentgrad --help/],
  ] as const) {
    const { status, calls, out, err } = await cli(line);
    assert.is(status, 2, line);
    assert.match(err, pattern, line);
    assert.match(err, /^latentgrad: [^\n]+\n$/, `one line: ${line}`);
    assert.is(out, "");
    assert.equal(calls, []);
  }
});

test("help and version are data", async () => {
  for (const line of [
    "--help",
    "help",
    "train --help",
    "help train",
    "sample -h",
    "models --help",
  ]) {
    const { status, out, err } = await cli(line);
    assert.is(status, 0, line);
    assert.match(out, /Usage: latentgrad/, line);
    assert.match(out, /Examples:\n {2}latentgrad /, line);
    assert.is(err, "");
  }
  const { status, out } = await cli("--version");
  assert.is(status, 0);
  assert.match(out, /^\S+\n$/);
});

test("errors of a command are one line with their exit status", async () => {
  for (const [fail, status, text] of [
    [new CheckpointError("x.safetensors: cut off"), 3, "x.safetensors: cut off"],
    [new DeviceLostError("matmul", "gone"), 5, "device lost (matmul): gone"],
    [new NonFiniteError("exp", 12, "NaN"), 6, "exp at step 12: NaN"],
    [new IoError("r/config.json: no space\nleft"), 7, "r/config.json: no space left"],
    [new TypeError("bug"), 1, "unexpected error: bug (LATENTGRAD_DEBUG=1 shows where)"],
    ["text", 1, "unexpected error: text (LATENTGRAD_DEBUG=1 shows where)"],
  ] as const) {
    const result = await cli("train vae", { fail });
    assert.is(result.status, status);
    assert.is(result.err, `latentgrad: ${text}\n`);
    assert.is(result.out, "");
  }
  const host = new MemoryHost({ LATENTGRAD_DEBUG: "1" });
  const { err } = await cli("train vae", { host, fail: new TypeError("bug") });
  assert.match(err, /^latentgrad: unexpected error: bug\n/);
  assert.match(err, /\n\s+at /);
  const known = new MemoryHost({ LATENTGRAD_DEBUG: "1" });
  const typed = await cli("train vae", { host: known, fail: new IoError("no space") });
  assert.is(typed.err, "latentgrad: no space\n");
});

test("a stream that cannot be written is an input/output error", async () => {
  const host = new MemoryHost();
  host.stdout = async () => {
    throw new IoError("standard output: no space left on device");
  };
  const { status, err } = await cli("train vae --quiet", { host });
  assert.is(status, 7);
  assert.is(err, "latentgrad: standard output: no space left on device\n");
});

test("the first Ctrl-C is answered at once, and once", async () => {
  const host = new MemoryHost();
  const interruption = new Interruption();
  const train: Actions["train"] = async (_options, _host, watch) => {
    watch.interruption?.attend();
    assert.is(interruption.request(), undefined);
    assert.is(interruption.request(), undefined);
    throw interruption.error("x holds step 3");
  };
  const status = await runCommand(
    ["train", "vae"],
    host,
    { ...double().actions, train },
    interruption,
  );
  assert.is(status, 130);
  assert.is(
    host.err,
    "stopping after the step at work, then saving; Ctrl-C again stops at once\n" +
      "latentgrad: interrupted; x holds step 3\n",
  );
});

test("--resume without --out goes on with the newest run of the series", async () => {
  const host = new MemoryHost();
  const config = (seed: number) =>
    JSON.stringify({
      ...{ model: "vae", data: "glyphs", seed },
      run: { image: { height: 28, width: 28, channels: 1 } },
    });
  host.put("runs/vae-glyphs/config.json", config(1));
  const only = await cli("train vae --resume", { host });
  assert.is(asked(only.calls).out, "runs/vae-glyphs");
  assert.not.match(only.err, /newest/);
  host.put("runs/vae-glyphs-2/config.json", config(2));
  const newest = await cli("train vae --resume", { host });
  assert.is(asked(newest.calls).out, "runs/vae-glyphs-2");
  assert.match(
    newest.err,
    /going on with runs\/vae-glyphs-2, the newest of 2; --out names another/,
  );
  const other = await cli("train vae --resume --seed 1", { host });
  assert.is(asked(other.calls).out, "runs/vae-glyphs", "the newest that began so");
  assert.is(asked((await cli("train vae --force", { host })).calls).numbered, undefined);
  const moved = host.text("runs/vae-glyphs/config.json").replace("glyphs", "folder:/old/p");
  host.put("runs/vae-folder-p/config.json", moved);
  const out = await cli("train vae --resume --out runs/vae-folder-p --data folder:p", { host });
  assert.is(asked(out.calls).data, "folder:/home/p");
  const found = await cli("train vae --resume --data folder:p", { host });
  assert.equal([found.status, found.calls], [2, []]);
  assert.match(found.err, /the run began with folder:\/old\/p; where that was moved, --out names/);
});

test("the demo replaces its earlier run", async () => {
  const { calls, out, status } = await cli("demo");
  assert.is(status, 0);
  assert.is(asked(calls).force, true);
  assert.is(asked(calls).data, "glyphs");
  assert.match(out, /^run runs\/demo\nfigure runs\/demo\/figures\/samples\.png\n$/);
});

test("the launcher sees the runtime and whether a device is wanted", () => {
  assert.is(requestedRuntime(["train", "vae", "--runtime", "deno"]), "deno");
  assert.is(requestedRuntime(["train", "--runtime=chrome", "vae"]), "chrome");
  assert.is(requestedRuntime(["train", "--runtime", "node", "--runtime", "deno"]), "deno");
  assert.is(requestedRuntime(["train", "--runtime", "bun"]), undefined);
  assert.is(requestedRuntime(["train", "--runtime"]), undefined);
  for (const command of ["train", "sample", "reconstruct", "manifold", "demo"]) {
    assert.ok(needsDevice([command, "x"]));
    assert.not(needsDevice([command, "--help"]));
  }
  for (const command of ["models", "datasets", "help", "--version", "trian"]) {
    assert.not(needsDevice([command]));
  }
  assert.not(needsDevice([]));
});

test.run();
