import { type Call, type Item, isPack, writtenBy } from "../gpu/call.ts";
import { sharesMemory, type Value } from "../gpu/value.ts";
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
export function storeAside(recorded: readonly Item[], isBindable: (call: Call) => boolean): Item[] {
  const items = [...recorded];
  for (let m = 0; m < items.length; m++) {
    const map = items[m] as Item;
    const spec = isPack(map) ? undefined : mapOf(map);
    if (!spec || isPack(map)) continue;
    for (let r = m - 1; r >= 0; r--) {
      const reduction = items[r] as Item;
      if (isPack(reduction)) continue;
      const call = tryStore(items, r, reduction, m, map, spec);
      if (!call || !isBindable(call)) continue;
      items[r] = call;
      items.splice(m--, 1);
      break;
    }
  }
  return items;
}

/** A map whose results are floats that nothing held before. */
function mapOf(call: Call): MapSpec | undefined {
  const facet = facetOf(call);
  if (facet?.kind !== "map" || call.updates.length > 0) return undefined;
  return call.outputs.every((v) => !v.storage && v.dtype === "f32") ? facet.spec : undefined;
}

function tryStore(
  items: readonly Item[],
  r: number,
  reduction: Call,
  m: number,
  map: Call,
  spec: MapSpec,
): Call | undefined {
  const facet = facetOf(reduction);
  if (facet?.kind !== "kernel" || !facet.canStore || !facet.prologue) return undefined;
  if (!sharesTensor(facet.prologue, spec)) return undefined;
  // All that the map reads must be there already, and stay as it is.
  const between = items.slice(r, m).flatMap(writtenBy);
  if (map.inputs.some((v) => between.some((w) => sharesMemory(v, w)))) return undefined;
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
