import { stack } from "../autograd/ops/join.ts";
import type { RandomKey } from "../autograd/ops/random.ts";
import { withoutTape } from "../autograd/tape.ts";
import type { DeviceImages } from "../data/loader.ts";
import type { Program } from "../gpu/program.ts";
import { evaluating, type Model } from "../models/model.ts";
import { upload, variable } from "../tensor/create.ts";
import { record } from "../tensor/run.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Random numbers of evaluations come from a stream of their own. */
const EVALUATION_STREAM = 1000;

/** One loss term over a set of images. */
export interface TermStatistics {
  /** Mean over the images, in nats per sample. */
  readonly mean: number;
  /** Standard deviation over the images. */
  readonly sd: number;
}

/** Computes a model's loss terms on a whole set of images, as a recorded program. */
export class Evaluation {
  private constructor(
    private readonly program: Program,
    private readonly names: readonly string[],
    /** [terms, batch] */
    private readonly terms: Tensor,
    private readonly indices: Tensor,
    private readonly step: Tensor,
    /** Images in the set. */
    readonly count: number,
  ) {}

  /** @param transform applied to each batch: dynamic binarisation, the same at every evaluation */
  static async create(
    model: Model,
    images: DeviceImages,
    batch: number,
    seed: readonly [number, number],
    transform?: (x: Tensor, key: RandomKey) => Tensor,
  ): Promise<Evaluation> {
    const { device } = images;
    const indices = variable(device, new Uint32Array(batch), [batch], "evaluation indices");
    const step = variable(device, new Uint32Array(1), [1], "evaluation step");
    const key: RandomKey = { seed, step, stream: EVALUATION_STREAM };
    let names: string[] = [];
    const { program, result } = await record(device, () =>
      withoutTape(() => {
        const taken = images.take(indices);
        const batch = transform ? taken.withValues(transform(taken.x, key)) : taken;
        const terms = evaluating(model, () => model.terms(batch, key));
        names = Object.keys(terms);
        return stack(Object.values(terms));
      }),
    );
    return new Evaluation(program, names, result, indices, step, images.count);
  }

  /** Each term over all images; undefined when `stop`, asked before every batch, says so. */
  async run(
    stop: () => boolean = () => false,
  ): Promise<Readonly<Record<string, TermStatistics>> | undefined> {
    const { names, count } = this;
    const batch = this.indices.size;
    const sums = names.map(() => ({ sum: 0, squares: 0 }));
    const add = (values: Float32Array, here: number) => {
      for (const [k, total] of sums.entries())
        for (let i = 0; i < here; i++) {
          const value = values[k * batch + i] as number;
          total.sum += value;
          total.squares += value * value;
        }
    };
    let before: { values: Promise<Float32Array>; here: number } | undefined;
    for (let start = 0; start < count; start += batch) {
      if (stop()) return undefined;
      const here = Math.min(batch, count - start);
      this.queue(start, here);
      const values = this.terms.data();
      values.catch(() => undefined); // awaited behind the next batch
      if (before) add(await before.values, before.here);
      before = { values, here };
    }
    if (before) add(await before.values, before.here);
    return Object.fromEntries(
      names.map((name, k) => {
        const { sum, squares } = sums[k]!;
        const mean = sum / count;
        return [name, { mean, sd: Math.sqrt(Math.max(0, squares / count - mean * mean)) }];
      }),
    );
  }

  release(): void {
    this.program.release();
  }

  /** Queues the batch of `here` images from `start` on. */
  private queue(start: number, here: number): void {
    const batch = this.indices.size;
    // The last batch repeats its last image; the surplus is not counted.
    const rows = Uint32Array.from({ length: batch }, (_, i) => start + Math.min(i, here - 1));
    upload(this.indices.value, rows);
    upload(this.step.value, Uint32Array.of(start / batch));
    this.program.run();
  }
}

/** The means alone. */
export function meansOf(terms: Readonly<Record<string, TermStatistics>>): Record<string, number> {
  return Object.fromEntries(Object.entries(terms).map(([name, { mean }]) => [name, mean]));
}
