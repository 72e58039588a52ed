import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readSafetensors } from "../../src/formats/safetensors.ts";
import { pictureRecords } from "../../src/formats/tensorboard.ts";
import { UsageError } from "../../src/gpu/errors.ts";
import { InterruptedError, Interruption } from "../../src/host/interruption.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { rejects } from "../support/rejects.ts";
import { metricsOf, type Texts, trace, trainInMemory } from "../support/training.ts";

const test = suite("training");

/** Everything that has a state: averages, both schedules, clipping, random pixels, the best epoch. */
const rich: Texts = {
  ema: "0.9",
  clip: "50",
  binarise: "dynamic",
  "lr-schedule": "cosine:0.1",
  "lr-warmup": "5",
  "beta-schedule": "linear:1.5",
  "save-every": "3",
  epochs: "3",
};

const metadataOf = async (host: MemoryHost, name = "last") => {
  const path = `r/checkpoints/${name}.safetensors`;
  return (await readSafetensors(host.files.get(path)!, path)).metadata;
};

let unbroken: Promise<ReturnType<typeof trace>> | undefined;

/** The rich run without any interruption, trained once for all tests. */
function richTrace(): Promise<ReturnType<typeof trace>> {
  unbroken ??= (async () => {
    const host = new MemoryHost();
    await trainInMemory(host, rich);
    return trace(host);
  })();
  return unbroken;
}

test("a run that is interrupted again and again is bit for bit the one that was not", async () => {
  const host = new MemoryHost();
  let stops = 0;
  for (let attempt = 0; attempt < 20; attempt++) {
    const interruption = new Interruption();
    let seen = 0;
    // Interrupts at another place each time, in validation, too.
    const onProgress = () => {
      if (++seen > attempt % 4) interruption.request();
    };
    try {
      const resume = host.files.has("r/config.json") ? "true" : "false";
      await trainInMemory(host, { ...rich, resume }, { interruption, onProgress });
      break;
    } catch (error) {
      assert.instance(error, InterruptedError, String(error));
      assert.match(
        (error as Error).message,
        /^interrupted; r\/checkpoints\/last.* holds step \d+$/,
      );
      stops++;
    }
  }
  assert.ok(stops >= 5, `${stops} interruptions`);
  const whole = await richTrace();
  const broken = trace(host);
  assert.equal(broken.metrics, whole.metrics);
  assert.is(broken.checkpoint, whole.checkpoint);
});

test("a run whose process was killed goes on from the last save", async () => {
  const whole = await richTrace();
  for (const [write, path] of [
    [2, "r/checkpoints/last"],
    [1, "r/checkpoints/best"],
    [2, "r/metrics.jsonl"],
    [9, "r/metrics.jsonl"],
  ] as const) {
    // From this write on nothing reaches the disk: what a kill at that moment leaves.
    const host = new MemoryHost();
    let count = 0;
    const { writeAtomic, append } = host;
    const dies = (at: string) => at.startsWith(path) && ++count >= write;
    host.writeAtomic = (at, bytes) =>
      dies(at) ? Promise.reject(new Error("killed")) : writeAtomic.call(host, at, bytes);
    host.append = (at, content) =>
      dies(at) ? Promise.reject(new Error("killed")) : append.call(host, at, content);
    await rejects(() => trainInMemory(host, rich), Error, /killed/);
    Object.assign(host, { writeAtomic, append });
    // A line that was cut off.
    host.put("r/metrics.jsonl", `${host.text("r/metrics.jsonl")}{"kind":"step","st`);
    await trainInMemory(host, { ...rich, resume: "true" });
    assert.equal(trace(host).metrics, whole.metrics, path);
    assert.is(trace(host).checkpoint, whole.checkpoint, path);
  }
});

test("a checkpoint says all that a run goes on with", async () => {
  const host = new MemoryHost();
  await trainInMemory(host, rich);
  const { options, variants, best, random, ...metadata } = await metadataOf(host);
  assert.is(metadata.model, "vae");
  assert.is(metadata.data, "glyphs");
  assert.equal(
    [metadata.epoch, metadata.batch, metadata.step, metadata.steps_per_epoch],
    ["3", "0", "12", "4"],
  );
  assert.is(metadata.permutation_seed, "[1,0]");
  assert.equal(JSON.parse(random!), { generator: "philox4x32-10", seed: [1, 0], step: 12 });
  assert.is(JSON.parse(options!)["lr-schedule"], "cosine:0.1");
  assert.is(JSON.parse(best!).epoch, 3);
  const { sha256, kernels } = JSON.parse(variants!);
  assert.match(sha256, /^[0-9a-f]{64}$/);
  assert.ok(kernels.some((name: string) => name.startsWith("adam")));
  const { tensors } = await readSafetensors(host.files.get("r/checkpoints/last.safetensors")!, "");
  for (const name of ["encoder.1.weight", "ema.encoder.1.weight", "optimiser.exp_avg_sq"])
    assert.ok(tensors.has(name), name);
});

test("a longer run is the same run, up to where the shorter one ended", async () => {
  const short = new MemoryHost();
  await trainInMemory(short, { epochs: "2", keep: "3" });
  await trainInMemory(short, { epochs: "4", keep: "3", resume: "true" });
  const long = new MemoryHost();
  await trainInMemory(long, { epochs: "4", keep: "3" });
  assert.equal(trace(short).metrics, trace(long).metrics);
  assert.is(trace(short).checkpoint, trace(long).checkpoint);
  // Nothing is left to do: that is no error.
  const result = await trainInMemory(short, { epochs: "4", keep: "3", resume: "true" });
  assert.equal([result.epochs, result.steps, result.final], [4, 16, undefined]);
});

test("keeps the checkpoints of the last epochs, and removes older ones", async () => {
  const host = new MemoryHost();
  await trainInMemory(host, { epochs: "4", keep: "2" });
  const names = (await host.list("r/checkpoints")).sort();
  assert.equal(names, [
    "best.safetensors",
    "epoch-000003.safetensors",
    "epoch-000004.safetensors",
    "last.safetensors",
  ]);
});

test("stops early, keeps the best epoch, and says so", async () => {
  const host = new MemoryHost();
  const epochs = { epochs: "50", patience: "2", "min-delta": "30", overfit: "8" };
  const result = await trainInMemory(host, epochs);
  assert.is(result.ending, "no progress");
  assert.ok(result.epochs < 50 && result.epochs === result.best!.epoch + 2, `${result.epochs}`);
  assert.is((await metadataOf(host, "best")).epoch, String(result.best!.epoch));
  const event = metricsOf(host).at(-1)!;
  assert.equal([event.kind, event.event], ["event", "stopped early"]);
  const again = await trainInMemory(host, { ...epochs, resume: "true" });
  assert.equal([again.ending, again.epochs], ["no progress", result.epochs]);
});

test("an interruption does not wait for the end of the epoch", async () => {
  const host = new MemoryHost();
  const interruption = new Interruption();
  const hooks = { interruption, onProgress: () => void interruption.request() };
  const long = { overfit: "512", batch: "1", binarise: "dynamic" } as const;
  await rejects(() => trainInMemory(host, long, hooks), InterruptedError, /holds step \d+$/);
  const { step, batch, epoch } = await metadataOf(host);
  assert.ok(Number(step) > 0 && Number(step) < 100, `step ${step} of 512`);
  assert.equal([batch, epoch], [step, "0"]);
});

test("the learning rate follows its schedule and its warm-up, and the weights follow it", async () => {
  const host = new MemoryHost();
  const schedule = { "lr-schedule": "step:1:0.5", "lr-warmup": "8", epochs: "3" } as const;
  await trainInMemory(host, schedule, {}, { "learning-rate": "0.004" });
  const epochs = metricsOf(host).filter(({ kind }) => kind === "epoch");
  // Steps 4, 8 and 12 of four an epoch: half warm, then halved once, then twice.
  assert.equal(
    epochs.map((record) => record.learning_rate),
    [0.004 * 0.5, 0.004 * 0.5, 0.004 * 0.25],
  );
  const still = new MemoryHost();
  await trainInMemory(still, { "lr-warmup": "1000000000" });
  const [first, second] = metricsOf(still).filter(({ kind }) => kind === "epoch");
  const moved = Math.abs((first!.validation_loss as number) - (second!.validation_loss as number));
  assert.ok(moved < 1e-3, `a rate of almost 0 moved the loss by ${moved}`);
});

test("validates with β in full, whatever its schedule", async () => {
  const host = new MemoryHost();
  await trainInMemory(host, { "beta-schedule": "linear:10" }, {}, { beta: "4" });
  const [epoch] = metricsOf(host).filter(({ kind }) => kind === "epoch");
  const { validation_loss, validation_reconstruction, validation_kl } = epoch as unknown as Record<
    string,
    number
  >;
  assert.ok(Math.abs(validation_loss! - validation_reconstruction! - 4 * validation_kl!) < 1e-3);
  const steps = metricsOf(host).filter(({ kind }) => kind === "step") as unknown as Record<
    string,
    number
  >[];
  for (const [i, { loss, reconstruction, kl }] of steps.entries()) {
    const beta = (4 * i) / 4 / 10;
    assert.ok(Math.abs(loss! - reconstruction! - beta * kl!) < 1e-3, `step ${i + 1}`);
  }
  assert.is(epoch!.beta, (4 * 3) / 4 / 10);
});

test("an averaged run is validated with the averages and trains as if it had none", async () => {
  const [plain, averaged] = [new MemoryHost(), new MemoryHost()];
  await trainInMemory(plain);
  await trainInMemory(averaged, { ema: "0.9" });
  const of = (host: MemoryHost, kind: string) =>
    metricsOf(host)
      .filter((record) => record.kind === kind)
      .map(({ loss, validation_loss }) => [loss, validation_loss]);
  assert.equal(of(averaged, "step"), of(plain, "step"));
  assert.not.equal(of(averaged, "epoch"), of(plain, "epoch"));
});

test("clipping reaches the optimiser, and static binarisation is the same in every run", async () => {
  const loss = async (texts: Texts) => {
    const host = new MemoryHost();
    await trainInMemory(host, { epochs: "1", ...texts });
    return metricsOf(host).map((record) => record.loss);
  };
  assert.not.equal(await loss({ clip: "0.001" }), await loss({}));
  const binary = await loss({ binarise: "static" });
  assert.not.equal(binary, await loss({}));
  assert.equal(binary, await loss({ binarise: "static" }));
});

test("overfitting trains and validates on the same few images", async () => {
  const host = new MemoryHost();
  const result = await trainInMemory(host, { overfit: "4", epochs: "60" });
  const { train, validation } = result.final!;
  assert.is(result.steps, 60, "the batch shrinks to the images");
  assert.ok(train.loss! < 300 && validation!.loss! < 300, JSON.stringify(result.final));
  const many = () => trainInMemory(new MemoryHost(), { overfit: "20000" });
  await rejects(many, UsageError, /there are 10000 training/);
});

test("a dry run goes through everything and leaves nothing", async () => {
  const host = new MemoryHost();
  host.put("r/mine.txt", "kept");
  host.put("r.dry-run/config.json", "somebody's");
  let finished = 0;
  const finish = async () => [`figure ${++finished}`];
  const dry = { "dry-run": "true", epochs: "7", overfit: undefined } as const;
  const result = await trainInMemory(host, dry, { finish });
  assert.equal([result.steps, result.epochs, finished], [2, 1, 1]);
  assert.ok(result.final!.validation);
  assert.equal([result.figures, result.report], [[], undefined], "nothing that is gone is named");
  assert.equal(host.paths(), ["r.dry-run/config.json", "r/mine.txt"]);
  const few = await trainInMemory(host, { "dry-run": "true", overfit: "512" });
  assert.is(few.steps, 2, "of an overfitting run, too");
  const interruption = new Interruption();
  const late = {
    interruption,
    finish: async () => {
      interruption.request();
      return [];
    },
  };
  await rejects(
    () => trainInMemory(host, dry, late),
    InterruptedError,
    /^interrupted; it was a dry run; nothing was kept$/,
  );
  assert.equal(host.paths(), ["r.dry-run/config.json", "r/mine.txt"]);
});

test("time that is up ends a run in order, and it goes on later", async () => {
  const host = new MemoryHost();
  const first = await trainInMemory(host, { "max-time": "0.001s" });
  assert.is(first.ending, "time is up");
  assert.ok(first.steps < 8);
  const second = await trainInMemory(host, { resume: "true" });
  assert.is(second.ending, "all epochs");
  const whole = new MemoryHost();
  await trainInMemory(whole);
  assert.is(trace(host).checkpoint, trace(whole).checkpoint);
});

test("CSV and event files hold what metrics.jsonl holds, in a resumed run as well", async () => {
  const host = new MemoryHost();
  const files = { csv: "true", tensorboard: "true" };
  await trainInMemory(host, { ...files, "max-time": "0.001s" });
  await trainInMemory(host, { ...files, resume: "true" });
  const rows = host.text("r/metrics.csv").trimEnd().split("\n");
  const records = metricsOf(host);
  assert.is(rows.length, records.length + 1);
  const columns = rows[0]!.split(",");
  for (const [i, record] of records.entries()) {
    const cells = rows[i + 1]!.split(",");
    for (const name of ["kind", "step", "epoch", "loss", "validation_kl"])
      assert.is(cells[columns.indexOf(name)], String(record[name] ?? ""), name);
  }
  assert.ok(host.files.get("r/tensorboard/events.out.tfevents.latentgrad")!.length > 500);
});

test("an interruption at the very end of a run counts, and one before a resumed step says so", async () => {
  const host = new MemoryHost();
  const interruption = new Interruption();
  const onEpoch = ({ epoch }: { epoch: number }) => {
    if (epoch === 2) interruption.request();
  };
  await rejects(
    () => trainInMemory(host, {}, { interruption, onEpoch }),
    InterruptedError,
    /^interrupted; r\/checkpoints\/last\.safetensors holds step 8$/,
  );
  const event = metricsOf(host).at(-1)!;
  assert.equal([event.kind, event.event, event.step], ["event", "interrupted", 8]);
  await rejects(
    () => trainInMemory(host, { epochs: "3", resume: "true" }, { interruption }),
    InterruptedError,
    /^interrupted; r is as it was$/,
  );
});

test("an interrupted epoch says how long it took", async () => {
  const host = new MemoryHost();
  await trainInMemory(host, { "max-time": "0.001s" });
  const event = metricsOf(host).find((record) => record.event === "time is up")!;
  assert.ok((event.seconds as number) > 0);
  await trainInMemory(host, { resume: "true" });
  const epochs = metricsOf(host).filter(({ kind }) => kind === "epoch");
  for (const record of epochs) {
    const { images_per_second: rate, seconds } = record as unknown as Record<string, number>;
    assert.ok(rate! * seconds! <= 32 * 1.001, "no more images than the session trained");
  }
});

test("pictures of earlier epochs stay in the event file of a run that goes on", async () => {
  const host = new MemoryHost();
  const png = Uint8Array.of(1, 2, 3);
  const pictures = async () => ({ samples: { width: 1, height: 1, png } });
  const path = "r/tensorboard/events.out.tfevents.latentgrad";
  const count = () => pictureRecords(host.files.get(path)!, 1000).length;
  await trainInMemory(host, { tensorboard: "true" }, { pictures });
  assert.is(count(), 2);
  await trainInMemory(host, { tensorboard: "true", epochs: "3", resume: "true" }, { pictures });
  assert.is(count(), 3);
  const file = host.files.get(path)!;
  assert.is(pictureRecords(file, 8).length, 2, "of later steps none is taken over");
  assert.is(pictureRecords(file.slice(0, -3), 1000).length, 2, "nor one that is cut off");
});

test("a temporary file that a crash left is removed, others are not", async () => {
  const host = new MemoryHost();
  await trainInMemory(host);
  host.put("r/checkpoints/.0123456789ab.tmp", "half");
  host.put("r/.0123456789ab.tmp", "half");
  host.put("r/tensorboard/.0123456789ab.tmp", "half");
  host.put("r/.mine.tmp", "mine");
  await trainInMemory(host, { resume: "true" });
  assert.equal(
    host.paths().filter((path) => path.endsWith(".tmp")),
    ["r/.mine.tmp"],
  );
});

test.run();
