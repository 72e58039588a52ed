/** What `--resume` refuses, and what it says of a run folder that is not whole. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  readSafetensors,
  type SafetensorsTensor,
  writeSafetensors,
} from "../../src/formats/safetensors.ts";
import { CheckpointError, DataError, IoError } from "../../src/gpu/errors.ts";
import { InterruptedError, Interruption } from "../../src/host/interruption.ts";
import { withRun } from "../../src/train/open-run.ts";
import type { Progress } from "../../src/train/pace.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { rejects } from "../support/rejects.ts";
import { metricsOf, type Texts, trace, trainInMemory } from "../support/training.ts";

const test = suite("going on");

function putPicture(host: MemoryHost, name: string, grey: number): void {
  host.putPicture(`/p/${name}.png`, {
    ...{ width: 4, height: 4, channels: 1 },
    pixels: Uint8Array.from({ length: 16 }, (_, i) => grey * i),
  });
}

async function metadataOf(host: MemoryHost): Promise<Readonly<Record<string, string>>> {
  const path = "r/checkpoints/last.safetensors";
  return (await readSafetensors(host.files.get(path)!, path)).metadata;
}

test("a checkpoint of other data or another model is refused, and nothing is changed", async () => {
  const host = new MemoryHost();
  await trainInMemory(host);
  const before = trace(host);
  await rejects(
    () => trainInMemory(host, { overfit: "64", resume: "true" }),
    CheckpointError,
    /last.safetensors: its overfit is 32, that of the run is 64/,
  );
  await rejects(
    () => trainInMemory(host, { resume: "true" }, {}, { width: "0.1" }),
    CheckpointError,
    /its setting width is 0\.05, that of the run is 0\.1/,
  );
  const path = "r/checkpoints/last.safetensors";
  const file = await readSafetensors(host.files.get(path)!, path);
  const { payload_sha256: _, header_sha256: __, ...metadata } = file.metadata;
  const counts = { steps_per_epoch: "2", epoch: "4", batch: "0" };
  host.put(path, await writeSafetensors(file.tensors, { ...metadata, ...counts }));
  await rejects(
    () => trainInMemory(host, { resume: "true" }),
    CheckpointError,
    /its epochs have 2 steps, with these data they have 4/,
  );
  const cut = new Map(file.tensors);
  cut.set("head.bias", { dtype: "F32", shape: [1], data: new Float32Array(1) });
  host.put(path, await writeSafetensors(cut, metadata));
  await rejects(
    () => trainInMemory(host, { resume: "true" }),
    CheckpointError,
    /head\.bias is F32 \[1\], the model has F32 \[4\]/,
  );
  host.put(path, await writeSafetensors(file.tensors, { ...metadata, model: "cvae" }));
  await rejects(
    () => trainInMemory(host, { resume: "true" }),
    CheckpointError,
    /last\.safetensors: a checkpoint of cvae, expected one of vae/,
  );
  host.put("r/checkpoints/last.safetensors", "short");
  await rejects(
    () => trainInMemory(host, { resume: "true" }),
    CheckpointError,
    /this is a text, expected/,
  );
  host.files.delete("r/checkpoints/last.safetensors");
  assert.equal(trace(host).metrics, before.metrics);
  host.files.delete("r/config.json");
  await rejects(() => trainInMemory(host, { resume: "true" }), DataError, /not a run folder/);
});

test("a checkpoint of another seed or with other options is refused", async () => {
  const [host, other] = [new MemoryHost(), new MemoryHost()];
  await trainInMemory(host);
  await trainInMemory(other, { seed: "5" }, {}, { "learning-rate": "0.002" });
  const path = "r/checkpoints/last.safetensors";
  host.put(path, other.files.get(path)!);
  const resume = (more = {}, texts = {}) =>
    trainInMemory(host, { epochs: "3", resume: "true", ...texts }, {}, more);
  await rejects(() => resume(), CheckpointError, /last\.safetensors: its seed is 5, .* run is 1/);
  await rejects(
    () => resume({}, { seed: "5" }),
    CheckpointError,
    /its setting learning-rate is 0\.002, that of the run is 0\.001/,
  );
  await rejects(
    () => resume({ "learning-rate": "0.002" }, { seed: "5", clip: "1" }),
    CheckpointError,
    /its clip is missing, that of the run is 1/,
  );
  await resume({ "learning-rate": "0.002" }, { seed: "5" });
});

test("a checkpoint whose values cannot be is refused", async () => {
  const host = new MemoryHost();
  await trainInMemory(host);
  const path = "r/checkpoints/last.safetensors";
  const good = host.files.get(path)!;
  const resume = async (
    change: Record<string, string>,
    spoil: (tensors: Map<string, SafetensorsTensor>) => void = () => {},
  ) => {
    const { tensors, metadata } = await readSafetensors(good, path);
    const { payload_sha256: _, header_sha256: __, ...rest } = metadata;
    const copy = new Map(tensors);
    spoil(copy);
    host.put(path, await writeSafetensors(copy, { ...rest, ...change }));
    return trainInMemory(host, { epochs: "3", resume: "true" });
  };
  const random = JSON.stringify({ generator: "mt19937", seed: [1, 0], step: 8 });
  for (const [change, pattern] of [
    [{ seed: "2" }, /its seed is "2", that of the run is "1"/],
    [{ random }, /its random numbers is \["mt19937",\[1,0\]\]/],
    [{ image: '{"height":1,"width":1,"channels":1}' }, /its image is .*"height":1.* of the run/],
  ] as const)
    await rejects(() => resume(change), CheckpointError, pattern);
  const spoil = (tensors: Map<string, SafetensorsTensor>) => {
    const found = tensors.get("optimiser.exp_avg")!;
    const data = Float32Array.from(found.data as Float32Array);
    data[3] = Number.NaN;
    tensors.set("optimiser.exp_avg", { ...found, data });
  };
  await rejects(() => resume({}, spoil), CheckpointError, /optimiser\.exp_avg holds NaN/);
  await resume({});
});

test("lines of the metrics that are lost are missed", async () => {
  const host = new MemoryHost();
  await trainInMemory(host);
  const lines = host.text("r/metrics.jsonl").trimEnd().split("\n");
  const few = lines.filter((line) => !/"step":[78],/.test(line));
  host.put("r/metrics.jsonl", `${few.join("\n")}\n`);
  const notices: string[] = [];
  const onNotice = (line: string) => notices.push(line);
  await trainInMemory(host, { epochs: "3", resume: "true" }, { onNotice });
  assert.ok(
    notices.includes("metrics.jsonl ends with step 6: the lines up to step 8 are lost"),
    notices.join("; "),
  );
});

test("a run.image that is not the checkpoint's is refused before a model is built", async () => {
  const host = new MemoryHost();
  await trainInMemory(host);
  const config = JSON.parse(host.text("r/config.json"));
  config.run.image = { height: 4096, width: 4096, channels: 4 };
  host.put("r/config.json", JSON.stringify(config));
  const open = () => withRun("r", {}, host, async () => assert.unreachable());
  await rejects(open, CheckpointError, /its image is .*28.*, that of the run is .*4096/);
});

test("on another adapter a run goes on, and says that the bits will differ", async () => {
  const host = new MemoryHost();
  await trainInMemory(host);
  const path = "r/checkpoints/last.safetensors";
  const { tensors, metadata } = await readSafetensors(host.files.get(path)!, path);
  const { payload_sha256: _, header_sha256: __, ...rest } = metadata;
  const notices: string[] = [];
  const resume = async (change: Record<string, string>) => {
    host.put(path, await writeSafetensors(tensors, { ...rest, ...change }));
    const onNotice = (line: string) => notices.push(line);
    await trainInMemory(host, { epochs: "3", resume: "true" }, { onNotice });
    return notices.pop()!;
  };
  assert.match(await resume({}), /^going on from step 8 of r\/checkpoints\/last\.safetensors$/);
  assert.match(
    await resume({ adapter: "a GPU", runtime: "deno" }),
    /; it was trained on a GPU \(deno\), and goes on on .*: within rounding, not bit for bit$/,
  );
  assert.match(
    await resume({ variants: "{}" }),
    /the kernels are not those it had: within rounding/,
  );
});

test("a run does not go on with other data, unless that is wanted", async () => {
  const host = new MemoryHost();
  const put = (name: string, grey: number) => putPicture(host, name, grey);
  const texts = { data: "folder:/p", overfit: undefined, "full-train": "true" } as const;
  const resume = async (more: Texts = {}) => {
    const notices: string[] = [];
    const onNotice = (line: string) => notices.push(line);
    await trainInMemory(host, { ...texts, epochs: "3", resume: "true", ...more }, { onNotice });
    return notices.find((line) => line.startsWith("going on from")) ?? notices.join("; ");
  };
  for (let i = 10; i < 30; i++) put(`${i}`, i % 7);
  await trainInMemory(host, texts);
  const begun = new Map(host.files);
  const counts = { "30": "19 images, were 18", "12": "18 images as before, with other content" };
  for (const [name, difference] of Object.entries(counts)) {
    put(name, 9);
    const before = host.text("r/config.json");
    const detail = new RegExp(
      `^folder:/p: the data are not those it had \\(${difference}\\); --allow-other-data goes on`,
    );
    await rejects(() => resume(), DataError, detail);
    assert.is(host.text("r/config.json"), before);
    assert.match(
      (await resume({ "allow-other-data": "true" })) ?? "",
      new RegExp(`last\\.safetensors; the data are not those it had \\(${difference}\\)$`),
    );
    // What was trained last is what the next one is held against.
    assert.match((await resume({ epochs: "4" })) ?? "", /last\.safetensors$/);
    for (const [path, bytes] of begun) host.files.set(path, bytes);
    host.files.delete("/p/30.png");
    put("12", 12 % 7);
  }
});

/** An interruption when that many epochs and steps of the next one are done, at a saved step. */
function stopAt(epochs: number, steps: number) {
  const interruption = new Interruption();
  const onProgress = ({ phase, epoch, step }: Progress) => {
    if (phase === "training" && epoch === epochs + 1 && step >= steps) interruption.request();
  };
  return { interruption, onProgress };
}

for (const [name, before, after, inside, inEpoch] of [
  ["more pictures, at the end of an epoch", 40, 64, 0, "epochs have 13 steps, had 8"],
  ["more pictures, within an epoch", 40, 64, 3, "epochs have 13 steps, had 8; epoch 2 begins anew"],
  ["fewer pictures, at the end of an epoch", 64, 40, 0, "epochs have 8 steps, had 13"],
  [
    "fewer pictures, within an epoch",
    64,
    40,
    9,
    "epochs have 8 steps, had 13; epoch 2 begins anew",
  ],
  ["as many steps, within an epoch", 40, 41, 3, "epoch 2 begins anew"],
] as const)
  test(`a run goes on with ${name}`, async () => {
    const host = new MemoryHost();
    const texts = {
      ...{ data: "folder:/p", overfit: undefined, batch: "4", epochs: "4", "save-every": "1" },
      ...{ "lr-schedule": "cosine", "beta-schedule": "linear:4", resume: "true" },
    };
    for (let i = 0; i < before; i++) putPicture(host, String(i), i % 7);
    await rejects(
      () => trainInMemory(host, { ...texts, resume: undefined }, stopAt(1, inside)),
      InterruptedError,
      /holds step/,
    );
    const step = Number((await metadataOf(host)).step);
    const first = JSON.parse(host.text("r/config.json")).run.stepsPerEpoch as number;
    for (let i = before; i < after; i++) putPicture(host, String(i), i % 7);
    for (let i = after; i < before; i++) host.files.delete(`/p/${i}.png`);
    await rejects(() => trainInMemory(host, texts), DataError, /--allow-other-data goes on/);
    const begun = new Map(host.files);
    const notices: string[] = [];
    const onNotice = (line: string) => notices.push(line);
    const other = { ...texts, "allow-other-data": "true" };
    await trainInMemory(host, other, { onNotice });
    const said = notices.find((line) => line.startsWith("going on from")) ?? "";
    assert.ok(said.includes(inEpoch), said);
    assert.match(said, /[:;] the best epoch is looked for anew$/);
    const whole = trace(host);
    const steps = JSON.parse(host.text("r/config.json")).run.stepsPerEpoch as number;
    const metadata = await metadataOf(host);
    assert.equal(
      [metadata.step, metadata.epoch, metadata.batch, metadata.steps_per_epoch],
      [String(step + 3 * steps), "4", "0", String(steps)],
    );
    const spans = [
      { step: 0, epochs: 0, stepsPerEpoch: first },
      { step, epochs: 1, stepsPerEpoch: steps },
    ];
    assert.equal(JSON.parse(metadata.epoch_spans!), spans);
    // By epochs done: β is whole behind the fourth, whatever its steps were.
    const epochs = metricsOf(host).filter(({ kind }) => kind === "epoch");
    assert.equal(
      epochs.map((record) => [record.epoch, record.step]),
      [1, 2, 3, 4].map((epoch) => [epoch, epoch === 1 ? first : step + (epoch - 1) * steps]),
    );
    const last = (4 - 1 / steps) / 4;
    assert.ok(Math.abs((epochs[3]!.beta as number) - last) < 1e-6, `β ${epochs[3]!.beta}`);
    const rate = 0.001 * 0.5 * (1 + Math.cos(Math.PI * last));
    assert.ok(Math.abs((epochs[3]!.learning_rate as number) - rate) < 1e-9);
    // The best of the new data only.
    const losses = epochs.slice(1).map((record) => record.validation_loss as number);
    assert.is(JSON.parse(metadata.best!).loss, Math.min(...losses));

    // Stopped again within an epoch, and going on without the option: the same bits.
    for (const path of host.paths()) host.files.delete(path);
    for (const [path, bytes] of begun) host.files.set(path, bytes);
    await rejects(() => trainInMemory(host, other, stopAt(1, 2)), InterruptedError, /holds step/);
    const again: string[] = [];
    await trainInMemory(host, texts, { onNotice: (line) => again.push(line) });
    assert.match(again.join("; "), /going on from step \d+ of r\/checkpoints\/last\.safetensors$/);
    const found = trace(host);
    assert.equal(found.metrics, whole.metrics);
    assert.is(found.checkpoint, whole.checkpoint);
  });

test("a checkpoint from before there were fingerprints goes on", async () => {
  const host = new MemoryHost();
  await trainInMemory(host);
  const path = "r/checkpoints/last.safetensors";
  const { tensors, metadata } = await readSafetensors(host.files.get(path)!, path);
  const { payload_sha256: _, header_sha256: __, training_data: found, ...rest } = metadata;
  assert.match(found!, /^\{"images":10000,"sha256":"[0-9a-f]{64}"\}$/);
  host.put(path, await writeSafetensors(tensors, { ...rest, training_data: "{}" }));
  const resume = () => trainInMemory(host, { epochs: "3", resume: "true" });
  await rejects(resume, CheckpointError, /its training_data is "\{\}"/);
  host.put(path, await writeSafetensors(tensors, rest));
  await resume();
});

test("a damaged metrics file is refused before anything is changed", async () => {
  const host = new MemoryHost();
  await trainInMemory(host);
  const damaged = `{"kind":"st\n${host.text("r/metrics.jsonl")}`;
  host.put("r/metrics.jsonl", damaged);
  const config = host.text("r/config.json");
  const resume = () => trainInMemory(host, { epochs: "9", resume: "true" });
  await rejects(resume, DataError, /metrics\.jsonl: line 1 is not a metrics record/);
  assert.equal([host.text("r/config.json"), host.text("r/metrics.jsonl")], [config, damaged]);
});

test("a run whose metrics are gone goes on", async () => {
  const host = new MemoryHost();
  const interruption = new Interruption();
  const onProgress = ({ phase }: { phase: string }) => {
    if (phase === "validation") interruption.request();
  };
  const whole = { overfit: undefined, limit: "32", "full-train": "true" } as const;
  await rejects(
    () => trainInMemory(host, whole, { interruption, onProgress }),
    InterruptedError,
    /holds step 4$/,
  );
  host.files.delete("r/metrics.jsonl");
  await trainInMemory(host, { ...whole, resume: "true" });
  await trainInMemory(host, { ...whole, epochs: "3", resume: "true" });
});

test("a folder in the place of the last checkpoint is named before anything is changed", async () => {
  const host = new MemoryHost();
  await trainInMemory(host);
  const path = "r/checkpoints/last.safetensors";
  host.files.delete(path);
  host.put(`${path}/x`, "");
  const before = [host.text("r/config.json"), host.text("r/metrics.jsonl")];
  for (const more of [{}, { "allow-other-data": "true" }]) {
    const resume = () => trainInMemory(host, { resume: "true", epochs: "3", ...more });
    await rejects(resume, IoError, /r\/checkpoints\/last\.safetensors: /);
  }
  assert.equal([host.text("r/config.json"), host.text("r/metrics.jsonl")], before);
});

test("a file of another kind in the run's folder is named", async () => {
  const host = new MemoryHost();
  host.put("r/config.json", "version https://git-lfs.github.com/spec/v1\noid sha256:ab\n");
  await rejects(
    () => trainInMemory(host, { resume: "true" }),
    DataError,
    /^r\/config\.json: this is a Git LFS pointer .*, expected JSON$/,
  );
});

test.run();
