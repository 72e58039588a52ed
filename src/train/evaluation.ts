import { stack } from "../autograd/ops/join.ts";
import type { RandomKey } from "../autograd/ops/random.ts";
import { noGrad } from "../autograd/tape.ts";
import type { DeviceImages } from "../data/loader.ts";
import { Allocations } from "../gpu/allocations.ts";
import type { Program } from "../gpu/program.ts";
import { evaluating, type Model, type SampleTerms } from "../models/model.ts";
import { variable } from "../tensor/create.ts";
import { record } from "../tensor/run.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Random numbers of evaluations come from a stream of their own. */
const EVALUATION_STREAM = 1000;

/** One loss term over a set of images. */
export interface TermStatistics {
  /** Mean over the images. */
  readonly mean: number;
  /** Standard deviation over the images. */
  readonly sd: number;
}

/** A recorded evaluation of batches of one size. */
interface Part {
  readonly program: Program;
  readonly names: readonly string[];
  /** [terms, batch] */
  readonly terms: Tensor;
  /** [batch] */
  readonly indices: Tensor<"u32">;
}

/**
 * Computes a model's loss terms on a whole set of images, as recorded programs. The batches differ in
 * size by one image at most: no image is taken twice and no batch is small, since a term may compare the
 * images of a batch with one another.
 */
export class Evaluation {
  private constructor(
    /** One for each size of batch, the larger first. */
    private readonly parts: readonly Part[],
    /** Numbers of the first image of each batch, with the number behind the last. */
    private readonly starts: readonly number[],
    private readonly step: Tensor<"u32">,
    private readonly allocations: Allocations,
    /** Images in the set. */
    readonly count: number,
  ) {}

  /**
   * @param batch images at once, at most
   * @param how.transform applied to each batch: dynamic binarisation, the same at every evaluation
   * @param how.derive what is evaluated, of the model's terms; default: these
   */
  static async create(
    model: Model,
    images: DeviceImages,
    batch: number,
    seed: readonly [number, number],
    how: {
      readonly transform?: ((x: Tensor, key: RandomKey) => Tensor) | undefined;
      readonly derive?: ((terms: SampleTerms) => SampleTerms) | undefined;
    } = {},
  ): Promise<Evaluation> {
    const { device, count } = images;
    const { transform, derive = (terms) => terms } = how;
    const allocations = new Allocations(device);
    const parts: Part[] = [];
    try {
      const counter = (size: number, label: string) =>
        allocations.of(() => variable(device, new Uint32Array(size), [size], label));
      const step = counter(1, "evaluation step");
      const key: RandomKey = { seed, step, stream: EVALUATION_STREAM };
      const starts = evenStarts(count, batch);
      for (const size of new Set(starts.slice(1).map((end, i) => end - starts[i]!))) {
        const indices = counter(size, "evaluation indices");
        let names: string[] = [];
        const { program, result } = await record(device, () =>
          noGrad(() => {
            const taken = images.take(indices);
            const batch = transform ? taken.withValues(transform(taken.x, key)) : taken;
            const terms = derive(evaluating(model, () => model.terms(batch, key)));
            names = Object.keys(terms);
            return stack(Object.values(terms));
          }),
        );
        parts.push({ program, names, terms: result, indices });
      }
      return new Evaluation(parts, starts, step, allocations, count);
    } catch (error) {
      for (const { program } of parts) program.release();
      allocations.release();
      throw error;
    }
  }

  /** Each term over all images; undefined when `stop`, asked before every batch, says so. */
  async run(
    stop: () => boolean = () => false,
  ): Promise<Readonly<Record<string, TermStatistics>> | undefined> {
    const { count, starts } = this;
    const names = this.parts[0]?.names ?? [];
    const sums = names.map(() => ({ sum: 0, squares: 0 }));
    const add = (values: Float32Array) => {
      const batch = values.length / names.length;
      for (const [k, total] of sums.entries())
        for (let i = 0; i < batch; i++) {
          const value = values[k * batch + i] as number;
          total.sum += value;
          total.squares += value * value;
        }
    };
    let before: Promise<Float32Array> | undefined;
    for (let number = 0; number + 1 < starts.length; number++) {
      if (stop()) return undefined;
      const values = this.queue(number).data();
      values.catch(() => undefined); // awaited behind the next batch
      if (before) add(await before);
      before = values;
    }
    if (before) add(await before);
    return Object.fromEntries(
      names.map((name, k) => {
        const { sum, squares } = sums[k]!;
        const mean = sum / count;
        return [name, { mean, sd: Math.sqrt(Math.max(0, squares / count - mean * mean)) }];
      }),
    );
  }

  /** Gives its buffers back, but for the images. */
  release(): void {
    for (const { program } of this.parts) program.release();
    this.allocations.release();
  }

  /** Queues a batch, from 0; its terms. */
  private queue(number: number): Tensor {
    const [start, end] = this.starts.slice(number) as [number, number];
    const part = this.parts.find(({ indices }) => indices.size === end - start) as Part;
    part.indices.set(Uint32Array.from({ length: end - start }, (_, i) => start + i));
    this.step.set(Uint32Array.of(number));
    part.program.run();
    return part.terms;
  }
}

/** Where the fewest batches of at most `most` begin that differ in size by one at most; and the end. */
function evenStarts(count: number, most: number): number[] {
  const batches = Math.ceil(count / most);
  return Array.from({ length: batches + 1 }, (_, i) => Math.ceil((i * count) / batches));
}

/** The means alone. */
export function meansOf(terms: Readonly<Record<string, TermStatistics>>): Record<string, number> {
  return Object.fromEntries(Object.entries(terms).map(([name, { mean }]) => [name, mean]));
}
