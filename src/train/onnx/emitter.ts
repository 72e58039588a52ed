import type { OnnxAttribute, OnnxNode } from "../../formats/onnx.ts";
import { UsageError } from "../../gpu/errors.ts";
import type { GraphValue } from "../../models/network-graph.ts";
import type { Weights } from "./weights.ts";

type Attributes = Readonly<Record<string, OnnxAttribute>>;
type Block = readonly [number, number, number];

/** [H, W, C] of an image. Its elements lie in ONNX in the order C, H, W. */
export function imageOf({ shape, name }: GraphValue, what: string): Block {
  if (shape.length !== 3)
    throw new UsageError(`export: ${what} takes images, and ${name} is [${shape.join(", ")}]`);
  return shape as unknown as Block;
}

/** Length of a vector. */
export function lengthOf({ shape, name }: GraphValue, what: string): number {
  if (shape.length !== 1)
    throw new UsageError(`export: ${what} takes vectors, and ${name} is [${shape.join(", ")}]`);
  return shape[0] as number;
}

/**
 * Refuses values whose order in ONNX is not the one that comes next: a flattened image lies there channel
 * by channel, and only weights that are permuted alike see the same numbers.
 *
 * @param wanted the image that the weights are permuted for
 */
export function requireBlock({ block, name }: GraphValue, wanted: Block | undefined, what: string) {
  const order = (b: Block | undefined) => (b && b[0] * b[1] > 1 && b[2] > 1 ? `${b}` : "");
  if (order(block) !== order(wanted))
    throw new UsageError(
      `export: ${what} is for ${shown(wanted)}, and ${name} holds ${shown(block)}: ONNX orders flattened images by channels first`,
    );
}

function shown(block: Block | undefined): string {
  return block ? `a flattened image [${block.join(", ")}]` : "no flattened image";
}

/** The operators of a graph, in order. Values have the names of the operators that make them. */
export class Emitter {
  readonly nodes: OnnxNode[] = [];

  constructor(readonly weights: Weights) {}

  /** An operator with one result. @param shape of the result, as the engine has it */
  emit(
    op: string,
    inputs: readonly string[],
    shape: readonly number[],
    attributes: Attributes = {},
    block?: Block,
  ): GraphValue {
    const [name] = this.operator(op, inputs, attributes, 1);
    return { name: name as string, shape, ...(block ? { block } : {}) };
  }

  /** An operator with several results; their names. */
  operator(
    op: string,
    inputs: readonly string[],
    attributes: Attributes,
    results: number,
  ): string[] {
    const name = `${op}_${this.nodes.length}`;
    const outputs = Array.from({ length: results }, (_, i) =>
      results === 1 ? name : `${name}_${i}`,
    );
    this.nodes.push({ name, op, inputs, outputs, attributes });
    return outputs;
  }

  /** An operator on each element alone. */
  elementwise(op: string, x: GraphValue, attributes: Attributes = {}): GraphValue {
    return this.emit(op, [x.name], x.shape, attributes, x.block);
  }
}
