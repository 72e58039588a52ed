import { readdirSync, readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { WgslReflect } from "wgsl_reflect/wgsl_reflect.module.js";
import type { Call } from "../../src/gpu/call.ts";
import type { Device } from "../../src/gpu/device.ts";
import { openDevice } from "../../src/gpu/open.ts";
import { Value } from "../../src/gpu/value.ts";
import { conv2dCalls, conv2dInputGradientCalls } from "../../src/kernels/conv2d.ts";
import { conv2dSubgroupsCalls } from "../../src/kernels/conv2d-subgroups.ts";
import { conv2dWeightGradientCalls } from "../../src/kernels/conv2d-weight-gradient.ts";
import { apply, input } from "../../src/kernels/expression.ts";
import { type Epilogue, facetOf } from "../../src/kernels/facets.ts";
import { matmulCalls } from "../../src/kernels/matmul.ts";
import { matmulSubgroupsCalls } from "../../src/kernels/matmul-subgroups.ts";
import { contiguousView } from "../../src/kernels/view.ts";
import { same } from "../support/conv-cases.ts";
import { directions } from "../support/conv-tiled.ts";

const test = suite("shader files");

const names = readdirSync("shaders", { recursive: true })
  .map(String)
  .filter((name) => name.endsWith(".wgsl"));
const read = (name: string): string => readFileSync(`shaders/${name}`, "utf8");

/** Access of each binding of group 0, in order. */
function bindings(code: string): string[] {
  const [group = []] = new WgslReflect(code).getBindGroups();
  return [...group].map((variable) =>
    variable?.type.name.startsWith("texture") ? "texture" : (variable?.access ?? "missing"),
  );
}

test("are WGSL as they stand", () => {
  assert.ok(names.length > 5);
  for (const name of names) {
    const reflected = new WgslReflect(read(name));
    const entries = reflected.entry.compute;
    assert.ok(entries.length <= 1, `${name} has one entry point`);
    if (entries.length === 1) assert.is(entries[0]!.name, "main", name);
  }
});

test("bind group 0 without gaps, what is read before what is written", () => {
  for (const name of names) {
    const access = bindings(read(name));
    assert.not(access.includes("missing"), `${name} has a gap in its bindings`);
    const order = ["texture", "read", "read_write"];
    const sorted = [...access].sort((a, b) => order.indexOf(a) - order.indexOf(b));
    assert.equal(sorted, access, `${name} binds ${access.join(", ")}`);
  }
});

test("compile as they stand, where they are whole", async () => {
  const device = await openDevice({ features: ["subgroups", "shader-f16"] });
  for (const name of names) {
    const code = read(name);
    // Marks that the host replaces by bindings and statements.
    if (code.includes("//@insert") || !code.includes("@compute")) continue;
    if (/^enable f16;/m.test(code) && !device.has.f16) continue;
    if (/^enable subgroups;/m.test(code) && !device.has.subgroups) continue;
    const module = device.gpu.createShaderModule({ code, label: name });
    const { messages } = await module.getCompilationInfo();
    const errors = messages.filter((m) => m.type === "error");
    assert.equal(
      errors.map((m) => `${name}:${m.lineNum}: ${m.message}`),
      [],
    );
  }
  device.close();
});

/** Calls of every kernel with bindings of its own, with and without an epilogue. */
function calls(device: Device): Call[] {
  const value = () => new Value(device, "f32", 16, "operand");
  const g = same(1, 4, 4, 4, 3, 1);
  const m = { batch: 1, m: 4, n: 4, k: 4, transposeA: false, transposeB: true };
  const plain = [
    ...matmulCalls("matmul", value(), value(), m, value(), "registers"),
    ...matmulCalls("matmul", value(), value(), m, value(), "tiled"),
    ...matmulSubgroupsCalls("matmul", value(), value(), m, value()),
    ...conv2dCalls("conv2d", value(), value(), g, value()),
    ...conv2dInputGradientCalls("conv2d", value(), value(), g, value()),
    ...conv2dWeightGradientCalls("conv2d", value(), value(), g, value()),
    ...["forward", "input gradient", "weight gradient"].flatMap((direction) => [
      ...directions[direction]!.calls(value(), value(), g, value()),
    ]),
    ...(["forward", "input gradient", "weight gradient"] as const).flatMap((direction) =>
      conv2dSubgroupsCalls("conv2d", direction, value(), value(), g, value(), {
        ...{ family: "subgroups", rows: 4, cols: 1, splits: 1, half: false },
      }),
    ),
  ];
  const fused = plain.flatMap((call) => {
    const facet = facetOf(call);
    if (facet?.kind !== "kernel" || !facet.withEpilogue || !facet.result) return [];
    const output = value();
    const shape = [facet.result.size];
    const views = [facet.result, value(), value()].map((v) => contiguousView(v, shape));
    const expression = apply("add", apply("mul", input(0), input(1)), input(2));
    const epilogue: Epilogue = { shape, inputs: views, hole: facet.result, expression, output };
    return [facet.withEpilogue(epilogue)];
  });
  assert.ok(fused.length >= 9, "every kernel takes an epilogue");
  return [...plain, ...fused];
}

test("are bound by the host in the order of their bindings", async () => {
  const device = await openDevice();
  for (const call of calls(device)) {
    const { name, code } = call.kernel();
    const textures = call.textures ?? [];
    const expected = [
      ...call.inputs.map((_, i) => (textures.includes(i) ? "texture" : "read")),
      ...call.outputs.map(() => "read_write"),
    ];
    assert.equal(bindings(code), expected, `${name} with ${call.inputs.length} inputs`);
  }
  device.close();
});

test.run();
