import { suite } from "uvu";
import * as assert from "uvu/assert";
import { mul } from "../../src/autograd/ops/elementwise.ts";
import { loadGlyphs } from "../../src/data/glyphs.ts";
import { DeviceImages } from "../../src/data/loader.ts";
import { readSafetensors, writeSafetensors } from "../../src/formats/safetensors.ts";
import { CheckpointError, NonFiniteError } from "../../src/gpu/errors.ts";
import { Vae } from "../../src/models/vae.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { variable } from "../../src/tensor/create.ts";
import { TrainingRun } from "../../src/train/training-run.ts";
import { testDevice } from "../support/device.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { rejects } from "../support/rejects.ts";
import { metricsOf, trace, trainInMemory } from "../support/training.ts";

const test = suite("divergence");

/** A small run whose images are multiplied by a number that the test can poison. */
async function poisonable() {
  const device = await testDevice();
  const glyphs = loadGlyphs(32, 10);
  const network = { network: "dense", latent: 2, beta: 1, width: 0.05 } as const;
  const vae = new Vae(device, new HostRandom(1), glyphs, network);
  const images = new DeviceImages(device, glyphs.train, glyphs);
  const factor = variable(device, Float32Array.of(1), [], "factor of the images");
  const run = await TrainingRun.create(vae, images, {
    batch: 8,
    seed: [1, 0],
    ema: 0.9,
    transform: (x) => mul(x, factor),
  });
  const weights = async () => {
    const all = await Promise.all(vae.parameters().map(({ tensor }) => tensor.data()));
    return all.map((values) => [...values]);
  };
  return { vae, run, factor, weights };
}

for (const [name, value] of [
  ["NaN", Number.NaN],
  ["infinity", Number.POSITIVE_INFINITY],
] as const)
  test(`${name} in the input stops before the weights are touched`, async () => {
    const { run, factor, weights } = await poisonable();
    await run.advance(0, 6);
    const before = await weights();
    const average = [...(await run.trained[0]!.average!.arena.data())];
    factor.set(Float32Array.of(value));
    const steps: number[] = [];
    const rows = (first: number, list: readonly unknown[]) => {
      steps.push(...list.map((_, i) => first + i));
    };
    const error = (await rejects(
      () => run.advance(6, 40, { rows }),
      NonFiniteError,
      /at step 7: the result holds NaN or infinite values; factor of the images held such values/,
    )) as NonFiniteError;
    assert.is(error.step, 7);
    assert.is(error.exitCode, 6);
    assert.equal(steps, [], "the rows of no later step are given");
    assert.equal(await weights(), before);
    assert.equal([...(await run.trained[0]!.average!.arena.data())], average);
  });

test("a model can say that a training with finite losses has failed", async () => {
  const { vae, run } = await poisonable();
  const seen: number[] = [];
  Object.assign(vae, {
    divergenceReason: ({ loss }: Readonly<Record<string, number>>) => {
      seen.push(loss as number);
      return seen.length === 3 ? "nothing is left" : undefined;
    },
  });
  const error = (await rejects(
    () => run.advance(0, 20),
    NonFiniteError,
    /at step 3: nothing is left$/,
  )) as NonFiniteError;
  assert.is(error.exitCode, 6);
  assert.is(seen.length, 3);
});

test("NaN in a weight is named, and no other weight changes", async () => {
  const { vae, run, weights } = await poisonable();
  await run.advance(0, 3);
  const { tensor } = vae.parameters()[2]!;
  const poisoned = await tensor.data();
  poisoned[1] = Number.NaN;
  tensor.set(poisoned);
  const before = await weights();
  await rejects(
    () => run.advance(3, 8),
    NonFiniteError,
    /at step 4: .*; head\.weight held such values before/,
  );
  assert.equal(await weights(), before);
});

test("the rows of all steps before are given, however many were queued", async () => {
  const { run, factor } = await poisonable();
  const steps: number[] = [];
  const rows = (first: number, list: readonly unknown[]) => {
    steps.push(...list.map((_, i) => first + i));
    if (steps.length > 20) factor.set(Float32Array.of(Number.NaN));
  };
  let step = 0;
  try {
    await run.advance(0, 5000, { rows });
  } catch (error) {
    step = (error as NonFiniteError).step!;
  }
  assert.ok(step > 20, String(step));
  assert.equal(
    steps,
    Array.from({ length: step - 1 }, (_, i) => i + 1),
  );
});

/** A rate that explodes with the third epoch. */
const exploding = { "lr-schedule": "milestones:2=1e12", epochs: "9", "save-every": "3" } as const;

test("a run that diverges says what it kept, and keeps it", async () => {
  const host = new MemoryHost();
  const error = (await rejects(
    () => trainInMemory(host, exploding),
    NonFiniteError,
    / at step \d+: .*; r\/checkpoints\/last\.safetensors holds step \d+/,
  )) as NonFiniteError;
  const kept = Number(/last\.safetensors holds step (\d+)/.exec(error.message)![1]);
  assert.ok(kept >= 8 && kept < error.step!, `${kept} ${error.step}`);
  const path = "r/checkpoints/last.safetensors";
  const { metadata, tensors } = await readSafetensors(host.files.get(path)!, path);
  assert.is(metadata.step, String(kept));
  for (const { data } of tensors.values()) assert.ok([...data].every(Number.isFinite));
  const last = metricsOf(host).at(-1)!;
  assert.equal([last.event, last.message, last.step], ["diverged", error.message, error.step]);
  const steps = metricsOf(host).filter(({ kind }) => kind === "step");
  assert.is(steps.length, error.step! - 1);
  assert.ok(host.files.has("r/checkpoints/best.safetensors"));
});

test("a mask without an active dimension ends the training, and the last good state is kept", async () => {
  const host = new MemoryHost();
  // The one dimension starts below α = ½ with this seed, from where the growing c pushes it to 0.
  const texts = { seed: "6", overfit: "64", batch: "16", epochs: "30", "save-every": "3" } as const;
  const settings = { width: "0.03", latent: "1", interval: "1", "mask-rate": "0.3" };
  const error = (await rejects(
    () => trainInMemory(host, texts, {}, settings, "mask-aae"),
    NonFiniteError,
    /^training at step \d+: the mask has no active dimension; r\/checkpoints\/last\.safetensors holds step \d+$/,
  )) as NonFiniteError;
  assert.is(error.exitCode, 6);
  const path = "r/checkpoints/last.safetensors";
  const { tensors } = await readSafetensors(host.files.get(path)!, path);
  const [theta] = tensors.get("theta")!.data;
  assert.ok(1 - Math.exp(-(theta as number)) >= 0.1, `θ is ${theta}`);
});

test("of several updates the one that diverged is named", async () => {
  const small = { width: "0.05", latent: "2", network: "dense" };
  for (const [model, settings, pattern] of [
    ["wae-gan", { ...small, "critic-rate": "1e9" }, /^autoencoder: .+ at step 2: /],
    ["flex-ae", { ...small, "critic-rate": "1e9" }, /^critic: .+ at step 1: /],
    ["vae", { "learning-rate": "1e9" }, /^[a-z0-9]+( \(.*\))? at step 2: /i],
  ] as const)
    await rejects(
      () => trainInMemory(new MemoryHost(), { epochs: "1" }, {}, settings, model),
      NonFiniteError,
      pattern,
    );
});

test("a full disk does not hide that a run diverged", async () => {
  const host = new MemoryHost();
  host.failOn = "diverged.safetensors";
  await rejects(
    () => trainInMemory(host, { ...exploding, "save-every": "1000" }),
    NonFiniteError,
    /last\.safetensors holds step 8; r\/checkpoints\/diverged\.safetensors: no space left/,
  );
  assert.is(metricsOf(host).at(-1)!.event, "diverged");
});

test("goes on from the last good checkpoint and diverges in the same way", async () => {
  const host = new MemoryHost();
  const message = async (resume: boolean) =>
    trainInMemory(host, { ...exploding, resume: String(resume) }).then(
      () => "it did not diverge",
      (error: Error) => error.message.replace(/holds step.*/, ""),
    );
  const first = await message(false);
  const before = trace(host);
  assert.match(first, /at step/);
  assert.is(await message(true), first);
  assert.equal(trace(host).metrics, before.metrics);
});

test("a checkpoint with a NaN in its weights is refused", async () => {
  const host = new MemoryHost();
  await trainInMemory(host);
  const path = "r/checkpoints/last.safetensors";
  const { tensors, metadata } = await readSafetensors(host.files.get(path)!, path);
  const { payload_sha256: _, header_sha256: __, ...rest } = metadata;
  (tensors.get("head.bias")!.data as Float32Array)[0] = Number.NaN;
  host.put(path, await writeSafetensors(tensors, rest));
  await rejects(
    () => trainInMemory(host, { epochs: "4", resume: "true" }),
    CheckpointError,
    /last\.safetensors: head\.bias holds NaN or infinite values/,
  );
});

test.run();
