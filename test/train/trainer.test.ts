import { suite } from "uvu";
import * as assert from "uvu/assert";
import { binariseDataset } from "../../src/data/binarise.ts";
import { loadGlyphs } from "../../src/data/glyphs.ts";
import { loadTones } from "../../src/data/tones.ts";
import type { Device } from "../../src/gpu/device.ts";
import {
  CheckpointError,
  DeviceLostError,
  NonFiniteError,
  OutOfMemoryError,
  UsageError,
} from "../../src/gpu/errors.ts";
import { openDevice } from "../../src/gpu/open.ts";
import { PlainAutoencoder } from "../../src/models/ae.ts";
import { ConditionalVae } from "../../src/models/cvae.ts";
import { Vae } from "../../src/models/vae.ts";
import { Trainer } from "../../src/train/trainer.ts";
import type { TrainerOptions } from "../../src/train/trainer-options.ts";
import { testDevice } from "../support/device.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { rejects } from "../support/rejects.ts";
import { metricsOf, trainInMemory } from "../support/training.ts";

const test = suite("trainer");

const settings = { width: 0.05, latent: 2, network: "dense" } as const;

/** A training of a moment: 4 steps an epoch. */
const tiny: TrainerOptions = {
  ...{ model: Vae, settings, data: loadGlyphs(32, 4), batch: 8, validation: 0 },
};

async function make(more: Partial<TrainerOptions> = {}, device?: Device): Promise<Trainer> {
  return Trainer.create(device ?? (await testDevice()), { ...tiny, ...more });
}

type Rows = [step: number, epoch: number, loss: number][];

async function trainTo(trainer: Trainer, epochs: number, every = 1): Promise<Rows> {
  const rows: Rows = [];
  for await (const { step, epoch, terms } of trainer.train({ epochs, every }))
    rows.push([step, epoch, terms.loss!]);
  return rows;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A whole training, step by step, and its checkpoint. */
async function unbroken(more: Partial<TrainerOptions> = {}): Promise<{ rows: Rows; file: string }> {
  const trainer = await make(more);
  const rows = await trainTo(trainer, 3);
  const file = hex(await trainer.checkpoint());
  trainer.close();
  return { rows, file };
}

test("tells of every few steps and of the end of each epoch, with means", async () => {
  const { rows } = await unbroken();
  assert.equal(
    rows.map(([step, epoch]) => [step, epoch]),
    Array.from({ length: 12 }, (_, i) => [i + 1, 1 + Math.floor(i / 4)]),
  );
  const trainer = await make();
  const seen = await trainTo(trainer, 3, 3);
  assert.equal(
    seen.map(([step]) => step),
    [3, 4, 7, 8, 11, 12],
  );
  const mean = (rows[0]![2] + rows[1]![2] + rows[2]![2]) / 3;
  assert.ok(Math.abs(seen[0]![2] - mean) < 1e-9 * mean, "the mean over its steps");
  assert.is(seen[1]![2], rows[3]![2]);
  assert.equal([trainer.stepsDone, trainer.epochs], [12, 3]);
  assert.equal(await trainTo(trainer, 3), [], "they are done");
  trainer.close();
});

test("left, paused, aborted and taken step by step, it comes to the same bits", async () => {
  const whole = await unbroken({ ema: 0.9 });
  const trainer = await make({ ema: 0.9 });
  const rows: Rows = [];
  for await (const { step, epoch, terms } of trainer.train({ epochs: 3, every: 1 })) {
    rows.push([step, epoch, terms.loss!]);
    if (step === 2) break;
  }
  const stop = new AbortController();
  for await (const { step, epoch, terms } of trainer.train({ every: 1, signal: stop.signal })) {
    rows.push([step, epoch, terms.loss!]);
    if (step === 5) stop.abort();
  }
  assert.is(rows.length, trainer.stepsDone, "what was queued is told of");
  const { step, epoch, terms } = await trainer.step();
  rows.push([step, epoch, terms.loss!]);
  trainer.pause();
  const going = (async () => {
    for await (const { step, epoch, terms } of trainer.train({ epochs: 3, every: 1 }))
      rows.push([step, epoch, terms.loss!]);
  })();
  const before = trainer.stepsDone;
  await trainer.checkpoint();
  await trainer.device.finish();
  assert.ok(trainer.isPaused && trainer.stepsDone === before, "it waits");
  trainer.resume();
  await going;
  assert.equal(rows, whole.rows);
  assert.is(hex(await trainer.checkpoint()), whole.file);
  trainer.close();
});

test("has the losses of the command line with its options, and goes on from its checkpoints", async () => {
  const host = new MemoryHost();
  const texts = {
    ...{ overfit: undefined, limit: "32", validation: "16", batch: "8", epochs: "2", ema: "0.9" },
    ...{ "lr-schedule": "cosine", "lr-warmup": "3", "beta-schedule": "linear:2", clip: "50" },
  };
  await trainInMemory(host, texts);
  const losses = (kind: string) =>
    metricsOf(host).flatMap((row) => (row.kind === kind ? [row.loss as number] : []));
  const options = {
    ...{ data: loadGlyphs(), limit: 32, validation: 16, ema: 0.9, epochs: 2 },
    ...{ lrSchedule: "cosine", lrWarmup: 3, betaSchedule: "linear:2", clip: 50 },
  };
  const trainer = await make(options);
  const rows = await trainTo(trainer, 2);
  assert.equal(
    rows.map(([, , loss]) => loss),
    losses("step"),
  );
  const validated = metricsOf(host).findLast(({ kind }) => kind === "epoch")!.validation_loss;
  assert.is((await trainer.evaluate()).loss!.mean, validated);
  const last = host.files.get("r/checkpoints/last.safetensors")!;
  const { device } = trainer;
  const gone = await Trainer.restore(device, last, { model: Vae, data: loadGlyphs() });
  assert.equal([gone.stepsDone, gone.epochs], [8, 2]);
  assert.equal(gone.settings, trainer.settings);
  const weights = async ({ model }: Trainer) =>
    (await Promise.all(model.parameters().map(({ tensor }) => tensor.data()))).map(String);
  assert.equal(await weights(gone), await weights(trainer));
  assert.equal(await trainTo(gone, 3), await trainTo(trainer, 3));
  for (const one of [trainer, gone]) one.close();
});

test("β and the learning rate change while it trains, without recording anew", async () => {
  const trainer = await make();
  const { program } = trainer;
  const created = trainer.device.pool.statistics().created;
  const terms: Record<string, number>[] = [];
  for await (const progress of trainer.train({ epochs: 2, every: 2 })) {
    terms.push(progress.terms);
    if (progress.step === 2) trainer.set({ beta: 0, learningRate: 0 });
  }
  assert.is(trainer.program, program);
  assert.is(trainer.device.pool.statistics().created, created);
  // What was queued already came first: the third report is the first with the new values.
  assert.not.equal(terms[1]!.loss, terms[1]!.reconstruction);
  assert.is(terms[2]!.loss, terms[2]!.reconstruction);
  const before = hex(await trainer.checkpoint());
  await trainer.step(3);
  const after = await trainer.checkpoint();
  assert.is.not(hex(after), before);
  const weights = async ({ model }: Trainer) =>
    (await Promise.all(model.parameters().map(({ tensor }) => tensor.data()))).map(String);
  const kept = await weights(trainer);
  await trainer.step(2);
  assert.equal(await weights(trainer), kept, "a rate of 0 moves nothing");
  assert.is(trainer.settings.learningRate, 0);
  await trainer.restore(after);
  assert.equal([trainer.stepsDone, trainer.settings.beta], [11, 0]);
  for (const [values, pattern] of [
    [{ latent: 3 }, /^set: latent of vae stays as it was built; beta, learningRate can be set$/],
    [{ bata: 3 }, /^set: vae has no setting "bata" \(did you mean "?beta"?\?\); beta, learning/],
    [{ beta: -1 }, /^set: beta is -1, wanted a number from 0 to/],
  ] as const)
    await rejects(() => trainer.set(values as Record<string, number>), UsageError, pattern);
  trainer.close();
});

test("without epochs it trains as far as it was made for, however far it was told to go before", async () => {
  const endless = await make();
  assert.is((await trainTo(endless, 1)).length, 4);
  const fork = await endless.fork();
  for (const trainer of [endless, fork]) {
    for await (const { step } of trainer.train({ every: 1 })) if (step === 6) break;
    assert.is(trainer.stepsDone >= 6, true, `step ${trainer.stepsDone}`);
    trainer.close();
  }
  const ended = await make({ epochs: 2 });
  await trainTo(ended, 1);
  for await (const _ of ended.train());
  assert.is(ended.stepsDone, 8);
  ended.close();
});

test("a pause ends when the trainer is closed, or its device", async () => {
  const trainer = await make();
  trainer.pause();
  const held = trainer.train().next();
  trainer.close();
  await rejects(() => held, UsageError, /^train: the trainer is closed$/);
  const device = await openDevice();
  const other = await make({}, device);
  other.pause();
  const waiting = other.train().next();
  device.close();
  await rejects(() => waiting, DeviceLostError, /./);
});

test("a fork goes on alike, and apart from the first", async () => {
  const first = await make({ ema: 0.9 });
  await first.step(5);
  first.set({ beta: 2 });
  const second = await first.fork();
  const file = await first.checkpoint();
  assert.is(hex(await second.checkpoint()), hex(file));
  const third = await Trainer.restore(first.device, file, {
    model: [ConditionalVae, Vae],
    data: tiny.data,
  });
  second.set({ learningRate: 0.1 });
  await second.step(2);
  const rows = await trainTo(first, 3);
  assert.equal(await trainTo(third, 3), rows);
  assert.is(hex(await third.checkpoint()), hex(await first.checkpoint()));
  first.close();
  assert.is((await second.step(1)).step, 8, "the images that they shared are still there");
  for (const one of [second, third]) one.close();
});

test("two trainers in turns come to what two alone come to", async () => {
  const whole = [await unbroken(), await unbroken({ seed: 2 })];
  const both = [await make(), await make({ seed: 2 })];
  const found: Rows[] = [[], []];
  for (let step = 0; step < 12; step++)
    for (const [i, trainer] of both.entries()) {
      const { step, epoch, terms } = await trainer.step();
      found[i]!.push([step, epoch, terms.loss!]);
    }
  for (const [i, trainer] of both.entries()) {
    assert.equal(found[i], whole[i]!.rows);
    const files = [hex(await trainer.checkpoint()), whole[i]!.file];
    // They were told of different numbers of epochs, which the schedule does not need.
    assert.is(files[0]!.length, files[1]!.length);
    trainer.close();
  }
});

test("evaluates between steps, on images of its own and on others, and changes nothing", async () => {
  const whole = await unbroken({ validation: 8, ema: 0.5 });
  const trainer = await make({ validation: 8, ema: 0.5 });
  const rows: Rows = [];
  for await (const { step, epoch, terms } of trainer.train({ epochs: 3, every: 1 })) {
    rows.push([step, epoch, terms.loss!]);
    const own = await trainer.evaluate();
    const other = await trainer.evaluate(loadGlyphs(12, 1, 2));
    assert.ok(own.loss!.mean > 0 && other.loss!.mean > 0 && other.kl!.sd > 0);
  }
  assert.equal(rows, whole.rows);
  assert.is(hex(await trainer.checkpoint()), whole.file);
  const none = await make();
  await rejects(() => none.evaluate(), UsageError, /no images are held out/);
  const stop = new AbortController();
  stop.abort();
  const aborted = trainer.evaluate(undefined, { signal: stop.signal });
  assert.is(await aborted.catch((error: unknown) => error), stop.signal.reason);
  for (const one of [trainer, none]) one.close();
});

test("images to evaluate are black and white as those of the training are", async () => {
  const data = loadTones(32, 4);
  const trainer = await make({ data, binarise: "static", model: PlainAutoencoder });
  const lossOn = async (images: Parameters<Trainer["evaluate"]>[0]) =>
    (await trainer.evaluate(images)).loss!.mean;
  assert.is(await lossOn(data.test), await lossOn(binariseDataset(data).test));
  assert.is(await lossOn(data), await lossOn(binariseDataset(data).train));
  trainer.close();
});

test("a step that is not finite ends it; the weights before it are kept", async () => {
  const trainer = await make();
  await trainer.step(3);
  const good = await trainer.checkpoint();
  trainer.set({ learningRate: 1e9 });
  const train = async () => {
    for await (const _ of trainer.train({ epochs: 9, every: 1 }));
  };
  const error = await rejects(train, NonFiniteError, / at step \d+: the result holds NaN or inf/);
  assert.is(trainer.stepsDone, (error as NonFiniteError).step! - 1);
  await rejects(() => trainer.step(), NonFiniteError, / at step \d+: /);
  await trainer.restore(good);
  assert.is(trainer.settings.learningRate, 0.001);
  assert.is((await trainer.step()).step, 4);
  const { tensor } = trainer.model.parameters()[0]!;
  tensor.set(new Float32Array(tensor.size).fill(Number.NaN));
  await rejects(() => trainer.checkpoint(), NonFiniteError, /weights hold NaN/);
  trainer.close();
});

test("leaves no buffer behind, also when it cannot be made", async () => {
  const device = await testDevice();
  const bytes = async () => {
    await device.finish();
    return device.pool.statistics().liveBytes;
  };
  const once = async () => {
    const trainer = await make({ validation: 8, ema: 0.9, clip: 1 });
    await trainer.step(5);
    const copy = await trainer.fork();
    await copy.evaluate(loadGlyphs(12, 1, 2));
    for await (const { step } of copy.train({ epochs: 2, every: 2 })) if (step === 6) break;
    copy.close();
    trainer.close();
    await rejects(() => trainer.step(), UsageError, /^step: the trainer is closed$/);
  };
  await once();
  const before = await bytes();
  await once();
  assert.is(await bytes(), before);
  await rejects(
    () => make({ betaSchedule: "linear:2", model: PlainAutoencoder, settings: {} }),
    UsageError,
    /betaSchedule: ae has no beta/,
  );
  assert.is(await bytes(), before);
  const acquire = device.pool.acquire.bind(device.pool);
  const without = async (refused: string, body: () => Promise<unknown>) => {
    device.pool.acquire = (size, label) => {
      if (label.startsWith(refused)) throw new OutOfMemoryError(label, size, "none is left");
      return acquire(size, label);
    };
    const held = await bytes();
    try {
      await rejects(body, OutOfMemoryError, /none is left/);
    } finally {
      Reflect.deleteProperty(device.pool, "acquire");
    }
    assert.is(await bytes(), held, refused);
  };
  for (const refused of ["validation images", "validation images' labels", "evaluation indices"])
    await without(refused, () => make({ validation: 8 }));
  const trainer = await make();
  for (const refused of ["evaluated images' labels", "evaluation step", "evaluation indices"])
    await without(refused, () => trainer.evaluate(loadGlyphs(12, 1, 2)));
  trainer.close();
  assert.is(await bytes(), before);
});

test("mistakes are named before anything is made", async () => {
  const device = await testDevice();
  const create = (more: Record<string, unknown>) =>
    Trainer.create(device, { ...tiny, ...more } as unknown as TrainerOptions);
  for (const [more, pattern] of [
    [{ bach: 8 }, /^trainer: unknown option "bach" \(did you mean "?batch"?\?\)/],
    [{ batch: 0.5 }, /^trainer: batch is 0.5, wanted a whole number from 1 to 65536$/],
    [{ data: undefined }, /^trainer: the option "data" is missing/],
    [{ data: [1, 2] }, /^trainer: data is an array, wanted a data set, as imageSet/],
    [{ lrSchedule: "cosin" }, /^trainer: lrSchedule is "cosin", wanted constant, cosine/],
    [{ settings: { latnt: 2 } }, /latnt/],
    [{ batch: 64 }, /do not fill a batch of 64; trainer: batch 32 would fit$/],
  ] as const)
    await rejects(() => create(more), Error, pattern);
  const trainer = await make({ lrSchedule: "cosine" });
  await rejects(() => trainer.step(), UsageError, /^step: epochs is missing, on which the sch/);
  for (const signal of [new AbortController(), true])
    await rejects(
      () => trainer.train({ epochs: 1, signal: signal as unknown as AbortSignal }).next(),
      UsageError,
      /^train: the option "signal" is [^,]+, wanted an AbortSignal, as an AbortController's signal is$/,
    );
  const loop = trainer.train({ epochs: 3 });
  await loop.next();
  await rejects(() => trainer.step(), UsageError, /^step: train is at work already/);
  await loop.return();
  const file = await trainer.checkpoint();
  const restore = (model: typeof Vae | typeof ConditionalVae, data = tiny.data) =>
    Trainer.restore(device, file, { model, data });
  await rejects(
    () => restore(ConditionalVae),
    CheckpointError,
    /checkpoint of vae, expected one of cvae$/,
  );
  await rejects(
    () => restore(Vae, loadGlyphs(32, 4, 2)),
    CheckpointError,
    /^checkpoint: the data are not those it had \(32 images as before, with other content\); /,
  );
  trainer.close();
});

test.run();
