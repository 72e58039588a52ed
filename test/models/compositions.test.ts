/** How the adversarial models put their losses together: against their formulas in float64. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { mul } from "../../src/autograd/ops/elementwise.ts";
import { randomNormal } from "../../src/autograd/ops/random.ts";
import { grad, track } from "../../src/autograd/tape.ts";
import type { Batch } from "../../src/data/batch.ts";
import { loadGlyphs } from "../../src/data/glyphs.ts";
import { DeviceImages } from "../../src/data/loader.ts";
import type { Device } from "../../src/gpu/device.ts";
import { shuffleDimensions } from "../../src/models/factor-vae.ts";
import type { FlexAe } from "../../src/models/flex-ae.ts";
import { gradientPenalty } from "../../src/models/gradient-penalty.ts";
import type { LambdaHotVae } from "../../src/models/lambda-hot.ts";
import { type MaskAae, paperInterval } from "../../src/models/mask-aae.ts";
import type { Model, Update } from "../../src/models/model.ts";
import { findModel, models } from "../../src/models/registry.ts";
import type { WaeGan } from "../../src/models/wae.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { parseSettings } from "../../src/settings/settings.ts";
import { tensor, variable } from "../../src/tensor/create.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../support/device.ts";

const test = suite("composed losses");

const count = 5;
const latent = 3;
const data = { height: 28, width: 28, channels: 1, classes: 10, images: 400 };

async function build(name: string, settings: Record<string, string> = {}) {
  const device = await testDevice();
  const images = new DeviceImages(device, loadGlyphs(count, 1).train, data);
  const batch: Batch = images.take(tensor(device, Uint32Array.of(0, 1, 2, 3, 4)));
  const entry = findModel(name, models);
  const all = { width: "0.03", latent: String(latent), ...settings };
  const model = entry.build(device, new HostRandom(2), data, parseSettings(entry, all));
  const step = variable(device, Uint32Array.of(1), [1], "step");
  const key = { seed: [1, 0] as [number, number], step, stream: 3 };
  const update = (wanted: string) => model.updates().find((each) => each.name === wanted) as Update;
  return { device, batch, model, key, update };
}

const list = async (t: Tensor) => [...(await t.data())];
const meanOf = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

function close(found: readonly number[], expected: readonly number[], what: string): void {
  assert.is(found.length, expected.length, what);
  for (const [i, want] of expected.entries())
    assert.ok(
      Math.abs(found[i]! - want) <= 2e-4 * Math.max(1, Math.abs(want)),
      `${what}, ${i}: ${found[i]}, expected ${want}`,
    );
}

/** Σ over the pixels of −x·ln y − (1 − x)·ln(1 − y), for each image. */
async function crossEntropies(model: Model, z: Tensor, { x }: Batch): Promise<number[]> {
  const [y, pixels] = [await list(model.decode!(z)), await list(x)];
  const each = y.map((p, i) => -pixels[i]! * Math.log(p) - (1 - pixels[i]!) * Math.log1p(-p));
  return Array.from({ length: count }, (_, i) =>
    each.slice(i * 784, (i + 1) * 784).reduce((a, b) => a + b),
  );
}

async function squaredErrors(model: Model, z: Tensor, { x }: Batch): Promise<number[]> {
  const [y, pixels] = [await list(model.decode!(z)), await list(x)];
  return Array.from({ length: count }, (_, i) =>
    y.slice(i * 784, (i + 1) * 784).reduce((sum, p, k) => sum + (p - pixels[i * 784 + k]!) ** 2, 0),
  );
}

/** Sets a schedule's variables to their values at a step. */
function atStep(model: Model, step: number): void {
  for (const { variable: v, at } of model.schedules ?? []) v.set(Float32Array.of(at(step)));
}

test("MaskAAE: its four losses, before and after step 5·I", async () => {
  const interval = 2;
  const { device, batch, model, key, update } = await build("mask-aae", {
    interval: String(interval),
  });
  const mask = model as MaskAae;
  const theta = Float32Array.of(0.05, 0.7, 3);
  mask.theta!.set(theta);
  // An untrained critic says nearly the same of all: too little beside 1000·BCE to be seen.
  for (const { name, tensor: weight } of model.parameters())
    if (name.startsWith("critic.") && name.endsWith("weight"))
      weight.set((await weight.data()).map((w) => 3 * w));
  const alpha = [...theta].map((t) => 1 - Math.exp(-t));
  const masked = await list(model.encode(batch));
  const z = masked.map((v, i) => v / alpha[i % latent]!);
  const bce = (await crossEntropies(model, model.encode(batch), batch)).map((sum) => sum / 784);
  const made = await list(mask.critic.forward(model.encode(batch)));
  const prior = mul(
    randomNormal(device, [count, latent], key),
    tensor(device, Float32Array.from(alpha), [1, latent]),
  );
  const drawn = await list(mask.critic.forward(prior));
  const gap = meanOf(made) - meanOf(drawn);
  assert.ok(Math.abs(gap) > 1, `the critic tells them apart by ${gap}`);
  const spread = (i: number) =>
    meanOf(
      alpha.map((a, j) => {
        const centre = meanOf(z.filter((_, k) => k % latent === j));
        return (z[i * latent + j]! - centre) ** 2 * Math.exp(-10 * a * a);
      }),
    );
  const between = { ...key, stream: key.stream + 1 };
  const penalty = await list(
    gradientPenalty((at) => mask.critic.forward(at), model.encode(batch), prior, between),
  );
  for (const [step, c, scale] of [
    [1, 2 / 3, 1],
    [9, 4 / 3, 1],
    [10, 4 / 3, 1 / 5],
    [17, 8 / 3, 1 / 5],
    [1000, 2048, 1 / 5],
  ] as const) {
    atStep(model, step);
    const loss = async (name: string) => list(update(name).terms(batch, key).loss);
    const rows = Array.from({ length: count }, (_, i) => i);
    close(
      await loss("autoencoder"),
      rows.map((i) => scale * (bce[i]! + 100 * spread(i))),
      `autoencoder at ${step}`,
    );
    close(
      await loss("critic"),
      rows.map((i) => made[i]! - drawn[i]! + 10 * penalty[i]!),
      `critic at ${step}`,
    );
    close(
      await loss("encoder"),
      made.map((d) => -d),
      `encoder at ${step}`,
    );
    const apart = (1 - gap) ** 2;
    const polar = alpha.reduce((sum, a) => sum + a * (1 - a), 0);
    close(
      await loss("mask"),
      rows.map((i) => scale * (1000 * bce[i]! + apart + c * polar)),
      `mask at ${step}`,
    );
  }
  assert.equal([16, 20, 21, 48, 100].map(paperInterval), [75, 75, 2362, 5400, 10_000]);
});

test("MaskAAE without the mask: the same critic and penalty, codes and draws as they are", async () => {
  const { device, batch, model, key, update } = await build("mask-aae", {
    ...{ interval: "2", mask: "false" },
  });
  const free = model as MaskAae;
  assert.equal(
    model.updates().map(({ name, substeps = 1, rate, rule }) => [name, substeps, rate, rule.kind]),
    [
      ["autoencoder", 1, 5e-4, "rmsprop"],
      ["critic", 5, 1e-4, "rmsprop"],
      ["encoder", 1, 1e-4, "rmsprop"],
    ],
  );
  assert.not(model.parameters().some(({ name }) => name === "theta"));
  assert.is(free.validateWeights(new Map()), undefined);
  const drawn = randomNormal(device, [count, latent], key);
  const [made, prior] = [
    await list(free.critic.forward(model.encode(batch))),
    await list(free.critic.forward(drawn)),
  ];
  const between = { ...key, stream: key.stream + 1 };
  const penalty = await list(
    gradientPenalty((at) => free.critic.forward(at), model.encode(batch), drawn, between),
  );
  close(
    await list(update("critic").terms(batch, key).loss),
    made.map((d, i) => d - prior[i]! + 10 * penalty[i]!),
    "critic",
  );
  const terms = model.terms(batch, key);
  assert.equal(await list(terms.active!), new Array(count).fill(latent));
  const bce = await crossEntropies(model, model.encode(batch), batch);
  close(await list(terms.reconstruction!), bce, "reconstruction");
  assert.equal(
    await list(model.prior!.draw(drawn, drawn)),
    await list(drawn),
    "the prior is N(0, I)",
  );
});

test("FlexAE-SR: the smoothing moves encoder and decoder, through both codes", async () => {
  const { device, batch, key, update } = await build("flex-ae-sr", { network: "dense" });
  const smoothing = update("smoothing");
  assert.equal(
    [...new Set(smoothing.parameters.map(({ name }) => name.split(".")[0]))],
    ["encoder", "head", "decoder"],
  );
  // What is decoded between the first code and the second one depends on the pixels of both images.
  const x = track(batch.x);
  const { loss } = smoothing.terms({ ...batch, x }, key);
  const first = Float32Array.from({ length: count }, (_, i) => (i === 0 ? 1 : 0));
  const slope = await grad(loss, [x], { dy: tensor(device, first) })[0]!.data();
  const moved = Array.from({ length: count }, (_, i) =>
    slope.slice(i * 784, (i + 1) * 784).some((d) => d !== 0),
  );
  assert.equal(moved, [true, true, false, false, false]);
});

test("FlexAE: the critic, and who plays against it", async () => {
  const { device, batch, model, key, update } = await build("flex-ae", { network: "dense" });
  const flex = model as FlexAe;
  const made = flex.generator.forward(randomNormal(device, [count, latent], key));
  const [real, against] = [flex.critic.forward(model.encode(batch)), flex.critic.forward(made)];
  const [dReal, dMade] = [await list(real), await list(against)];
  const between = { ...key, stream: key.stream + 1 };
  const penalty = await list(
    gradientPenalty((z) => flex.critic.forward(z), made, model.encode(batch), between),
  );
  const loss = async (name: string) => list(update(name).terms(batch, key).loss);
  close(
    await loss("critic"),
    dMade.map((d, i) => d - dReal[i]! + 10 * penalty[i]!),
    "critic",
  );
  close(
    await loss("generator"),
    dMade.map((d) => -d),
    "generator",
  );
  close(await loss("encoder"), dReal, "encoder");
  close(await loss("autoencoder"), await squaredErrors(model, model.encode(batch), batch), "error");
  assert.is(update("critic").substeps, 5);
});

test("WAE-GAN: 0.05 times the error, λ times the penalty", async () => {
  const { device, batch, model, key, update } = await build("wae-gan", {
    network: "dense",
    lambda: "7",
  });
  const wae = model as WaeGan;
  const softplus = (x: number) => Math.log1p(Math.exp(x));
  const made = await list(wae.critic.forward(model.encode(batch)));
  const drawn = await list(wae.critic.forward(randomNormal(device, [count, latent], key)));
  const errors = await squaredErrors(model, model.encode(batch), batch);
  close(
    await list(update("autoencoder").terms(batch, key).loss),
    errors.map((error, i) => 0.05 * error + 7 * softplus(-made[i]!)),
    "autoencoder",
  );
  close(
    await list(update("critic").terms(batch, key).loss),
    made.map((d, i) => softplus(-drawn[i]!) + softplus(d)),
    "critic",
  );
});

test("movable centres: each image bears its share of their prior", async () => {
  const settings = { network: "dense", latent: "10", movable: "true", tau: "0.5", lambda: "5" };
  const { batch, model, key } = await build("lambda-hot", settings);
  const { centres } = model as LambdaHotVae;
  const moved = (await list(centres)).map((c, i) => c + 0.1 * Math.sin(i));
  centres.set(Float32Array.from(moved));
  const squares = moved.reduce((sum, _, i) => sum + (0.1 * Math.sin(i)) ** 2, 0);
  const terms = model.terms(batch, key);
  const share = squares / (2 * 0.5 ** 2 * data.images);
  close(
    await list(terms.centres!),
    Array.from({ length: count }, () => share),
    "centres",
  );
  const [loss, reconstruction, kl] = await Promise.all(
    [terms.loss, terms.reconstruction!, terms.kl!].map(list),
  );
  close(
    loss!,
    reconstruction!.map((r, i) => r + kl![i]! + share),
    "loss",
  );
});

test("shuffled codes have every column's values, each row from different samples", async () => {
  const device: Device = await testDevice();
  const [batch, width] = [7, 5];
  // The number of the row and of the column, to be read off.
  const z = tensor(
    device,
    Float32Array.from({ length: batch * width }, (_, i) => i),
    [batch, width],
  );
  const shuffled = await list(shuffleDimensions(z));
  for (let j = 0; j < width; j++) {
    const column = shuffled.filter((_, i) => i % width === j);
    assert.ok(column.every((value) => value % width === j));
    assert.is(new Set(column).size, batch);
  }
  for (let i = 0; i < batch; i++) {
    const row = shuffled
      .slice(i * width, (i + 1) * width)
      .map((value) => Math.floor(value / width));
    assert.is(new Set(row).size, width, `row ${i} is of ${row}`);
  }
});

test.run();
