/** Each loss against its formula in float64, and its derivatives against finite differences. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkGradients } from "../../src/autograd/check.ts";
import { mul, square } from "../../src/autograd/ops/elementwise.ts";
import { matmul } from "../../src/autograd/ops/matmul.ts";
import { reshape } from "../../src/autograd/ops/shape.ts";
import { sum } from "../../src/autograd/ops/sum.ts";
import type { Device } from "../../src/gpu/device.ts";
import { gradientNormPenalty, gradientPenalty } from "../../src/models/gradient-penalty.ts";
import { Gaussian, squaredError } from "../../src/models/likelihoods.ts";
import {
  classification,
  contrastive,
  crossEntropy,
  imqMmd,
  klToCentre,
  logNormal,
  logStandardNormal,
  madeLoss,
  pairwiseSquaredDistances,
  realLoss,
} from "../../src/models/losses.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { parameter, tensor, variable } from "../../src/tensor/create.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../support/device.ts";

const test = suite("losses");

/** Normal numbers as a tensor and on the host. */
function numbers(device: Device, shape: readonly number[], seed: number, scale = 1) {
  const size = shape.reduce((a, b) => a * b, 1);
  const values = new HostRandom(seed).normal(size).map((x) => x * scale);
  return { t: tensor(device, values, shape), at: (i: number) => values[i] as number, values };
}

async function close(found: Tensor, expected: readonly number[], tolerance = 2e-5): Promise<void> {
  const values = await found.data();
  assert.is(values.length, expected.length);
  for (const [i, want] of expected.entries())
    assert.ok(
      Math.abs(values[i]! - want) <= tolerance * Math.max(1, Math.abs(want)),
      `${i}: ${values[i]}, expected ${want}`,
    );
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const total = (n: number, term: (i: number) => number) =>
  range(n).reduce((sum, i) => sum + term(i), 0);

test("normal pixels: variance 1, and a learned one", async () => {
  const device = await testDevice();
  const y = numbers(device, [3, 2, 2, 1], 1);
  const x = numbers(device, [3, 2, 2, 1], 2);
  const halfLog = 0.5 * Math.log(2 * Math.PI);
  const errors = (i: number) => total(4, (p) => (y.at(4 * i + p) - x.at(4 * i + p)) ** 2);
  await close(squaredError(y.t, x.t), range(3).map(errors));
  const fixed = new Gaussian(device, false, false);
  await close(
    fixed.nll(y.t, x.t),
    range(3).map((i) => 0.5 * errors(i) + 4 * halfLog),
  );
  assert.is(fixed.parameters().length, 0);
  const learned = new Gaussian(device, false, true);
  const [parameter] = learned.parameters();
  const logGamma = -0.7;
  parameter!.tensor.set(Float32Array.of(logGamma));
  const gamma = Math.exp(logGamma);
  await close(
    learned.nll(y.t, x.t),
    range(3).map((i) => (0.5 * errors(i)) / gamma ** 2 + 4 * (logGamma + halfLog)),
  );
  const squashed = new Gaussian(device, true, false);
  const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
  await close(
    squashed.mean(y.t),
    range(12).map((i) => sigmoid(y.at(i))),
  );
  await checkGradients((a, b) => sum(squashed.nll(a, b)), [y.t, x.t]);
});

test("KL to a centre, and densities", async () => {
  const device = await testDevice();
  const m = numbers(device, [3, 4], 3);
  const v = numbers(device, [3, 4], 4, 0.5);
  const c = numbers(device, [3, 4], 5, 3);
  const z = numbers(device, [3, 4], 6);
  const rows = (term: (i: number) => number) =>
    range(3).map((i) => total(4, (j) => term(4 * i + j)));
  await close(
    klToCentre(m.t, v.t, c.t),
    rows((i) => 0.5 * (Math.exp(v.at(i)) + (m.at(i) - c.at(i)) ** 2 - 1 - v.at(i))),
  );
  const logTwoPi = Math.log(2 * Math.PI);
  await close(
    logNormal(z.t, m.t, v.t),
    rows((i) => -0.5 * ((z.at(i) - m.at(i)) ** 2 / Math.exp(v.at(i)) + v.at(i) + logTwoPi)),
  );
  await close(
    logStandardNormal(z.t),
    rows((i) => -0.5 * (z.at(i) ** 2 + logTwoPi)),
  );
  await checkGradients((a, b, d) => sum(klToCentre(a, b, d)), [m.t, v.t, c.t]);
  await checkGradients((a, b, d) => sum(logNormal(a, b, d)), [z.t, m.t, v.t]);
});

test("cross-entropy, and what a discriminator pays", async () => {
  const device = await testDevice();
  const logits = numbers(device, [3, 5], 7, 2);
  const labels = [4, 0, 2];
  const target = tensor(
    device,
    labels.map((label) => range(5).map((j) => (j === label ? 1 : 0))),
  );
  const logSum = (i: number) => Math.log(total(5, (j) => Math.exp(logits.at(5 * i + j))));
  await close(
    crossEntropy(logits.t, target),
    labels.map((label, i) => logSum(i) - logits.at(5 * i + label)),
  );
  await checkGradients((a) => sum(crossEntropy(a, target)), [logits.t]);
  const told = classification(logits.t, target);
  await close(told.nll, [...(await crossEntropy(logits.t, target).data())]);
  await close(
    told.error,
    labels.map((label, i) =>
      range(5).some((j) => logits.at(5 * i + j) > logits.at(5 * i + label)) ? 1 : 0,
    ),
  );
  const l = numbers(device, [4], 8, 3);
  await close(
    realLoss(l.t),
    range(4).map((i) => Math.log1p(Math.exp(-l.at(i)))),
  );
  await close(
    madeLoss(l.t),
    range(4).map((i) => Math.log1p(Math.exp(l.at(i)))),
  );
  // At 80 and −80 the sigmoid itself is 1 or 0 in float32.
  await close(realLoss(tensor(device, [80, -80])), [0, 80]);
});

test("distances and the maximum mean discrepancy", async () => {
  const device = await testDevice();
  const [n, d] = [5, 3];
  const p = numbers(device, [n, d], 9);
  const q = numbers(device, [n, d], 10, 2);
  const squares = (a: typeof p, b: typeof p, i: number, j: number) =>
    total(d, (k) => (a.at(i * d + k) - b.at(j * d + k)) ** 2);
  await close(
    reshape(pairwiseSquaredDistances(p.t, q.t), [n * n]),
    range(n * n).map((i) => squares(p, q, Math.floor(i / n), i % n)),
    1e-4,
  );
  const expected = total(7, (s) => {
    const c = 2 * d * ([0.1, 0.2, 0.5, 1, 2, 5, 10][s] as number);
    const kernel = (a: typeof p, b: typeof p, same: boolean) =>
      total(n, (i) => total(n, (j) => (same && i === j ? 0 : c / (c + squares(a, b, i, j)))));
    const within = kernel(p, p, true) + kernel(q, q, true);
    return within / (n * (n - 1)) - (2 / (n * n)) * kernel(p, q, false);
  });
  await close(reshape(imqMmd(p.t, q.t), [1]), [expected], 1e-4);
  await checkGradients((a, b) => imqMmd(a, b), [p.t, q.t]);
  await close(reshape(imqMmd(p.t, p.t), [1]), [imqOfItself(p.values, n, d)], 1e-4);
});

/** Unbiased, it is not 0 for a sample and itself: the diagonal counts across, but not within. */
function imqOfItself(values: Float32Array, n: number, d: number): number {
  return total(7, (s) => {
    const c = 2 * d * ([0.1, 0.2, 0.5, 1, 2, 5, 10][s] as number);
    const at = (i: number, k: number) => values[i * d + k] as number;
    const kernel = (i: number, j: number) => c / (c + total(d, (k) => (at(i, k) - at(j, k)) ** 2));
    const off = total(n, (i) => total(n, (j) => (i === j ? 0 : kernel(i, j))));
    return (2 * off) / (n * (n - 1)) - (2 / (n * n)) * (off + n);
  });
}

test("the contrastive loss draws classes together and holds others apart", async () => {
  const device = await testDevice();
  const [n, d, margin] = [6, 3, 2.2];
  const z = numbers(device, [n, d], 21);
  const labels = [0, 1, 0, 2, 1, 0];
  const classes = tensor(
    device,
    Float32Array.from({ length: n * 3 }, (_, i) => (labels[Math.floor(i / 3)] === i % 3 ? 1 : 0)),
    [n, 3],
  );
  const squares = (i: number, j: number) =>
    total(d, (k) => (z.at(i * d + k) - z.at(j * d + k)) ** 2);
  const meanOf = (values: number[]) =>
    values.length === 0 ? 0 : values.reduce((a, b) => a + b, 0) / values.length;
  let [far, near] = [0, 0];
  const expected = range(n).map((i) => {
    const partners = range(n).filter((j) => j !== i && labels[j] === labels[i]);
    const others = range(n).filter((j) => labels[j] !== labels[i]);
    for (const j of others) squares(i, j) > margin ** 2 ? far++ : near++;
    const apart = others.map((j) => Math.max(0, margin - Math.sqrt(squares(i, j))) ** 2);
    return meanOf(partners.map((j) => squares(i, j))) + meanOf(apart);
  });
  assert.ok(far > 0 && near > 0, "pairs on both sides of the margin");
  await close(contrastive(z.t, classes, margin), expected);
  await checkGradients((a) => sum(contrastive(a, classes, margin)), [z.t]);
});

test("the gradient penalty of a linear and of a quadratic critic is the analytic one", async () => {
  const device = await testDevice();
  const x = numbers(device, [4, 3], 11);
  const w = parameter(device, Float32Array.of(0.6, -1.2, 0.3), [3, 1], "w");
  const linear = (at: Tensor) => reshape(matmul(at, w), [4]);
  const norm = Math.hypot(0.6, -1.2, 0.3);
  await close(
    gradientNormPenalty(linear, x.t),
    range(4).map(() => (norm - 1) ** 2),
  );
  const k = parameter(device, Float32Array.of(0.8), [1], "k");
  const quadratic = (at: Tensor) => sum(mul(square(at), mul(k, 0.5)), 1);
  const length = (i: number) => 0.8 * Math.hypot(x.at(3 * i), x.at(3 * i + 1), x.at(3 * i + 2));
  await close(
    gradientNormPenalty(quadratic, x.t),
    range(4).map((i) => (length(i) - 1) ** 2),
  );
  // Its derivative with respect to the critic: second derivatives of the critic itself.
  await checkGradients(
    (v) => sum(gradientNormPenalty((at) => reshape(matmul(at, v), [4]), x.t)),
    [tensor(device, [[0.6], [-1.2], [0.3]])],
  );
  await checkGradients(
    (v) => sum(gradientNormPenalty((at) => sum(mul(square(at), mul(v, 0.5)), 1), x.t)),
    [tensor(device, [0.8])],
  );
  await close(
    gradientNormPenalty((at) => sum(mul(at, 0), 1), x.t),
    range(4).map(() => 1),
    1e-5,
  );
});

test("the penalty is taken between the two samples, at a place of its own for each row", async () => {
  const device = await testDevice();
  const rows = 6;
  const [a, b] = [
    [3, 4],
    [6, 8],
  ].map((row) =>
    tensor(
      device,
      range(rows).map(() => row),
    ),
  );
  const step = variable(device, Uint32Array.of(1), [1], "step");
  // D(x) = ½‖x‖², so that ‖∇D‖ is the distance from 0: 5 + 5·u for a share u of the way.
  const critic = (at: Tensor) => sum(mul(square(at), 0.5), 1);
  const found: number[] = [];
  for (const stream of range(5)) {
    const key = { seed: [1, 0] as [number, number], step, stream };
    const penalties = await gradientPenalty(critic, a!, b!, key).data();
    found.push(...[...penalties].map((penalty) => (1 + Math.sqrt(penalty) - 5) / 5));
  }
  for (const share of found) assert.ok(share > -1e-5 && share < 1 + 1e-5, `${share}`);
  assert.is(new Set(found.map((share) => share.toFixed(4))).size, 5 * rows, `${found}`);
  assert.ok(Math.min(...found) < 0.2 && Math.max(...found) > 0.8, `${found}`);
});

test.run();
