import { type Call, type Item, isPack } from "../gpu/call.ts";
import { isBindable } from "../gpu/dispatch-rules.ts";
import { ItemList } from "../gpu/item-list.ts";
import type { Value } from "../gpu/value.ts";
import type { MapSpec } from "./elementwise.ts";
import { expressionSize, readsCoordinates } from "./expression.ts";
import { type Facet, facetOf } from "./facets.ts";
import { inlineMap, MOST_NODES, mergeMaps } from "./merge-maps.ts";
import { recompute } from "./recompute.ts";
import { storeAside } from "./side-stores.ts";
import { isIdentity } from "./view.ts";

/**
 * Merges elementwise maps of a recording
 * - into the map that reads them (chains become one kernel, which may have several outputs),
 * - into the matmul, convolution or reduction that produces their input (epilogue),
 * - into the reduction that reads them (prologue).
 * Those that cost next to nothing are written into each of their readers, and those left that read
 * the same tensor as a reduction before them are written into that.
 *
 * The producer moves to its consumer's place, so nothing between the two may read the producer's
 * result or change what it reads.
 *
 * @param keep values that are read after the step and must be stored
 */
export function fuse(recorded: readonly Item[], keep: ReadonlySet<Value>): Item[] {
  const items = new ItemList(recorded);
  recompute(items, keep, (producer, consumer) => {
    const [made, used] = [facetOf(producer), facetOf(consumer)];
    // The result is not stored, whoever else reads it.
    const call = made && used && mergeFacets(producer, made, used, () => false);
    return call && isBindable(call) && isWhole(producer, call) ? call : undefined;
  });
  for (let i = 0; i < items.length; i++) {
    let merged = true;
    while (merged) {
      merged = false;
      const consumer = items.at(i);
      if (!consumer || isPack(consumer) || !facetOf(consumer)) break;
      for (const p of producersOf(items, i, consumer)) {
        const producer = items.at(p) as Call;
        const call = tryMerge(items, p, i, producer, consumer, keep);
        if (!call) continue;
        items.replace(i, call);
        items.remove(p);
        merged = true;
        break;
      }
    }
  }
  storeAside(items, isBindable);
  return items.toItems();
}

/**
 * Where the inputs of item i are made. Maps come first: once a matmul has taken the consumer as its
 * epilogue, the other inputs' maps could no longer be written into it.
 */
function producersOf(items: ItemList, i: number, consumer: Call): number[] {
  const makers = consumer.inputs.map((v) => items.makerOf(v));
  const at = [...new Set(makers)].filter((p) => p !== undefined && p < i) as number[];
  const isMap = (p: number): boolean => facetOf(items.at(p) as Call)?.kind === "map";
  return [...at.filter(isMap), ...at.filter((p) => !isMap(p))];
}

function tryMerge(
  items: ItemList,
  p: number,
  i: number,
  producer: Call,
  consumer: Call,
  keep: ReadonlySet<Value>,
): Call | undefined {
  const made = facetOf(producer);
  const used = facetOf(consumer);
  if (!made || !used || producer.updates.length > 0 || consumer.updates.length > 0)
    return undefined;
  // Storing whole numbers rounds; written into an expression they would not be.
  if (producer.outputs.some((v) => v.dtype !== "f32")) return undefined;
  const { inputs, outputs } = producer;
  if (outputs.some((v) => items.isRead(v, p + 1, i))) return undefined;
  if ([...inputs, ...outputs].some((v) => items.isWritten(v, p + 1, i))) return undefined;
  const readLater = (v: Value): boolean =>
    v.storage !== undefined || keep.has(v) || items.isReadBehind(v, i);
  const merged = mergeFacets(producer, made, used, readLater);
  return merged && isBindable(merged) && isWhole(producer, merged) ? merged : undefined;
}

/**
 * Whether a call reads nothing any more of the producer that was written into it. A reduction along
 * axes of length 1 may read a tensor twice, as its elements and in its epilogue: the map that makes the
 * tensor can be written into the first alone.
 */
function isWhole(producer: Call, merged: Call): boolean {
  return !producer.outputs.some((v) => merged.inputs.includes(v));
}

function mergeFacets(
  producer: Call,
  made: Facet,
  used: Facet,
  readLater: (v: Value) => boolean,
): Call | undefined {
  if (made.kind === "map" && used.kind === "map")
    return mergeMaps(made.spec, used.spec, used.rebuild, readLater);
  const value = producer.outputs[0] as Value;
  if (producer.outputs.some(readLater)) return keepingHole(producer, made, used, readLater);
  if (made.kind === "map" && used.kind === "kernel" && used.withPrologue && used.prologue) {
    const before = used.prologue;
    const inner = inlineMap(made.spec, before.shape, before.inputs, before.expression, value);
    if (!inner || expressionSize([inner.expression]) > MOST_NODES) return undefined;
    if (readsCoordinates(inner.expression)) return undefined; // a reduction knows none
    return used.withPrologue({ shape: before.shape, ...inner });
  }
  return used.kind === "map" ? takeEpilogue(value, made, used.spec) : undefined;
}

/** The kernel with a map behind it where its own result is read later, too, and it can store both. */
function keepingHole(
  { outputs }: Call,
  made: Facet,
  used: Facet,
  readLater: (v: Value) => boolean,
): Call | undefined {
  if (made.kind !== "kernel" || used.kind !== "map" || !made.canKeep) return undefined;
  if (outputs.some((v) => v !== made.result && readLater(v))) return undefined;
  return takeEpilogue(outputs[0] as Value, made, used.spec, true);
}

/** The kernel that computes `value` with a map of it written into it. */
function takeEpilogue(
  value: Value,
  made: Facet,
  spec: MapSpec,
  keepsHole = false,
): Call | undefined {
  if (made.kind !== "kernel" || !made.withEpilogue || !made.result) return undefined;
  const { shape, outputs } = spec;
  const output = outputs[0];
  if (outputs.length !== 1 || !output || output.value.dtype !== "f32") return undefined;
  let { inputs } = spec;
  let { expression } = output;
  if (made.epilogue) {
    const before = made.epilogue;
    const first = { value, expression: before.expression };
    const inner = { shape: before.shape, inputs: before.inputs, outputs: [first] };
    const joined = inlineMap(inner, shape, inputs, expression, value);
    if (!joined) return undefined;
    ({ inputs, expression } = joined);
  }
  const hole = made.result;
  if (inputs.some((view) => view.value === hole && !isIdentity(view, shape))) return undefined;
  if (expressionSize([expression]) > MOST_NODES) return undefined;
  const epilogue = { shape, inputs, hole, expression, output: output.value };
  return made.withEpilogue(keepsHole ? { ...epilogue, keepsHole } : epilogue);
}
