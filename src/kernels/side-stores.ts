import { type Call, type Item, isPack } from "../gpu/call.ts";
import type { ItemList } from "../gpu/item-list.ts";
import type { Value } from "../gpu/value.ts";
import type { MapSpec } from "./elementwise.ts";
import { facetOf, type Prologue } from "./facets.ts";
import { withStores } from "./merge-maps.ts";
import { sizeOf } from "./view.ts";

/**
 * Writes maps into reductions before them that read the same tensor: a loss and its derivative are
 * computed in one pass over what the model gives. The map moves to the reduction's place.
 *
 * @param isBindable whether a call keeps WebGPU's rules
 */
export function storeAside(items: ItemList, isBindable: (call: Call) => boolean): void {
  for (let m = 0; m < items.length; m++) {
    const map = items.at(m);
    const spec = !map || isPack(map) ? undefined : mapOf(map);
    if (!spec || !map || isPack(map)) continue;
    for (const r of readersBefore(items, m, spec)) {
      const call = tryStore(items, r, items.at(r) as Item, m, map, spec);
      if (!call || !isBindable(call)) continue;
      items.replace(r, call);
      items.remove(m);
      break;
    }
  }
}

/** The items before a map that read a tensor of as many elements, which it reads as well: the last first. */
function readersBefore(items: ItemList, m: number, { shape, inputs }: MapSpec): number[] {
  const size = sizeOf(shape);
  const whole = new Set(inputs.map((view) => view.value).filter((v) => v.size === size));
  const places = new Set([...whole].flatMap((v) => items.readersOf(v)));
  return [...places].filter((r) => r < m).sort((a, b) => b - a);
}

/** A map whose results are floats that nothing held before. */
function mapOf(call: Call): MapSpec | undefined {
  const facet = facetOf(call);
  if (facet?.kind !== "map" || call.updates.length > 0) return undefined;
  return call.outputs.every((v) => !v.storage && v.dtype === "f32") ? facet.spec : undefined;
}

function tryStore(
  items: ItemList,
  r: number,
  reduction: Item,
  m: number,
  map: Call,
  spec: MapSpec,
): Call | undefined {
  const facet = isPack(reduction) ? undefined : facetOf(reduction);
  if (facet?.kind !== "kernel" || !facet.canStore || !facet.prologue) return undefined;
  if (!sharesTensor(facet.prologue, spec)) return undefined;
  // All that the map reads must be there already, and stay as it is.
  if (map.inputs.some((v) => items.isWritten(v, r, m))) return undefined;
  const prologue = withStores(facet.prologue, spec);
  return prologue && facet.withPrologue?.(prologue);
}

/** Whether both walk over the same elements and read one of as many. */
function sharesTensor({ shape, inputs }: Prologue, map: MapSpec): boolean {
  const size = sizeOf(shape);
  if (sizeOf(map.shape) !== size) return false;
  const whole = new Set<Value>(inputs.map((v) => v.value).filter((v) => v.size === size));
  return map.inputs.some((view) => whole.has(view.value));
}
