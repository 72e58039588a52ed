/** Kernels with subgroups on adapters without, and with subgroups of other sizes than the adapter's. */
import * as assert from "uvu/assert";
import type { Call } from "../../src/gpu/call.ts";
import type { Device } from "../../src/gpu/device.ts";
import { skip } from "./skip.ts";

/** Another text for a call's kernel. */
export type Rewrite = (code: string) => string;

export function rewritten(call: Call, rewrite: Rewrite): Call {
  return {
    ...call,
    kernel: () => {
      const source = call.kernel();
      return { ...source, code: rewrite(source.code) };
    },
  };
}

/** Replaces parts of a text that must be there. */
function substitute(text: string, parts: readonly (readonly [from: string, to: string])[]): string {
  return parts.reduce((out, [from, to]) => {
    assert.ok(out.includes(from), `the kernel has no ${from}`);
    return out.replaceAll(from, to);
  }, text);
}

/**
 * Subgroups of `size` lanes, a divisor of 64, that are made of workgroup memory: the kernel is tried
 * with sizes that the adapter has not, and without the feature.
 *
 * @param first number of the first lane
 * @param last number of the last one: beyond `first + size - 1` there is a gap
 */
export function madeSubgroups(size: number, first = 0, last = first + size - 1): Rewrite {
  return (code) => {
    // What lanes hand round: a block of a matrix product's operand, else a number.
    const type = /^alias X = (\w+);/m.exec(code)?.[1] ?? "f32";
    const shuffle = [
      `var<workgroup> lent: array<${type}, 64>;`,
      `fn shuffle(thread: u32, value: ${type}, lane: u32) -> ${type} {`,
      "  workgroupBarrier();",
      "  lent[thread] = value;",
      "  workgroupBarrier();",
      `  return lent[thread / ${size}u * ${size}u + lane - ${first}u];`,
      "}",
      "@compute",
    ];
    return substitute(code, [
      ["enable subgroups;", ""],
      ["diagnostic(off, subgroup_uniformity);", ""],
      ["@builtin(subgroup_invocation_id) lane: u32,\n", ""],
      ["let first=", `let lane = thread % ${size}u + ${first}u;\nlet first=`],
      ["subgroupMin(lane)", `${first}u`],
      ["subgroupMax(lane)", `${last}u`],
      ["subgroupAdd(1u)", `${size}u`],
      ["subgroupShuffle(", "shuffle(thread, "],
      ["@compute", shuffle.join("\n")],
    ]);
  };
}

/** The device, or undefined where it was opened without subgroups because the adapter has none. */
export function withSubgroups(device: Device): Device | undefined {
  if (device.has.subgroups) return device;
  skip(`${device.adapter.name} has no subgroups`);
  return undefined;
}
