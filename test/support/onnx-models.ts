import { noGrad } from "../../src/autograd/tape.ts";
import type { Batch } from "../../src/data/batch.ts";
import type { Device } from "../../src/gpu/device.ts";
import type { DataShape } from "../../src/models/definition.ts";
import type { Model } from "../../src/models/model.ts";
import { findModel, models } from "../../src/models/registry.ts";
import { Vae } from "../../src/models/vae.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { parseSettings } from "../../src/settings/settings.ts";
import { tensor } from "../../src/tensor/create.ts";
import { scope } from "../../src/tensor/run.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

/** Random numbers for inputs, beside those of the weights. */
const INPUTS = 77;

/**
 * A model as the command line builds it, with every weight moved away from where it starts: biases, γ and β,
 * running means and variances included.
 */
export async function movedModel(
  device: Device,
  name: string,
  data: DataShape,
  settings: Readonly<Record<string, string>>,
): Promise<Model> {
  const entry = findModel(name, models);
  const model = entry.build(device, new HostRandom(1), data, parseSettings(entry, settings));
  const random = new HostRandom(2);
  for (const { name: weight, tensor: t } of [...model.parameters(), ...model.buffers()]) {
    const values = await t.data();
    const moves = random.normal(values.length);
    const spread = weight.endsWith("running_var");
    t.set(Float32Array.from(values, (v, i) => (spread ? v + moves[i]! ** 2 : v + 0.2 * moves[i]!)));
  }
  model.train(false);
  return model;
}

/** What goes into a graph: [batch, …shape] in ONNX' order. */
export interface GraphInput {
  readonly shape: readonly number[];
  readonly values: Float32Array | BigInt64Array;
}

/** Inputs of both networks, and what the engine makes of them: results by the names in the files. */
export interface Agreement {
  readonly encoder: { inputs: Record<string, GraphInput>; outputs: Record<string, Float32Array> };
  readonly decoder: { inputs: Record<string, GraphInput>; outputs: Record<string, Float32Array> };
}

/** Random images, or vectors, codes and classes. */
export async function engineResults(
  device: Device,
  model: Model,
  data: DataShape,
  batch: number,
): Promise<Agreement> {
  const random = new HostRandom(3, INPUTS + batch);
  const { height, width, channels, vectors, classes } = data;
  const pixels = height * width * channels;
  const image = random.uniform(batch * pixels);
  const codes = random.normal(batch * model.latent);
  const label = Uint32Array.from({ length: batch }, (_, i) => (i * 2 + 1) % classes);
  const run = (body: (label: Tensor<"u32">) => Record<string, Tensor>) => {
    const made = scope(device, () => noGrad(() => body(tensor(device, label))));
    return Promise.all(
      Object.entries(made).map(async ([key, t]) => [key, await t.data()] as const),
    ).then(Object.fromEntries);
  };
  const encoded = await run((given) => {
    const b: Batch = { x: tensor(device, image, [batch, height, width, channels]), label: given };
    if (!(model instanceof Vae)) return { latent: model.encode(b) };
    const { mean, logVariance } = model.posterior(b);
    return { mean, log_variance: logVariance };
  });
  const decoded = await run((given) => ({
    image: model.decode!(tensor(device, codes, [batch, model.latent]), given),
  }));
  const name = vectors ? "vector" : "image";
  const order = (values: Float32Array) => channelsFirst(values, [batch, height, width, channels]);
  const shape = vectors ? [batch, channels] : [batch, channels, height, width];
  const labels = {
    label: { shape: [batch], values: BigInt64Array.from(label, BigInt) },
  };
  return {
    encoder: { inputs: { [name]: { shape, values: order(image) }, ...labels }, outputs: encoded },
    decoder: {
      inputs: { latent: { shape: [batch, model.latent], values: codes }, ...labels },
      outputs: { [name]: order(decoded.image as Float32Array) },
    },
  };
}

/** [batch, height, width, channels] → [batch, channels, height, width] */
function channelsFirst(
  values: Float32Array,
  [batch, height, width, channels]: readonly [number, number, number, number],
): Float32Array {
  const pixels = height * width;
  return Float32Array.from({ length: batch * pixels * channels }, (_, i) => {
    const pixel = i % pixels;
    const channel = Math.floor(i / pixels) % channels;
    const example = Math.floor(i / pixels / channels);
    return values[(example * pixels + pixel) * channels + channel]!;
  });
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY;
    largest = Math.max(largest, difference);
  }
  return largest;
}
