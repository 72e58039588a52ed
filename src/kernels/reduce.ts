import type { Call } from "../gpu/call.ts";
import type { Target } from "../gpu/target.ts";
import { Value } from "../gpu/value.ts";
import { input } from "./expression.ts";
import type { ColumnSum, Facet, Prologue } from "./facets.ts";
import {
  chooseVector,
  type Pass,
  passCode,
  passSource,
  type ReduceKind,
  splitAxes,
  WORKGROUP,
  writtenByPass,
} from "./reduce-code.ts";
import { MOST_TURNS } from "./turns.ts";
import { contiguousView, isIdentity, sizeOf, type View } from "./view.ts";

export interface ReduceOptions {
  /** Factor of the result, for instance 1/n for a mean. */
  readonly scale?: number;
  /**
   * `thread`: each thread reduces a chunk on its own. `tree`: a workgroup does, through workgroup
   * memory. Default: tree along contiguous axes on GPUs, else thread.
   */
  readonly variant?: "thread" | "tree";
  /** Number of chunks that long axes are cut into; default by the device. 1: a single pass. */
  readonly splits?: number;
}

/** The shortest chunk that is worth a thread. */
const SHORTEST_CHUNK = { thread: 64, tree: 1024 };

/**
 * The calls that reduce `input` over `axes`: one, or two where few results are long sums.
 *
 * @param op name that users know
 * @param shape of the elements; no length may be 0
 * @param axes that are reduced; the others are kept in their order
 * @param elements what is reduced: a view of a value, or an expression of several views
 * @param output as many f32 elements as the kept axes have
 */
export function reduceCalls(
  op: string,
  kind: ReduceKind,
  shape: readonly number[],
  axes: readonly number[],
  elements: View | Prologue,
  output: Value,
  options: ReduceOptions = {},
): Call[] {
  const prologue: Prologue =
    "value" in elements ? { shape, inputs: [elements], expression: input(0) } : elements;
  const scale = options.scale ?? 1;
  const length = sizeOf(axes.map((a) => shape[a] as number));
  const { target } = output.device;
  const first = { op, kind, axes, prologue, scale: 1 };
  const variant = options.variant ?? preferredVariant(first, length, target);
  const splits = options.splits ?? chooseSplits(first, length, output.size, variant, target);
  const chunk = splits <= 1 ? length : Math.ceil(Math.ceil(length / splits) / 16) * 16;
  const count = Math.ceil(length / chunk);
  if (count === 1) return [passCall({ ...first, scale, variant, chunk, splits: 1, output })];
  const partial = new Value(output.device, "f32", count * output.size, `${op} partial`);
  return [
    passCall({ ...first, variant, chunk, splits: count, output: partial }),
    ...reduceCalls(
      op,
      kind,
      [count, output.size],
      [0],
      contiguousView(partial, [count, output.size]),
      output,
      { scale, splits: 1, variant: "thread" },
    ),
  ];
}

function passCall(pass: Pass): Call {
  const code = passCode(pass);
  const facet: Facet = {
    kind: "kernel",
    prologue: pass.prologue,
    withPrologue: (prologue) => passCall({ ...pass, prologue }),
    ...(pass.prologue.shape.length > 0 ? { canStore: true } : {}),
    columnSum: columnSum(pass),
    ...(pass.splits > 1
      ? {}
      : {
          result: pass.epilogue?.hole ?? pass.output,
          epilogue: pass.epilogue,
          ownInputs: code.ownInputs,
          canKeep: true,
          withEpilogue: (epilogue) => passCall({ ...pass, epilogue, output: epilogue.output }),
        }),
  };
  return {
    op: pass.op,
    inputs: code.values,
    outputs: writtenByPass(pass),
    updates: [],
    movable: true,
    kernel: () => passSource(pass),
    fusible: facet,
  };
}

/** The pass as a sum over the rows of a matrix, where it is one and nothing is fused into it. */
function columnSum({ kind, axes, prologue, epilogue, scale }: Pass): ColumnSum | undefined {
  const { shape, inputs, expression, stores } = prologue;
  const [view] = inputs;
  const alone = !epilogue && !stores;
  const bare = kind === "sum" && scale === 1 && alone && expression.kind === "input";
  if (!bare || !view || view.value.dtype !== "f32" || !isIdentity(view, shape)) return undefined;
  const inOrder = [...shape.keys()].filter((a) => shape[a] !== 1);
  const firstKept = inOrder.findIndex((a) => !axes.includes(a));
  if (firstKept >= 0 && inOrder.slice(firstKept).some((a) => axes.includes(a))) return undefined;
  const rows = sizeOf(axes.map((a) => shape[a] as number));
  return { source: view.value, rows, columns: sizeOf(shape) / rows };
}

function preferredVariant(
  pass: Pick<Pass, "prologue" | "axes">,
  length: number,
  { software }: Target,
): "thread" | "tree" {
  if (software || length < 4 * WORKGROUP) return "thread";
  const { reduced } = splitAxes(pass.prologue, pass.axes);
  return reduced.strides.some((s) => s.at(-1) === 1) ? "tree" : "thread";
}

function chooseSplits(
  pass: Pick<Pass, "prologue" | "axes">,
  length: number,
  results: number,
  variant: "thread" | "tree",
  { spread }: Target,
): number {
  const threads =
    variant === "tree"
      ? results * WORKGROUP
      : results / (chooseVector(pass, true) === "kept" ? 4 : 1);
  const least = Math.ceil(length / (4 * MOST_TURNS)); // four elements a turn
  if (length * results < spread.worthSplitting) return least;
  const wanted = Math.ceil(spread.reduceThreads / threads);
  return Math.max(least, Math.min(wanted, Math.floor(length / SHORTEST_CHUNK[variant])));
}
