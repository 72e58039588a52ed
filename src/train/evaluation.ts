import type { RandomKey } from "../autograd/ops/random.ts";
import { withoutTape } from "../autograd/tape.ts";
import type { DeviceImages } from "../data/loader.ts";
import type { Program } from "../gpu/program.ts";
import type { Model } from "../models/model.ts";
import { upload, variable } from "../tensor/create.ts";
import { record } from "../tensor/run.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Interruption } from "./interruption.ts";

/** Random numbers of evaluations come from a stream of their own. */
const EVALUATION_STREAM = 1000;

/** Computes a model's loss terms on a whole set of images, as a recorded program. */
export class Evaluation {
  private constructor(
    private readonly program: Program,
    private readonly terms: Readonly<Record<string, Tensor>>,
    private readonly indices: Tensor,
    private readonly step: Tensor,
    private readonly count: number,
  ) {}

  static async create(
    model: Model,
    images: DeviceImages,
    batch: number,
    seed: readonly [number, number],
  ): Promise<Evaluation> {
    const { device } = images;
    const indices = variable(device, new Uint32Array(batch), [batch], "evaluation indices");
    const step = variable(device, new Uint32Array(1), [1], "evaluation step");
    const key: RandomKey = { seed, step, stream: EVALUATION_STREAM };
    const { program, result } = await record(device, () =>
      withoutTape(() => ({ ...model.terms(images.take(indices), key) })),
    );
    return new Evaluation(program, result, indices, step, images.count);
  }

  /** Mean of each term over all images, in nats per sample; over some only, once interrupted. */
  async run(interruption?: Interruption): Promise<Record<string, number>> {
    const names = Object.keys(this.terms);
    const sums = new Float64Array(names.length);
    const batch = this.indices.size;
    for (let start = 0; start < this.count; start += batch) {
      if (interruption?.requested) break;
      const here = Math.min(batch, this.count - start);
      // The last batch repeats its last image; the surplus is not counted.
      const rows = Uint32Array.from({ length: batch }, (_, i) => start + Math.min(i, here - 1));
      upload(this.indices.value, rows);
      upload(this.step.value, Uint32Array.of(start / batch));
      this.program.run();
      for (const [k, name] of names.entries()) {
        const values = await (this.terms[name] as Tensor).data();
        for (let i = 0; i < here; i++) sums[k] = (sums[k] as number) + (values[i] as number);
      }
    }
    return Object.fromEntries(names.map((name, k) => [name, (sums[k] as number) / this.count]));
  }

  release(): void {
    this.program.release();
  }
}
