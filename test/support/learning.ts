import { loadGlyphs } from "../../src/data/glyphs.ts";
import { firstIndices, imagesAt } from "../../src/data/image-batch.ts";
import { DeviceImages } from "../../src/data/loader.ts";
import type { Dataset } from "../../src/data/types.ts";
import type { ImageBatch } from "../../src/figures/grid.ts";
import { openDevice } from "../../src/gpu/open.ts";
import { seedWords } from "../../src/kernels/philox.ts";
import { buildModel } from "../../src/models/build.ts";
import { Codec } from "../../src/models/codec.ts";
import type { Model } from "../../src/models/model.ts";
import { findModel, models } from "../../src/models/registry.ts";
import { parseSettings } from "../../src/settings/settings.ts";
import { TrainingRun } from "../../src/train/training-run.ts";

/** What the command line takes unless told otherwise. */
const BATCH = 128;
const SEED = 1;
/** Test images whose reconstructions are looked at. */
const LOOKED_AT = 512;

type Given = Readonly<Record<string, string>>;

async function advance(model: Model, images: DeviceImages, steps: number): Promise<void> {
  const epochs = Math.ceil(steps / Math.floor(images.count / BATCH));
  const run = await TrainingRun.create(model, images, {
    ...{ batch: BATCH, seed: seedWords(SEED) },
    // Of several stages the first one reconstructs: it gets all the steps.
    epochs: model.stages === undefined ? epochs : 9 * epochs,
  });
  for (let done = 0; done < steps; ) {
    const epoch = done / run.steps + 1;
    await run.beforeEpoch(epoch, () => Promise.resolve());
    done = await run.advance(done, Math.min(steps, epoch * run.steps));
  }
  await run.afterEpoch(epochs);
}

/** Trainings on glyphs, as the command line would begin them, and their reconstructions of test images. */
export class Learning {
  private readonly data: Dataset<Uint8Array> = loadGlyphs();
  private readonly seen: ImageBatch;
  /** By model, settings and steps. */
  private readonly known = new Map<string, Promise<number>>();

  constructor() {
    const { data } = this;
    this.seen = imagesAt(data.test, data, firstIndices(data.test, LOOKED_AT));
  }

  /**
   * How far a model has come after so many steps: the share of the way from the mean image's squared error, or
   * from its own before the first step, to that of a plain autoencoder after as many steps; above 1 it is
   * nearer to the images than that.
   *
   * @param settings beside the defaults
   * @param plain of the plain autoencoder, beside its own defaults
   */
  async fraction(
    model: string,
    steps: number,
    settings: Given,
    plain: Given,
    from: "mean image" | "untrained" = "mean image",
  ): Promise<number> {
    const start = from === "untrained" ? await this.error(model, 0, settings) : this.meanImage();
    const best = await this.error("ae", steps, plain);
    return (start - (await this.error(model, steps, settings))) / (start - best);
  }

  /** Squared error of a test image, summed over the pixels, behind training. */
  error(model: string, steps: number, settings: Given): Promise<number> {
    const key = JSON.stringify([model, steps, settings]);
    const found = this.known.get(key) ?? this.train(model, steps, settings);
    this.known.set(key, found);
    return found;
  }

  /** That of the training images' mean, which says nothing of an image. */
  meanImage(): number {
    const { train } = this.data;
    const pixels = train.images.length / train.count;
    const mean = new Float64Array(pixels);
    train.images.forEach((value, i) => {
      mean[i % pixels]! += value / 255 / train.count;
    });
    return this.squaredError((i) => mean[i % pixels]!);
  }

  private async train(name: string, steps: number, settings: Given): Promise<number> {
    const { data, seen } = this;
    const { train } = data;
    const entry = findModel(name, models);
    // A device for each, which takes its buffers with it.
    const device = await openDevice();
    try {
      const options = { data, settings: parseSettings(entry, settings), seed: SEED };
      const model = buildModel(entry, device, options);
      if (steps > 0) await advance(model, new DeviceImages(device, train, data), steps);
      const codec = new Codec(device, model, data);
      const codes = await codec.encode(seen);
      const { values } = await codec.decode(codes, seen.count, seen.labels);
      return this.squaredError((i) => values[i]!);
    } finally {
      device.close();
    }
  }

  private squaredError(at: (i: number) => number): number {
    const { values, count } = this.seen;
    return values.reduce((sum, value, i) => sum + (value - at(i)) ** 2, 0) / count;
  }
}
