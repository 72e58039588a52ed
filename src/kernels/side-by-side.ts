import { type Call, type Item, isPack, type KernelSource, writtenBy } from "../gpu/call.ts";
import { sharesBuffer, type Value } from "../gpu/value.ts";

/** WebGPU's default limit of storage buffers in one stage. */
const MOST_BUFFERS = 8;
/**
 * Most workgroups of a kernel that is put beside others. Adapters that run a branch's both sides, with
 * the lanes of one masked, pass once through all kernels in each workgroup.
 */
const MOST_WORKGROUPS = 64;
/** Most bytes that a moved call may read: they are held for longer. */
const MOST_MOVED_BYTES = 2 ** 18;

/** The entry point that kernels which are put side by side have. */
const ENTRY =
  /@compute @workgroup_size\(64, 1, 1\)\s*fn main\(\s*(@builtin\(workgroup_id\) \w+: vec3u,\s*)?@builtin\(local_invocation_index\) \w+: u32,?\s*\)/;

/** What cannot stand in the middle of a text, or declares names that are not renamed. */
const REFUSED = /^(enable|requires|diagnostic|override|struct)\b/m;

/**
 * Puts small kernels that have nothing to do with each other into one dispatch, whose first workgroups
 * are the first one's, and so on: a dispatch costs the host and the adapter more than they compute.
 * One of two moves to the other's place, where nothing between them minds. What is packed stays where
 * it is, and those that read it: a pack is free only where nothing reads beside what it writes.
 */
export function putSideBySide(recorded: readonly Item[]): Item[] {
  const packed = new Set(recorded.flatMap((item) => (isPack(item) ? item.inputs : [])));
  const items: (Item | undefined)[] = recorded.map((item) =>
    isPack(item) || !item.movable ? item : writtenOnce(item),
  );
  const small = items.map(
    (item) =>
      item && isSmall(item) && ![...item.inputs, ...item.outputs].some((v) => packed.has(v)),
  );
  for (const i of items.keys()) {
    if (!small[i]) continue;
    const between = new Touched();
    for (let k = i + 1; k < items.length; k++) {
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

/** What some items read and write: buffers, and values that have none yet. */
class Touched {
  private readonly read = new Set<object>();
  private readonly written = new Set<object>();

  add(item: Item): void {
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
  return bytesRead(call) <= MOST_MOVED_BYTES && over.leaves(call);
}

function bytesRead(call: Call): number {
  return call.inputs.reduce((sum, v) => sum + v.bytes, 0);
}

/** The call with a kernel that is written once, however often it is asked for. */
function writtenOnce(call: Call): Call {
  let source: KernelSource | undefined;
  return {
    ...call,
    kernel: () => {
      source ??= call.kernel();
      return source;
    },
  };
}

function isSmall(item: Item): item is Call {
  if (isPack(item) || !item.movable || item.textures) return false;
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
  const written = [...outputs, ...updates];
  if (inputs.length + written.length > MOST_BUFFERS) return undefined;
  if (inputs.some((v) => written.some((x) => sharesBuffer(v, x)))) return undefined;
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
 * A kernel's text as a part of another one: what it declares gets names and bindings of its own, and
 * its entry point becomes a function.
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
    .replace(ENTRY, (entry) => entry.replace(/^@compute.*\s*/, "").replace(/@builtin\(\w+\) /g, ""))
    .replace(/@binding\((\d+)\)/g, (_, n: string) => `@binding(${bindings[Number(n)]})`)
    .replace(/(?<![\w.@])[A-Za-z_]\w*/g, (name) => (declared.has(name) ? name + suffix : name));
}
