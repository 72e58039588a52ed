import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkGradients } from "../../src/autograd/check.ts";
import { sum } from "../../src/autograd/ops/sum.ts";
import { UsageError } from "../../src/gpu/errors.ts";
import { bernoulliNll } from "../../src/models/likelihoods.ts";
import { klToStandardNormal, reparameterise } from "../../src/models/losses.ts";
import { Vae, type VaeOptions } from "../../src/models/vae.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { tensor, variable } from "../../src/tensor/create.ts";
import { testDevice } from "../support/device.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("vae");

const mnist = { height: 28, width: 28, channels: 1 };
const published: VaeOptions = { network: "conv", latent: 2, beta: 1, width: 1 };

const countOf = (vae: Vae, ...parts: string[]): number =>
  vae
    .parameters()
    .filter((p) => parts.some((part) => p.name.startsWith(`${part}.`)))
    .reduce((sum, p) => sum + p.tensor.size, 0);

test("the convolutional network has the published parameter counts", async () => {
  const vae = new Vae(await testDevice(), new HostRandom(1), mnist, published);
  assert.is(countOf(vae, "encoder", "head"), 69_076);
  assert.is(countOf(vae, "decoder"), 65_089);
});

test("sizes that no model has are refused", async () => {
  const device = await testDevice();
  for (const [wrong, pattern] of [
    [{ latent: 0 }, /^vae: latent is 0, wanted a whole number from 1 to 1024$/],
    [{ latent: 1.5 }, /^vae: latent is 1\.5, wanted/],
    [{ width: -1 }, /^vae: width is -1, wanted a number from 0\.01 to 16$/],
    [{ width: Number.NaN }, /^vae: width is NaN, wanted/],
    [{ beta: -1 }, /^vae: beta is -1, wanted/],
  ] as const) {
    const options: VaeOptions = { ...published, ...wrong };
    await rejects(
      async () => new Vae(device, new HostRandom(1), mnist, options),
      UsageError,
      pattern,
    );
  }
});

test("the dense network is 784-400-z-400-784", async () => {
  const options: VaeOptions = { ...published, network: "dense", latent: 20 };
  const vae = new Vae(await testDevice(), new HostRandom(1), mnist, options);
  assert.equal(
    vae.parameters().map((p) => [p.name, ...p.tensor.shape]),
    [
      ["encoder.1.weight", 784, 400],
      ["encoder.1.bias", 400],
      ["head.weight", 400, 40],
      ["head.bias", 40],
      ["decoder.0.weight", 20, 400],
      ["decoder.0.bias", 400],
      ["decoder.2.weight", 400, 784],
      ["decoder.2.bias", 784],
    ],
  );
});

test("codes and images have the right shapes, for odd image sizes too", async () => {
  const device = await testDevice();
  for (const image of [mnist, { height: 9, width: 6, channels: 3 }]) {
    for (const network of ["conv", "dense"] as const) {
      const options: VaeOptions = { network, latent: 3, beta: 1, width: 0.1 };
      const vae = new Vae(device, new HostRandom(1), image, options);
      const shape = [2, image.height, image.width, image.channels];
      const x = tensor(device, new HostRandom(2).uniform(shape.reduce((a, b) => a * b)), shape);
      const z = vae.encode({ x });
      assert.equal(z.shape, [2, 3]);
      const y = vae.decode(z);
      assert.equal(y.shape, shape);
      assert.ok((await y.data()).every((p) => p > 0 && p < 1));
    }
  }
});

const logits = [-90, -3, 0, 0.5, 4, 90];
const pixels = [0, 0.25, 1, 0.5, 1, 1];

test("the Bernoulli likelihood equals its float64 reference, and survives large logits", async () => {
  const device = await testDevice();
  const nll = await bernoulliNll(
    tensor(device, [logits.slice(0, 3), logits.slice(3)]),
    tensor(device, [pixels.slice(0, 3), pixels.slice(3)]),
  ).data();
  const each = logits.map(
    (l, i) => Math.max(l, 0) + Math.log1p(Math.exp(-Math.abs(l))) - l * (pixels[i] as number),
  );
  for (const row of [0, 1]) {
    const expected = each.slice(3 * row, 3 * row + 3).reduce((a, b) => a + b);
    assert.ok(Math.abs((nll[row] as number) - expected) < 1e-4 * Math.max(1, Math.abs(expected)));
  }
});

test("the KL term equals its float64 reference and is 0 for the prior itself", async () => {
  const device = await testDevice();
  const mean = [
    [0, 0],
    [1.5, -2],
  ];
  const logVariance = [
    [0, 0],
    [-1, 0.7],
  ];
  const kl = await klToStandardNormal(tensor(device, mean), tensor(device, logVariance)).data();
  const expected = [0, 1].map((r) =>
    [0, 1].reduce((total, c) => {
      const m = mean[r]?.[c] as number;
      const l = logVariance[r]?.[c] as number;
      return total + 0.5 * (m * m + Math.exp(l) - 1 - l);
    }, 0),
  );
  for (const r of [0, 1]) assert.ok(Math.abs((kl[r] as number) - (expected[r] as number)) < 1e-5);
});

test("the losses' gradients agree with finite differences", async () => {
  const device = await testDevice();
  const random = new HostRandom(7);
  const a = tensor(device, random.normal(8), [2, 4]);
  const b = tensor(device, random.normal(8), [2, 4]);
  const epsilon = tensor(device, random.normal(8), [2, 4]);
  const x = tensor(device, random.uniform(8), [2, 4]);
  await checkGradients((l) => sum(bernoulliNll(l, x)), [a]);
  await checkGradients((m, v) => sum(klToStandardNormal(m, v)), [a, b]);
  await checkGradients((m, v) => sum(bernoulliNll(reparameterise(m, v, epsilon), x)), [a, b]);
});

test("the loss is reconstruction + β·KL, and β is a variable", async () => {
  const device = await testDevice();
  const vae = new Vae(device, new HostRandom(3), mnist, { ...published, beta: 5, width: 0.1 });
  const x = tensor(device, new HostRandom(4).uniform(2 * 784), [2, 28, 28, 1]);
  const step = variable(device, new Uint32Array(1), [1], "step");
  const terms = vae.terms({ x }, { seed: [1, 0], step, stream: 0 });
  const [loss, reconstruction, kl] = await Promise.all(
    [terms.loss, terms.reconstruction, terms.kl].map((t) => t?.data()),
  );
  for (const i of [0, 1]) {
    const expected = (reconstruction?.[i] as number) + 5 * (kl?.[i] as number);
    assert.ok(Math.abs((loss?.[i] as number) - expected) < 1e-3);
  }
});

test.run();
