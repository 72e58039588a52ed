import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CheckpointError, DataError, IoError, UsageError } from "../../src/gpu/errors.ts";
import { readRunConfig } from "../../src/train/open-run.ts";
import { RunFolder } from "../../src/train/run-folder.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("run folder");

const bytes = Uint8Array.of(1, 2, 3);

/** A host with a complete run in r. */
async function withRun(): Promise<MemoryHost> {
  const host = new MemoryHost();
  const run = await RunFolder.create("r", { force: false }, host);
  await run.writeConfig({ model: "vae", seed: 1, run: {} });
  await run.appendMetrics([{ kind: "step", step: 1, epoch: 1, loss: 500.5 }]);
  await run.appendMetrics([{ kind: "epoch", step: 10, epoch: 1, loss: 250.25, kl: 4 }]);
  await run.writeCheckpoint(bytes);
  await run.writeFigure("samples", bytes);
  return host;
}

test("keeps config, metrics, checkpoint and figures where the contract says", async () => {
  const host = await withRun();
  assert.equal(host.paths(), [
    "r/checkpoints/last.safetensors",
    "r/config.json",
    "r/figures/samples.png",
    "r/metrics.jsonl",
  ]);
  const lines = host.text("r/metrics.jsonl").trimEnd().split("\n");
  assert.equal(
    lines.map((line) => JSON.parse(line)),
    [
      { kind: "step", step: 1, epoch: 1, loss: 500.5 },
      { kind: "epoch", step: 10, epoch: 1, loss: 250.25, kl: 4 },
    ],
  );
});

test("a run that began meanwhile is not replaced", async () => {
  const host = new MemoryHost();
  const late = await RunFolder.create("r", { force: false }, host);
  const early = await RunFolder.create("r", { force: false }, host);
  await early.prepare();
  await early.writeConfig({ model: "vae", run: {} });
  await early.release();
  await rejects(() => late.prepare(), UsageError, /^r is not empty/);
  assert.equal(host.paths(), ["r/config.json"]);
});

test("is read back", async () => {
  const run = await RunFolder.open("r", await withRun());
  const { text } = await run.readConfig();
  assert.equal(JSON.parse(text), { model: "vae", seed: 1, run: {} });
  assert.equal((await run.readCheckpoint()).bytes, bytes);
});

test("creates nothing before the first write", async () => {
  const host = new MemoryHost();
  await RunFolder.create("r", { force: false }, host);
  assert.equal(host.paths(), []);
});

test("refuses a folder that is not empty, unless forced, and then clears the run only", async () => {
  const host = await withRun();
  host.put("r/notes.txt", "mine");
  host.put("r/figures/drawing.svg", "mine");
  host.put("r/figures/my.png", "mine");
  host.put("r/checkpoints/tuned.safetensors", "mine");
  const before = host.paths();
  const create = (force: boolean) => () => RunFolder.create("r", { force }, host);
  await rejects(
    create(false),
    UsageError,
    /^r is not empty; --resume goes on .*, --force replaces it/,
  );
  assert.equal(host.paths(), before);
  const failed = await create(true)();
  await failed.prepare();
  await failed.discard();
  assert.equal(host.paths(), before, "a run that never begins costs the old one nothing");
  await (await create(true)()).writeConfig({});
  assert.equal(host.paths(), [
    "r/checkpoints/tuned.safetensors",
    "r/config.json",
    "r/figures/drawing.svg",
    "r/figures/my.png",
    "r/notes.txt",
  ]);
  host.put("f", "a file");
  const onFile = () => RunFolder.create("f", { force: true }, host);
  await rejects(onFile, UsageError, /^f: a file, expected a folder/);
});

test("says what is wrong with a folder that is no run", async () => {
  const host = new MemoryHost();
  const open = (path: string) => () => RunFolder.open(path, host);
  await rejects(open("none"), UsageError, /^none: no such run folder/);
  host.put("d/other.txt", "");
  await rejects(open("d"), DataError, /^d: no config.json in it/);
  await rejects(open("d/other.txt"), UsageError, /a file, expected a run folder/);
  for (const [text, pattern] of [
    ["{", /^d\/config.json: not JSON/],
    ["[1]", /^d\/config.json: not an object/],
    ["null", /not an object/],
    ["{}", /there is no name of a model/],
    ['{"model":"vae","data":"glyphs","seed":1,"seed":1}', /the key "seed" is there twice/],
    ['{"model":"vae","data":"glyphs","seeed":1}', /unknown key "seeed" \(did you mean seed\?\)/],
    ['{"model":"vae","data":"glyphs","seed":"1"}', /seed is "1", expected a whole number/],
    ['{"model":"vae","data":"glyphs"}', /there is no run in it/],
  ] as const) {
    host.put("d/config.json", text);
    const run = await RunFolder.open("d", host);
    await rejects(() => readRunConfig(run), DataError, pattern);
    await rejects(() => run.readCheckpoint(), CheckpointError, /last.safetensors: no such/);
  }
});

test("a line that a crash cut off does not spoil the one behind it", async () => {
  const host = await withRun();
  const before = host.text("r/metrics.jsonl");
  host.put("r/metrics.jsonl", `${before}{"kind":"step","ste`);
  const run = await RunFolder.open("r", host);
  assert.is((await run.readMetrics()).length, 2);
  const line = { kind: "eval", step: 10, epoch: 1 } as const;
  await run.appendMetrics([line]);
  assert.is(host.text("r/metrics.jsonl"), `${before}${JSON.stringify(line)}\n`);
  assert.is((await run.readMetrics()).length, 3);
});

test("--force takes no folder that holds other people's files of these names", async () => {
  for (const [path, content] of [
    ["p/config.json", '{"my":"project"}'],
    ["p/report.html", "mine"],
    ["p/figures/samples.png", "mine"],
    ["p/checkpoints/best.safetensors", "theirs"],
  ] as const) {
    const host = new MemoryHost();
    host.put(path, content);
    await rejects(
      () => RunFolder.create("p", { force: true }, host),
      UsageError,
      new RegExp(`^p holds no run, and --force would remove ${path}`),
    );
    assert.is(host.text(path), content);
  }
  const host = new MemoryHost();
  host.put("p/notes.txt", "mine");
  await (await RunFolder.create("p", { force: true }, host)).writeConfig({});
  assert.is(host.text("p/notes.txt"), "mine");
});

test("two runs at once do not get one folder", async () => {
  const host = new MemoryHost();
  const first = await RunFolder.create("r", { force: false }, host);
  await first.prepare();
  const second = await RunFolder.create("r", { force: false }, host);
  await rejects(() => second.prepare(), UsageError, /at work/);
  await first.release();
  await second.prepare();
});

test("a failing write is an IoError and leaves what was there", async () => {
  const host = await withRun();
  const run = await RunFolder.open("r", host);
  const files = () => host.paths().map((path) => [path, host.text(path)]);
  const before = files();
  host.failOn = "r/";
  const other = Uint8Array.of(9);
  await rejects(() => run.writeCheckpoint(other), IoError, /last.safetensors: no space/);
  await rejects(() => run.writeFigure("manifold", other), IoError, /manifold.png: no space/);
  await rejects(() => run.writeConfig({}), IoError, /config.json: no space/);
  const metric = { kind: "epoch", step: 1, epoch: 1 } as const;
  await rejects(() => run.appendMetrics([metric]), IoError, /metrics.jsonl: no space/);
  assert.equal(files(), before);
});

test("an epoch's lines are one write", async () => {
  const host = await withRun();
  let writes = 0;
  const { append } = host;
  host.append = (path, text) => {
    writes++;
    return append.call(host, path, text);
  };
  const run = await RunFolder.open("r", host);
  const line = { kind: "step", epoch: 2 } as const;
  await run.appendMetrics([1, 2, 3].map((step) => ({ ...line, step, loss: 1 / 0 })));
  await run.appendMetrics([]);
  assert.is(writes, 1);
  const lines = host.text("r/metrics.jsonl").trimEnd().split("\n");
  assert.is(lines.length, 5);
  assert.equal(JSON.parse(lines[4] as string), { ...line, step: 3, loss: null });
});

test("a folder that cannot be written is found out at once, and nothing is left", async () => {
  const host = new MemoryHost();
  const run = await RunFolder.create("a/b", { force: false }, host);
  host.failOn = "a/b";
  await rejects(() => run.prepare(), IoError, /no space/);
  host.failOn = undefined;
  await run.prepare();
  assert.equal(host.paths(), []);
  await run.writeConfig({});
  host.put("a/mine.txt", "");
  await run.discard();
  assert.equal(host.paths(), ["a/mine.txt"]);
});

test("a folder that is removed or emptied is not made anew", async () => {
  const host = new MemoryHost();
  const run = await RunFolder.create("r", { force: false }, host);
  await run.prepare();
  await run.writeConfig({ model: "vae", run: {} });
  await run.writeCheckpoint(bytes);
  const writes = {
    "r/checkpoints/last.safetensors": () => run.writeCheckpoint(bytes),
    "r/metrics.jsonl": () => run.appendMetrics([{ kind: "epoch", step: 1, epoch: 1 }]),
    "r/metrics.csv": () => run.appendCsv("1"),
    "r/figures/samples.png": () => run.writeFigure("samples", bytes),
    "r/report.html": () => run.writeReport(""),
  };
  const refused = async (reason: string) => {
    for (const [path, write] of Object.entries(writes))
      await rejects(write, IoError, new RegExp(`^cannot write ${path}: ${reason}`));
  };
  host.files.clear();
  await refused("r/config.json is gone: the run folder was removed, or emptied$");
  host.locks.clear();
  await refused("r/.latentgrad-lock is gone");
  await rejects(() => run.discard(), IoError, /gone/);
  assert.equal(host.paths(), []);
});

test("a figure goes where the user says", async () => {
  const host = await withRun();
  const run = await RunFolder.open("r", host);
  assert.is(await run.writeFigure("samples", bytes), "r/figures/samples.png");
  assert.is(await run.writeFigure("samples", bytes, "there/x.png"), "there/x.png");
  assert.ok(host.files.has("there/x.png"));
});

test.run();
