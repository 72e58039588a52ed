import {
  bindingsOf,
  type Call,
  type Item,
  isPack,
  type KernelSource,
  writtenBy,
} from "../gpu/call.ts";
import { isBindable } from "../gpu/dispatch-rules.ts";
import type { Value } from "../gpu/value.ts";
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
  const items: (Item | undefined)[] = recorded.map((item) =>
    isPack(item) || !item.movable ? item : writtenOnce(item),
  );
  const small = items.map(
    (item) => item && isSmall(item) && !bindingsOf(item).some((v) => packed.has(v)),
  );
  const parts = partsOf(recorded);
  for (const i of items.keys()) {
    if (!small[i]) continue;
    const between = new Touched();
    for (let k = i + 1; k < items.length && parts[k] === parts[i]; k++) {
      const [a, b] = [items[i] as Call | undefined, items[k]];
      if (!a) break;
      if (!b) continue;
      const up = small[k] && mayMove(b as Call, between);
      const both = small[k] && (up || mayMove(a, between)) ? beside(a, b as Call) : undefined;
      if (both) {
        items[up ? i : k] = both;
        items[up ? k : i] = undefined;
      } else between.add(b);
    }
  }
  return items.filter((item) => item !== undefined);
}

/** The part of the recording that each item is of; what changes variables alone is of that before it. */
function partsOf(items: readonly Item[]): (string | undefined)[] {
  let part: string | undefined;
  return items.map((item) => {
    part = writtenBy(item)[0]?.part ?? part;
    return part;
  });
}

/** What some items read and write: buffers, and values that have none yet. */
class Touched {
  isEmpty = true;
  private readonly read = new Set<object>();
  private readonly written = new Set<object>();

  add(item: Item): void {
    this.isEmpty = false;
    for (const v of item.inputs) this.read.add(placeOf(v));
    for (const v of writtenBy(item)) this.written.add(placeOf(v));
  }

  /** Whether it is all the same if a call comes before them or behind. */
  leaves(call: Call): boolean {
    const { read, written } = this;
    return (
      !call.inputs.some((v) => written.has(placeOf(v))) &&
      !writtenBy(call).some((v) => written.has(placeOf(v)) || read.has(placeOf(v)))
    );
  }
}

function placeOf(v: Value): object {
  return v.storage?.buffer ?? v;
}

function mayMove(call: Call, over: Touched): boolean {
  if (over.isEmpty) return true;
  const bytes = bindingsOf(call).reduce((sum, v) => sum + (v.storage ? 0 : v.bytes), 0);
  return bytes <= MOST_MOVED_BYTES && over.leaves(call);
}

function isSmall(item: Item): item is Call {
  if (isPack(item) || !item.movable || item.textures?.length) return false;
  const { workgroups, code } = item.kernel();
  const [x, y, z] = workgroups;
  return x <= MOST_WORKGROUPS && y === 1 && z === 1 && ENTRY.test(code) && !REFUSED.test(code);
}

/** Both calls as one; undefined where one needs the other, or WebGPU would not bind what they bind. */
function beside(a: Call, b: Call): Call | undefined {
  const first = new Touched();
  first.add(a);
  if (!first.leaves(b)) return undefined;
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
