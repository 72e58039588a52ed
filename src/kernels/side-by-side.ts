import {
  bindingsOf,
  type Call,
  type Item,
  isPack,
  type KernelSource,
  writtenBy,
} from "../gpu/call.ts";
import { isBindable, MOST_BUFFERS } from "../gpu/dispatch-rules.ts";
import { ItemList, placeOf } from "../gpu/item-list.ts";
import { writtenOnce } from "./written-once.ts";

/**
 * Most workgroups of a kernel that is put beside others. llvmpipe runs both sides of a branch, with the
 * lanes of one masked: each workgroup passes once through the texts of all.
 */
const MOST_WORKGROUPS = 64;
/** Most bytes that a moved call may read and write: they are held for longer. */
const MOST_MOVED_BYTES = 2 ** 18;

/** The entry point that kernels have which can be put side by side. */
const ENTRY =
  /@compute @workgroup_size\(64, 1, 1\)\s*fn main\(\s*(@builtin\(workgroup_id\) \w+: vec3u,\s*)?@builtin\(local_invocation_index\) \w+: u32,?\s*\)/;
/** What has to stand at the beginning of a text, or has members, whose names are left as they are. */
const REFUSED = /^\s*(enable|requires|diagnostic|override|struct)\b/m;

/**
 * Puts small kernels that have nothing to do with each other into one dispatch: its first workgroups
 * are those of the first kernel, the next those of the second. A dispatch of its own costs host and
 * adapter more than such a kernel's work.
 *
 * Of two calls one moves to the other's place, where the calls between them neither write what it
 * reads nor touch what it writes. Both are of one update of a training step, so that errors still tell
 * the updates apart. What is packed, and whatever touches it, is left alone: to be written in its
 * place it must not share a dispatch with what reads beside it (src/gpu/liveness.ts).
 */
export function putSideBySide(recorded: readonly Item[]): Item[] {
  const packs = recorded.filter(isPack);
  const packed = new Set(packs.flatMap(({ inputs, target }) => [...inputs, target]));
  const items = new ItemList(
    recorded.map((item) => (isPack(item) || !item.movable ? item : writtenOnce(item))),
  );
  const parts = partsOf(recorded);
  /** Positions of the small kernels. */
  const small = recorded.flatMap((_, i) => {
    const item = items.at(i) as Item;
    return isSmall(item) && !bindingsOf(item).some((v) => packed.has(v)) ? [i] : [];
  });
  for (const [s, i] of small.entries()) {
    for (let t = s + 1; t < small.length; t++) {
      const k = small[t] as number;
      const [a, b] = [items.at(i) as Call | undefined, items.at(k) as Call | undefined];
      if (!a || parts[k] !== parts[i] || bindingsOf(a).length >= MOST_BUFFERS) break;
      if (!b || bindingsOf(a).length + bindingsOf(b).length > MOST_BUFFERS) continue;
      const up = mayMove(items, b, i, k);
      const both = up || mayMove(items, a, i, k) ? beside(a, b) : undefined;
      if (!both) continue;
      items.replace(up ? i : k, both);
      items.remove(up ? k : i);
    }
  }
  return items.toItems();
}

/** The part of the recording that each item is of; what changes variables alone is of that before it. */
function partsOf(items: readonly Item[]): (string | undefined)[] {
  let part: string | undefined;
  return items.map((item) => {
    part = writtenBy(item)[0]?.part ?? part;
    return part;
  });
}

/** Whether it is all the same if a call comes before the items between i and k or behind them. */
function mayMove(items: ItemList, call: Call, i: number, k: number): boolean {
  if (items.next(i + 1) >= k) return true;
  const bytes = bindingsOf(call).reduce((sum, v) => sum + (v.storage ? 0 : v.bytes), 0);
  if (bytes > MOST_MOVED_BYTES) return false;
  return (
    !call.inputs.some((v) => items.writesTo(placeOf(v), i + 1, k)) &&
    !writtenBy(call).some((v) => items.touches(placeOf(v), i + 1, k))
  );
}

/** Whether the second of two calls neither reads nor changes what the first one does. */
function isFree(first: Call, second: Call): boolean {
  const written = new Set(writtenBy(first).map(placeOf));
  const read = new Set(first.inputs.map(placeOf));
  return (
    !second.inputs.some((v) => written.has(placeOf(v))) &&
    !writtenBy(second).some((v) => written.has(placeOf(v)) || read.has(placeOf(v)))
  );
}

function isSmall(item: Item): item is Call {
  if (isPack(item) || !item.movable || item.textures?.length) return false;
  const { workgroups, code } = item.kernel();
  const [x, y, z] = workgroups;
  return x <= MOST_WORKGROUPS && y === 1 && z === 1 && ENTRY.test(code) && !REFUSED.test(code);
}

/** Both calls as one; undefined where one needs the other, or WebGPU would not bind what they bind. */
function beside(a: Call, b: Call): Call | undefined {
  if (!isFree(a, b)) return undefined;
  const parts = [...(a.parts ?? [a]), ...(b.parts ?? [b])];
  const inputs = parts.flatMap((part) => part.inputs);
  const outputs = parts.flatMap((part) => part.outputs);
  const updates = parts.flatMap((part) => part.updates);
  if (!isBindable({ inputs, outputs, updates })) return undefined;
  return writtenOnce({
    op: [...new Set(parts.map((part) => part.op))].join(" + "),
    ...{ inputs, outputs, updates, parts },
    movable: true,
    kernel: () => joined(parts),
  });
}

/** One kernel that does what several do. */
function joined(parts: readonly Call[]): KernelSource {
  const all = parts.map((part) => part.kernel());
  const total = (of: (source: KernelSource) => number) => all.reduce((sum, s) => sum + of(s), 0);
  const [inputs, outputs] = [
    parts.reduce((sum, { inputs }) => sum + inputs.length, 0),
    parts.reduce((sum, { outputs }) => sum + outputs.length, 0),
  ];
  // Behind the inputs of all come the outputs of all, then their updates.
  const next = [0, inputs, inputs + outputs] as [number, number, number];
  const texts = parts.map((part, k) => {
    const kinds = [part.inputs, part.outputs, part.updates];
    const bindings = kinds.flatMap((values, kind) => values.map(() => next[kind as 0]++));
    return partText(part.kernel().code, bindings, `Of${k + 1}`);
  });
  let first = 0;
  const branches = all.map(({ code, workgroups: [count] }, k) => {
    const group = ENTRY.exec(code)?.[1] ? `vec3u(group.x - ${first}u, 0u, 0u), ` : "";
    first += count;
    const call = `mainOf${k + 1}(${group}lane);`;
    return k < all.length - 1
      ? `if (group.x < ${first}u) {\n    ${call}\n  } else `
      : `{ ${call} }`;
  });
  return {
    name: all.map(({ name }) => name).join(" + "),
    code: `${texts.join("\n")}
@compute @workgroup_size(64, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  ${branches.join("")}
}
`,
    workgroups: [first, 1, 1],
    flops: total(({ flops }) => flops),
    bytes: total(({ bytes }) => bytes),
  };
}

/**
 * A kernel's text as a part of another one: what it declares at the beginnings of its lines gets names
 * and bindings of its own, and its entry point becomes a function.
 */
function partText(code: string, bindings: readonly number[], suffix: string): string {
  const declared = new Set(
    [...code.matchAll(/^(?:@group.*?)?(?:const|alias|fn|var(?:<[^>]*>)?) (\w+)/gm)].map(
      (m) => m[1],
    ),
  );
  declared.add("main");
  return code
    .replace(/\/\/.*$/gm, "")
    .replace(ENTRY, (entry) =>
      entry.replace(/^.*?(?=fn main)/s, "").replace(/@builtin\(\w+\) /g, ""),
    )
    .replace(/@binding\((\d+)\)/g, (_, n: string) => `@binding(${bindings[Number(n)]})`)
    .replace(/(?<![\w.@])[A-Za-z_]\w*/g, (name) => (declared.has(name) ? name + suffix : name));
}
