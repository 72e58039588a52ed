/** What each model promises, on small trainings: classes that are asked for, centres that are used, codes like the prior. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadDataset } from "../../src/data/datasets.ts";
import { firstIndices, imagesAt } from "../../src/data/image-batch.ts";
import type { Dataset } from "../../src/data/types.ts";
import type { ImageBatch } from "../../src/figures/grid.ts";
import { swapStyles } from "../../src/figures/swap.ts";
import { momentsOf } from "../../src/math/covariance.ts";
import { frechetDistance } from "../../src/metrics/frechet.ts";
import { Codec } from "../../src/models/codec.ts";
import type { KMeansVae } from "../../src/models/kmeans-vae.ts";
import type { Vae } from "../../src/models/vae.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { tensor } from "../../src/tensor/create.ts";
import { scope } from "../../src/tensor/run.ts";
import type { Trained } from "../../src/train/train.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { type Texts, trainInMemory } from "../support/training.ts";

const test = suite("what the models promise");

const training: Texts = { batch: "100", overfit: undefined, "full-train": "true", epochs: "20" };
const dense = { network: "dense", width: "0.25", "learning-rate": "0.003" };

/** Critics of this width follow the codes more closely. */
const wider = { network: "dense", width: "0.5", "learning-rate": "0.002" };

/** Trains a model on glyphs and looks at it while its device is open. */
async function looking<T>(
  model: string,
  settings: Record<string, string>,
  texts: Texts,
  look: (trained: Trained, codec: Codec) => Promise<T>,
): Promise<T> {
  let found: T | undefined;
  const finish = async (trained: Trained) => {
    found = await look(trained, new Codec(trained.device, trained.model, trained.dataset));
    return [];
  };
  const options = { ...training, ...texts };
  await trainInMemory(new MemoryHost(), options, { finish }, settings, model);
  return found as T;
}

const testImages = (dataset: Dataset, count: number) =>
  imagesAt(dataset.test, dataset, firstIndices(dataset.test, count));

/** Share of places where two lists agree. */
function agreement(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).filter((x, i) => x === b[i]).length / a.length;
}

const argmaxOf = (values: Float32Array, count: number, among: number) =>
  Array.from({ length: count }, (_, i) => {
    const stride = values.length / count;
    const row = values.subarray(i * stride, i * stride + among);
    return row.indexOf(Math.max(...row));
  });

/** What the λ-hot VAE's codes name, by the kind of code. */
const named: (readonly [string, number])[] = [];

/** Generated pictures with the classes that they should show. */
const generated: { name: string; pictures: ImageBatch; labels: Uint32Array; least: number }[] = [];

/** 200 pictures, of all classes in turn. */
async function generate(name: string, codec: Codec) {
  const count = 200;
  const labels = Uint32Array.from({ length: count }, (_, i) => i % 10);
  const z = await codec.draw(count, 1, labels);
  const pictures = await codec.decode(z, count, labels);
  generated.push({ name, pictures, labels, least: 0.9 });
}

test("pictures are made: of the conditional VAE", () =>
  looking("cvae", { ...dense, latent: "3" }, { epochs: "12" }, (_, codec) =>
    generate("cvae", codec),
  ));

// At β = 1 the codes of a class do not fill its prior: what is between them shows no class.
test("pictures are made: of the λ-hot VAE", () =>
  looking(
    "lambda-hot",
    { ...dense, latent: "20", beta: "4" },
    { epochs: "16" },
    async (trained, codec) => {
      await generate("lambda-hot", codec);
      named.push(...(await namedByTheLargest(trained)));
    },
  ));

test("pictures are made: of the dual AAE, each content in the style of others", () =>
  looking(
    "dual-aae",
    { content: "16", style: "4", width: "0.25" },
    { epochs: "8" },
    async ({ dataset, model }, codec) => {
      const indices = firstIndices(dataset.test, 40);
      const contents = imagesAt(dataset.test, dataset, indices.slice(0, 20));
      const styles = imagesAt(dataset.test, dataset, indices.slice(20, 37));
      const pictures = await swapStyles(codec, model.content!, contents, styles);
      const labels = Uint32Array.from(
        { length: pictures.count },
        (_, i) => contents.labels![Math.floor(i / styles.count)]!,
      );
      generated.push({ name: "dual-aae", pictures, labels, least: 0.8 });
    },
  ));

test("the pictures show the classes that were asked for", async () => {
  const judged = await looking(
    "classifier",
    { width: "0.1", "learning-rate": "0.002" },
    { epochs: "2" },
    async ({ device, model, dataset }) => {
      const classify = async ({ values, count }: ImageBatch) => {
        const found: number[] = [];
        for (let start = 0; start < count; start += 100) {
          const here = Math.min(100, count - start);
          const x = values.slice(start * 784, (start + here) * 784);
          const logits = scope(device, () =>
            (model as unknown as Vae).forward(tensor(device, x, [here, 28, 28, 1])),
          );
          found.push(...argmaxOf(await logits.data(), here, 10));
        }
        return found;
      };
      const real = testImages(dataset, 500);
      const accuracy = agreement(await classify(real), real.labels!);
      const shares: string[] = [];
      for (const { name, pictures, labels, least } of generated) {
        const share = agreement(await classify(pictures), labels);
        assert.ok(share >= least, `${name}: ${share}`);
        shares.push(`${name} ${share}`);
      }
      return { accuracy, shares };
    },
  );
  assert.ok(judged.accuracy >= 0.97, `the judge itself is right for ${judged.accuracy}`);
  assert.is(judged.shares.length, 3);
});

test("the largest dimension of a λ-hot code names the class, of μ and of z", () => {
  assert.is(named.length, 2);
  for (const [name, share] of named) assert.ok(share >= 0.95, `${name}: ${share}`);
});

/** For μ and for a draw z of the posterior: the share of test images whose class it names. */
async function namedByTheLargest({ device, model, dataset }: Trained) {
  const images = testImages(dataset, 1000);
  const x = tensor(device, images.values, [1000, 28, 28, 1]);
  const { mean, logVariance } = (model as Vae).posterior({ x });
  const [m, v] = [await mean.data(), await logVariance.data()];
  const noise = new HostRandom(3).normal(m.length);
  const z = m.map((mu, i) => mu + Math.exp(v[i]! / 2) * noise[i]!);
  const share = (codes: Float32Array) => agreement(argmaxOf(codes, 1000, 10), images.labels!);
  return [["μ", share(m)] as const, ["z", share(z)] as const];
}

test("every centre of the k-means VAE has images", async () => {
  const settings = { ...dense, latent: "10" };
  const weights = await looking("kmeans-vae", settings, { epochs: "5" }, async ({ model }) =>
    (model as KMeansVae).weights.data(),
  );
  assert.ok(
    weights.every((weight) => weight > 0.005),
    `${weights}`,
  );
});

for (const [model, settings] of [
  ["wae-mmd", { ...wider, latent: "4", lambda: "300" }],
  ["wae-gan", { ...wider, latent: "4", lambda: "30", "critic-rate": "0.002" }],
  ["aae", { ...wider, latent: "4", "adversarial-rate": "0.003", "learning-rate": "0.001" }],
] as const)
  test(`${model}: the codes of all images have the mean and the deviation of the prior`, async () => {
    // The two players of a game circle around its end: they are brought to rest there.
    const texts = { epochs: "15", "lr-schedule": "cosine" };
    const codes = await looking(model, settings, texts, async ({ dataset }, codec) =>
      codec.encode(testImages(dataset, 2000)),
    );
    const { mean, covariance, d } = momentsOf(codes, 4);
    for (let j = 0; j < d; j++) {
      const deviation = Math.sqrt(covariance[j * d + j]!);
      const facts = `dimension ${j}: mean ${mean[j]}, deviation ${deviation}`;
      assert.ok(Math.abs(mean[j]!) <= 0.15 && deviation >= 0.8 && deviation <= 1.2, facts);
    }
  });

test("two stages come nearer to the data than one", async () => {
  const { test: real } = await loadDataset("synthetic-8", { host: new MemoryHost() });
  const reference = momentsOf(real.images, 128);
  const distance = (model: string, more: Record<string, string>) => {
    const settings = { network: "dense", latent: "16", width: "0.25", likelihood: "learned" };
    const texts = { data: "synthetic-8", limit: "6000", epochs: "16" };
    const all = { ...settings, "learning-rate": "0.001", ...more };
    return looking(model, all, texts, async ({ device, model: trained }, codec) => {
      const z = await codec.draw(10_000, 1);
      const x = await trained.decode!(tensor(device, z, [10_000, 16])).data();
      return frechetDistance(momentsOf(x, 128), reference);
    });
  };
  const one = await distance("vae", {});
  const two = await distance("two-stage", { first: "0.5" });
  assert.ok(two < one, `one stage ${one}, two stages ${two}`);
});

test.run();
