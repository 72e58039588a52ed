/** Clustering and mixtures: k-means on the device, Gaussian mixtures on the host. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadGlyphs } from "../../src/data/glyphs.ts";
import { DeviceImages } from "../../src/data/loader.ts";
import {
  lloyd,
  nearestCentre,
  nearestCluster,
  plusPlus,
  sharesOf,
} from "../../src/models/kmeans.ts";
import { KMeansVae } from "../../src/models/kmeans-vae.ts";
import { ComponentChoice } from "../../src/models/mixture.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { tensor, variable } from "../../src/tensor/create.ts";
import { testDevice } from "../support/device.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("k-means and mixtures");

/** Three clouds of 40 points in the plane, far from one another. */
const middles = [
  [-10, 0],
  [10, 0],
  [0, 15],
] as const;

function clouds(): Float32Array<ArrayBuffer> {
  const noise = new HostRandom(1).normal(240);
  return noise.map((x, i) => x + middles[Math.floor(i / 2) % 3]![i % 2]!);
}

test("every point goes to its nearest centre", async () => {
  const device = await testDevice();
  const points = tensor(device, clouds(), [120, 2]);
  const centres = tensor(device, middles);
  const found = await nearestCentre(points, centres).data();
  assert.equal(
    [...found],
    Array.from({ length: 120 }, (_, i) => i % 3),
  );
});

test("k-means++ starts in different clouds, and the same seed in the same", async () => {
  const device = await testDevice();
  const points = tensor(device, clouds(), [120, 2]);
  const step = variable(device, Uint32Array.of(1), [1], "step");
  const start = async (seed: number) => {
    const key = { seed: [seed, 0] as [number, number], step, stream: 5 };
    return [...(await (await plusPlus(points, 3, key)).data())];
  };
  // By the squared distances, about 1 in 25 starts has two centres in one cloud.
  let apart = 0;
  const seeds = 40;
  for (let seed = 0; seed < seeds; seed++) {
    const centres = await start(seed);
    const nearest = [0, 1, 2].map((c) =>
      middles.findIndex(([x, y]) => Math.hypot(centres[2 * c]! - x, centres[2 * c + 1]! - y) < 6),
    );
    if (new Set(nearest).size === 3) apart++;
  }
  assert.ok(apart >= 0.85 * seeds && apart <= seeds, `${apart} of ${seeds}`);
  assert.equal(await start(7), await start(7));
});

test("a round gives the means, and moves a centre without points", async () => {
  const device = await testDevice();
  const values = clouds();
  const points = tensor(device, values, [120, 2]);
  const start = [
    [-10, 0],
    [10, 0],
    [500, 500],
  ];
  const centres = lloyd(points, tensor(device, start));
  const near = (i: number) => {
    const square = (c: number) =>
      start[c]!.reduce((sum, x, j) => sum + (values[2 * i + j]! - x) ** 2, 0);
    return square(0) <= square(1) ? 0 : 1;
  };
  const found = await centres.data();
  const shares = await sharesOf(points, tensor(device, start)).data();
  let far = { square: -1, point: 0 };
  for (const c of [0, 1]) {
    const mine = Array.from({ length: 120 }, (_, i) => i).filter((i) => near(i) === c);
    for (const j of [0, 1]) {
      const mean = mine.reduce((sum, i) => sum + values[2 * i + j]!, 0) / mine.length;
      assert.ok(Math.abs(found[2 * c + j]! - mean) < 1e-4);
    }
    assert.ok(Math.abs(shares[c]! - mine.length / 120) < 1e-6);
    for (const i of mine) {
      const square = start[c]!.reduce((sum, x, j) => sum + (values[2 * i + j]! - x) ** 2, 0);
      if (square > far.square) far = { square, point: i };
    }
  }
  assert.is(shares[2], 0);
  assert.equal([...found.slice(4)], [values[2 * far.point], values[2 * far.point + 1]]);
});

test("a cluster without a share is nobody's, though its centre is the nearest", async () => {
  const device = await testDevice();
  const points = tensor(device, [[0], [2], [9]]);
  const clusters = (weights: number[]) => ({
    centres: tensor(device, [[1], [3], [8]]),
    weights: tensor(device, weights),
  });
  const found = async (weights: number[]) => [
    ...(await nearestCluster(points, clusters(weights)).data()),
  ];
  assert.equal(await found([0.2, 0.3, 0.5]), [0, 0, 2]);
  assert.equal(await found([0, 0.5, 0.5]), [1, 1, 2]);
  assert.equal(await found([0.5, 0.5, 0]), [0, 0, 1]);
});

test("the K-means VAE pays for the choice of a centre: its bound is that of the mixture", async () => {
  const device = await testDevice();
  const { train } = loadGlyphs(4, 1);
  const image = { height: 28, width: 28, channels: 1 };
  const batch = new DeviceImages(device, train, image).take(
    tensor(device, Uint32Array.of(0, 1, 2, 3)),
  );
  const [clusters, latent] = [3, 2];
  const model = new KMeansVae(device, new HostRandom(1), image, {
    ...{ network: "dense", latent, beta: 4, width: 0.05, clusters, rounds: 1 },
  });
  const { mean, logVariance } = model.posterior(batch);
  const [m, v] = [await mean.data(), await logVariance.data()];
  // Centres near the first two codes and the third one's, unlike shares.
  const centres = [m[0]! + 0.3, m[1]!, m[2]!, m[3]! - 0.4, m[4]! + 0.2, m[5]! + 0.1];
  const shares = [0.1, 0.2, 0.7];
  model.centres.set(Float32Array.from(centres));
  model.weights.set(Float32Array.from(shares));
  const step = variable(device, Uint32Array.of(1), [1], "step");
  const terms = model.terms(batch, { seed: [1, 0], step, stream: 0 });
  const list = async (name: string) => [...(await terms[name]!.data())];
  const [loss, reconstruction, kl, choice, bound] = await Promise.all(
    ["loss", "reconstruction", "kl", "choice", "bound"].map(list),
  );
  const seen = new Set<number>();
  for (let i = 0; i < 4; i++) {
    const squares = shares.map((_, k) =>
      [0, 1].reduce((sum, d) => sum + (m[2 * i + d]! - centres[2 * k + d]!) ** 2, 0),
    );
    const k = squares.indexOf(Math.min(...squares));
    seen.add(k);
    const spread = [0, 1].reduce((sum, d) => sum + Math.exp(v[2 * i + d]!) - 1 - v[2 * i + d]!, 0);
    const expected = (squares[k]! + spread) / 2;
    const near = (found: number, wanted: number) =>
      assert.ok(Math.abs(found - wanted) < 1e-3, `image ${i}: ${found}, expected ${wanted}`);
    near(kl![i]!, expected);
    near(choice![i]!, -Math.log(shares[k]!));
    near(bound![i]!, reconstruction![i]! + expected - Math.log(shares[k]!));
    near(loss![i]!, reconstruction![i]! + 4 * expected);
  }
  assert.ok(seen.size > 1, "several centres are chosen");
});

test("a refit that is given up changes nothing, and can be made again", async () => {
  const device = await testDevice();
  const { train } = loadGlyphs(1200, 1);
  const image = { height: 28, width: 28, channels: 1 };
  const images = new DeviceImages(device, train, image);
  const options = { network: "dense", latent: 2, beta: 1, width: 0.05 } as const;
  const build = () =>
    new KMeansVae(device, new HostRandom(1), image, { ...options, clusters: 4, rounds: 3 });
  const centresOf = async (model: KMeansVae) => [...(await model.centres.data())];
  const straight = build();
  let pauses = 0;
  await straight.beforeEpoch(1, images, [1, 0], async () => {
    pauses++;
  });
  // Three portions of codes, four centres, three rounds.
  assert.is(pauses, 10);
  const model = build();
  const before = await centresOf(model);
  for (const at of [2, 5, 9]) {
    let left = at;
    const giveUp = async () => {
      if (--left === 0) throw new Error("enough");
    };
    await rejects(() => model.beforeEpoch(1, images, [1, 0], giveUp), Error, /^enough$/);
    assert.equal(await centresOf(model), before);
  }
  await model.beforeEpoch(1, images, [1, 0]);
  assert.equal(await centresOf(model), await centresOf(straight));
  assert.not.equal(await centresOf(model), before);
});

test("components are chosen by their weights", async () => {
  const device = await testDevice();
  const choice = new ComponentChoice(device, 4);
  const weights = tensor(device, [0.25, 0, 0.5, 0.25]);
  const uniform = tensor(
    device,
    [0, 0.2499, 0.25, 0.5, 0.7499, 0.75, 0.9999999].map((u) => [u]),
  );
  const rows = await choice.choose(uniform, weights).data();
  const chosen = Array.from({ length: 7 }, (_, i) => [...rows.slice(4 * i, 4 * i + 4)].indexOf(1));
  assert.equal(chosen, [0, 0, 2, 2, 2, 3, 3]);
  assert.is(
    rows.reduce((sum, x) => sum + x, 0),
    7,
  );
});

test.run();
