import type { OnnxTensor } from "../../formats/onnx.ts";
import { UsageError } from "../../gpu/errors.ts";
import type { Model } from "../../models/model.ts";
import type { NamedTensor } from "../../nn/module.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { checkpointShape, toCheckpoint } from "../checkpoint.ts";

/** A weight that a graph takes, and what becomes of its values. */
interface Taken {
  readonly tensor: Tensor;
  readonly shape: readonly number[];
  readonly convert: (values: Float32Array) => Float32Array;
}

/**
 * The constants of a graph: the model's weights as a checkpoint has them, which is as ONNX wants them
 * (convolutions [out, in, height, width], transposed [in, out, height, width], linear [out, in], channels
 * first beside a flatten), and numbers.
 */
export class Weights {
  private readonly known: ReadonlyMap<Tensor, NamedTensor>;
  private readonly taken = new Map<string, Taken>();
  private readonly numbers: OnnxTensor[] = [];

  constructor(model: Model) {
    const named = [...model.parameters(), ...model.buffers()];
    this.known = new Map(named.map((entry) => [entry.tensor, entry]));
  }

  /** Name and layout of one of the model's tensors. */
  named(tensor: Tensor): NamedTensor {
    const found = this.known.get(tensor);
    if (!found)
      throw new UsageError(
        `export: ${tensor.value.label} is among neither the parameters nor the buffers of the model`,
      );
    return found;
  }

  has(tensor: Tensor): boolean {
    return this.known.has(tensor);
  }

  /** Takes one of the model's tensors into the graph, under its name in checkpoints. */
  take(tensor: Tensor): string {
    const { name, layout } = this.named(tensor);
    const convert = (values: Float32Array) => toCheckpoint(values, layout);
    this.taken.set(name, { tensor, shape: checkpointShape(layout), convert });
    return name;
  }

  /** Takes a tensor that is none of the model's, or what follows from one. */
  takeAs(name: string, tensor: Tensor, convert = (values: Float32Array) => values): string {
    this.taken.set(name, { tensor, shape: tensor.shape, convert });
    return name;
  }

  /** Floats: a vector, or one number without axes. */
  floats(values: number | readonly number[]): string {
    return this.add(Float32Array.from([values].flat()), values);
  }

  /** The same of whole numbers. */
  integers(values: number | readonly number[]): string {
    return this.add(BigInt64Array.from([values].flat().map(BigInt)), values);
  }

  /** All that was taken, with the values that it has now. */
  async read(): Promise<OnnxTensor[]> {
    const weights = [...this.taken].map(async ([name, { tensor, shape, convert }]) => ({
      name,
      shape,
      values: convert(await tensor.data()),
    }));
    return [...(await Promise.all(weights)), ...this.numbers];
  }

  private add(values: OnnxTensor["values"], given: number | readonly number[]): string {
    const name = `constant_${this.numbers.length}`;
    this.numbers.push({ name, shape: typeof given === "number" ? [] : [given.length], values });
    return name;
  }
}
