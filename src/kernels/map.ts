import shader from "../../shaders/map.wgsl";
import { type Call, foldWorkgroups, type KernelSource } from "../gpu/call.ts";
import type { Value } from "../gpu/value.ts";
import {
  canVectorise,
  elementCode,
  helperFunctions,
  type MapSpec,
  storeText,
} from "./elementwise.ts";
import { type Expression, expressionSize, wgslType } from "./expression.ts";
import type { Facet } from "./facets.ts";
import { specialise } from "./specialise.ts";
import { sizeOf } from "./view.ts";
import { groupThreads } from "./workgroups.ts";

/**
 * An elementwise map with broadcasting.
 *
 * @param op name that users know
 * @param spec the outputs' values have as many elements as `spec.shape`; an output whose value is
 *   a variable (it has storage already) is updated in place
 */
export function mapCall(op: string, spec: MapSpec): Call {
  const width = canVectorise(spec) ? 4 : 1;
  const code = elementCode(spec, width, 0);
  const outputs = spec.outputs.map((o) => o.value);
  const facet: Facet = { kind: "map", spec, rebuild: (s) => mapCall(op, s) };
  return {
    op,
    inputs: code.values,
    outputs,
    updates: [],
    movable: true,
    kernel: () => mapSource(op, spec, width),
    fusible: facet,
  };
}

function mapSource(op: string, spec: MapSpec, width: 1 | 4): KernelSource {
  const element = movesIntegers(spec) ? "u32" : "f32";
  const code = elementCode(spec, width, 0, new Set(), element);
  const threads = sizeOf(spec.shape) / width;
  const { target } = (spec.outputs[0] as { value: Value }).value.device;
  const grouped = groupThreads(shader, threads, target);
  const workgroups = foldWorkgroups(Math.ceil(threads / grouped.size));
  const outputs = spec.outputs.map(({ value }, k) => {
    const binding = code.values.length + k;
    const type = wgslType(value.dtype, width);
    return `@group(0) @binding(${binding}) var<storage, read_write> out${k}: array<${type}>;`;
  });
  const stores = spec.outputs.map(
    ({ value }, k) =>
      `out${k}[thread] = ${storeText(value.dtype, width, code.results[k] as string, element)};`,
  );
  const lines = (statements: readonly string[]) => statements.map((s) => `  ${s}`).join("\n");
  const alike = code.loads.map((load) => load.statement).filter((s) => !/\bi\b/.test(s));
  const body = lines([...code.statements.filter((s) => !alike.includes(s)), ...stores]);
  const elements = sizeOf(spec.shape);
  return {
    name: `${op} ${spec.shape.join("×") || "scalar"}`,
    code: specialise(grouped.shader, {
      op,
      constants: {
        THREADS: threads,
        WIDTH: width,
        GROUPS_X: workgroups[0],
        GROUPS_XY: workgroups[0] * workgroups[1],
      },
      inserts: {
        helpers: helperFunctions(body, width, element),
        bindings: [code.bindings, ...outputs].filter(Boolean).join("\n"),
        alike: lines(alike),
        body,
      },
    }),
    workgroups,
    flops: elements * expressionSize(spec.outputs.map((o) => o.expression)),
    bytes:
      code.values.reduce((sum, v) => sum + Math.min(v.bytes, elements * 4), 0) +
      outputs.length * elements * 4,
  };
}

/** Whether a map only moves whole numbers, all of whose 32 bits must arrive. */
function movesIntegers({ inputs, outputs }: MapSpec): boolean {
  return (
    inputs.every((view) => view.value.dtype === "u32") &&
    outputs.every((o) => o.value.dtype === "u32" && onlyMoves(o.expression))
  );
}

/** Whether an expression gives one of its inputs as it is, or 0. */
function onlyMoves(e: Expression): boolean {
  if (e.kind === "constant") return e.value === 0;
  return e.kind === "apply" ? e.fn === "where" && e.args.every(onlyMoves) : true;
}
