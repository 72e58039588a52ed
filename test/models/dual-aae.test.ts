import { suite } from "uvu";
import * as assert from "uvu/assert";
import { mul } from "../../src/autograd/ops/elementwise.ts";
import { randomNormal } from "../../src/autograd/ops/random.ts";
import { sum } from "../../src/autograd/ops/sum.ts";
import { grad } from "../../src/autograd/tape.ts";
import { loadGlyphs } from "../../src/data/glyphs.ts";
import { DeviceImages } from "../../src/data/loader.ts";
import type { Device } from "../../src/gpu/device.ts";
import { encodeAll } from "../../src/models/codes.ts";
import { DualAae, type DualAaeOptions } from "../../src/models/dual-aae.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { tensor, variable } from "../../src/tensor/create.ts";
import { testDevice } from "../support/device.ts";

const test = suite("dual-latent AAE");

const count = 6;
const image = { height: 28, width: 28, channels: 1 };
const sizes = { width: 0.05, content: 3, style: 2 };

function built(device: Device, settings: DualAaeOptions = {}): DualAae {
  const data = { ...image, classes: 10, attributes: { style: 9 } };
  return new DualAae(device, new HostRandom(2), data, { ...sizes, ...settings });
}

async function build(settings: DualAaeOptions = {}) {
  const device = await testDevice();
  const { train } = loadGlyphs(count, 1);
  const images = new DeviceImages(device, train, image);
  const batch = images.take(
    tensor(
      device,
      Uint32Array.from({ length: count }, (_, i) => i),
    ),
  );
  const model = built(device, settings);
  const step = variable(device, Uint32Array.of(1), [1], "step");
  return { device, model, batch, key: { seed: [1, 0], step, stream: 0 } as const };
}

test("the loss is the weighted sum of its terms, and every weight counts", async () => {
  const weights = {
    reconstructionWeight: 2,
    adversarialWeight: 3,
    mmdWeight: 13,
    classWeight: 5,
    styleWeight: 7,
    contrastiveWeight: 11,
  };
  const { model, batch, key } = await build(weights);
  const terms = model.terms(batch, key);
  const values = new Map<string, Float32Array>();
  for (const [name, term] of Object.entries(terms)) values.set(name, await term.data());
  const at = (name: string, i: number) => values.get(name)![i] as number;
  for (let i = 0; i < count; i++) {
    const expected =
      2 * at("reconstruction", i) +
      3 * at("adversarial", i) +
      13 * at("mmd", i) +
      5 * at("class", i) +
      7 * at("style", i) +
      11 * at("contrastive", i);
    assert.ok(Math.abs(at("loss", i) - expected) < 1e-4 * expected, `${at("loss", i)} ${expected}`);
  }
});

test("a code's dimensions have the mean 0 and the variance 1, in training and over all images", async () => {
  const device = await testDevice();
  const images = new DeviceImages(device, loadGlyphs(700, 1).train, image);
  const model = built(device);
  const moments = async (codes: Float32Array, d: number) => {
    const n = codes.length / d;
    return Array.from({ length: d }, (_, j) => {
      const column = Array.from({ length: n }, (_, i) => codes[i * d + j]!);
      const mean = column.reduce((a, b) => a + b) / n;
      return [mean, column.reduce((sum, x) => sum + (x - mean) ** 2, 0) / n] as const;
    });
  };
  const near = (found: readonly (readonly [number, number])[], off: number) =>
    assert.ok(
      found.every(([mean, variance]) => Math.abs(mean) < off && Math.abs(variance - 1) < off),
      `${found.map(([m, v]) => `${m.toFixed(3)} ${v.toFixed(3)}`)}`,
    );
  // The variance of few values is as good as 0, which ε holds up.
  const trained = images.take(
    tensor(
      device,
      Uint32Array.from({ length: 64 }, (_, i) => i),
    ),
  );
  near(await moments(await model.encode(trained).data(), 5), 0.02);
  const before = await encodeAll(device, model, images);
  assert.ok((await moments(await before.data(), 5)).some(([, v]) => Math.abs(v - 1) > 0.2));
  await model.afterEpoch(1, images);
  const after = await encodeAll(device, model, images);
  near(await moments(await after.data(), 5), 0.01);
  // A run that is broken off behind the end of an epoch comes here again.
  await model.afterEpoch(1, images);
  const again = await encodeAll(device, model, images);
  assert.equal(await again.data(), await after.data());
  for (const { value } of [before, after, again]) device.release(value);
});

test("without their norm the codes are what the heads give; without a weight nobody discriminates", async () => {
  const { model } = await build({ codeNorm: false });
  assert.equal(
    model.updates().map(({ name }) => name),
    ["autoencoder"],
  );
  const names = model.parameters().map(({ name }) => name);
  assert.not(
    names.some((name) => /discriminator|norm/i.test(name)),
    `${names}`,
  );
  assert.equal(model.buffers(), []);
  const normed = await build();
  assert.equal(
    normed.model.buffers().map(({ name }) => name),
    ["contentNorm", "styleNorm"].flatMap((name) => [`${name}.running_mean`, `${name}.running_var`]),
  );
  assert.is(normed.model.parameters().length, names.length, "neither γ nor β");
});

test("a discriminator pays for its answers, and for its slope at draws of the prior", async () => {
  const settings = { adversarialWeight: 1, r1Weight: 6 };
  const { device, model, batch, key } = await build(settings);
  const { loss } = model.updates()[1]!.terms(batch, key);
  const z = await model.encode(batch).data();
  const expected = new Float64Array(count);
  for (const [at, d, discriminator, stream] of [
    [0, 3, model.contentDiscriminator!, 0],
    [3, 2, model.styleDiscriminator!, 1],
  ] as const) {
    const code = Float32Array.from({ length: count * d }, (_, i) => {
      return z[Math.floor(i / d) * 5 + at + (i % d)]!;
    });
    const drawn = await randomNormal(device, [count, d], { ...key, stream }).data();
    const told = async (values: Float32Array) =>
      discriminator.forward(tensor(device, values, [count, d])).data();
    const [ofCodes, ofDraws] = [await told(code), await told(drawn)];
    const slopes = new Float64Array(count);
    const h = 1e-2;
    for (let j = 0; j < d; j++) {
      const moved = (by: number) => told(drawn.map((x, i) => (i % d === j ? x + by : x)));
      const [up, down] = [await moved(h), await moved(-h)];
      for (let i = 0; i < count; i++) slopes[i]! += ((up[i]! - down[i]!) / (2 * h)) ** 2;
    }
    for (let i = 0; i < count; i++)
      expected[i]! +=
        Math.log1p(Math.exp(-ofDraws[i]!)) + Math.log1p(Math.exp(ofCodes[i]!)) + 3 * slopes[i]!;
  }
  const found = await loss.data();
  for (const [i, want] of expected.entries())
    assert.ok(Math.abs(found[i]! - want) < 1e-2 * want, `${found[i]}, expected ${want}`);
});

test("the classifiers see one code each", async () => {
  const { model, batch, key } = await build();
  const terms = model.terms(batch, key);
  for (const [term, own, other] of [
    ["class", "contentHead.weight", "styleHead.weight"],
    ["style", "styleHead.weight", "contentHead.weight"],
  ] as const) {
    const slope = (name: string) => {
      const { tensor: weight } = model.parameters().find((p) => p.name === name)!;
      return grad(sum(terms[term]!), [weight])[0]!;
    };
    assert.ok((await slope(own).data()).some((x) => x !== 0));
    assert.throws(() => slope(other), /^grad: the output does not depend on/);
  }
});

test("with skips the decoder sees the maps of some images in training, and of none otherwise", async () => {
  // Batch norm's statistics would be others in evaluation.
  const { device, model, batch, key } = await build({ skip: true, codeNorm: false });
  const z = model.encode(batch);
  const alone = await model.decode(z).data();
  const images = (values: Float32Array) =>
    Array.from({ length: count }, (_, i) => `${values.slice(i * 784, (i + 1) * 784)}`);
  const errors = async () => [...(await model.terms(batch, key).reconstruction!.data())];
  const x = await batch.x.data();
  const codesOnly = images(alone).map((_, i) => {
    let total = 0;
    for (let p = i * 784; p < (i + 1) * 784; p++) total += (alone[p]! - x[p]!) ** 2;
    return total;
  });
  const same = (found: number[]) =>
    found.map((error, i) => Math.abs(error - codesOnly[i]!) < 1e-3 * codesOnly[i]!);
  model.train(false);
  assert.ok(same(await errors()).every(Boolean));
  model.train(true);
  const trained = same(await errors());
  assert.ok(trained.some(Boolean) && !trained.every(Boolean), `${trained}`);
  device.release(z.value);
});

test("a decoder with skips sees the maps of both levels, and no others", async () => {
  const { model, batch } = await build({ skip: true, deeper: true });
  const z = model.encode(batch);
  const { maps } = model.encoder.see(batch.x);
  const without = maps.map((map) => mul(map, 0)) as unknown as typeof maps;
  const pictures = async (seen: typeof maps) => `${await model.decoder.decode(z, seen).data()}`;
  const whole = await pictures(maps);
  const none = await pictures(without);
  const single = [await pictures([maps[0], without[1]]), await pictures([without[0], maps[1]])];
  assert.is(new Set([whole, none, ...single]).size, 4);
  assert.is(`${await model.decoder.decode(z).data()}`, none);
});

test.run();
