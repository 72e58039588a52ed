import { readdirSync, readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { detectRaces } from "wgsl_reflect/wgsl_reflect.module.js";
import type { Ladder } from "../../src/bench/ladder.ts";
import { convWeightGradientLadder } from "../../src/bench/ladders/conv-weight-gradient.ts";
import { matmulLadder } from "../../src/bench/ladders/matmul.ts";
import { ladders } from "../../src/bench/ladders/registry.ts";
import { ideaOf } from "../../src/bench/ladders/step.ts";
import type { Device } from "../../src/gpu/device.ts";
import { targetOf } from "../../src/gpu/target.ts";
import { Value } from "../../src/gpu/value.ts";
import { numbers } from "../support/products.ts";

const test = suite("files of the ladders");

const folderOf = (ladder: string): string => `shaders/ladder/${ladder.replaceAll("-", "_")}`;
const filesOf = (ladder: string): string[] => readdirSync(folderOf(ladder)).sort();

for (const [name, make] of Object.entries(ladders)) {
  test(`${name}: rungs are numbered without gaps, and each file is one`, () => {
    const { small, large } = make();
    const names = large.rungs.map((rung) => rung.name);
    assert.equal(
      small.rungs.map((rung) => rung.name),
      names,
    );
    for (const [i, rung] of names.entries())
      assert.is(rung.slice(0, 3), `${String(i + 1).padStart(2, "0")}_`, rung);
    const files = filesOf(name);
    assert.equal(
      files,
      names.slice(0, files.length).map((rung) => `${rung}.wgsl`),
    );
    const rest = names.slice(files.length);
    assert.ok(rest.length > 0, "the engine's kernels stand at the end");
    for (const rung of rest) assert.match(rung, /_engine/);
  });

  test(`${name}: each file begins with its step's number and idea`, () => {
    const { rungs } = make().large;
    for (const [i, file] of filesOf(name).entries()) {
      const text = readFileSync(`${folderOf(name)}/${file}`, "utf8");
      assert.is(text.match(/^\/\/ Step (\d+), /m)?.[1], String(i + 1), file);
      assert.is(rungs[i]!.idea, ideaOf(text), file);
      const header = text.slice(0, text.indexOf("\n\n")).split("\n");
      assert.ok(header.every((line) => line.startsWith("//")) && header.length <= 12, file);
    }
  });
}

/** The text of a rung for its shape, as compiled, and its first result by a lockstep interpreter. */
function interpret(ladder: Ladder, name: string, change = (code: string) => code) {
  const rung = ladder.rungs.find((r) => r.name === name)!;
  // These texts follow from what the adapter is good at.
  const target = targetOf("other", { f16: false, subgroups: false });
  const device = { target } as Device;
  const value = (size: number) => new Value(device, "f32", size, "operand");
  const [call] = rung.calls(ladder.inputs.map(value), value(ladder.output));
  const { code, workgroups } = call!.kernel();
  const inputs = ladder.inputs.map((length, i) => numbers(length, i + 1));
  const output = new Float32Array(ladder.output);
  const group = { 0: inputs[0]!, 1: inputs[1]!, 2: output };
  const { races, errors } = detectRaces(change(code), "main", [...workgroups], { 0: group });
  return { races, errors, output, inputs };
}

const conv = {
  ...{ batch: 5, inH: 4, inW: 3, inC: 4, outH: 3, outW: 2, outC: 8 },
  ...{ kernelH: 2, kernelW: 2, strideH: 1, strideW: 1, padTop: 0, padLeft: 0 },
};
const barriers = [
  { name: "11_workgroup_memory", ladder: matmulLadder({ m: 19, n: 13, k: 18 }), count: 2 },
  { name: "07_workgroup_sum", ladder: convWeightGradientLadder(conv), count: 1 },
];

for (const { name, ladder, count } of barriers) {
  test(`${name} has no races, and is right in lockstep`, () => {
    const { races, errors, output, inputs } = interpret(ladder, name);
    assert.equal(errors, []);
    assert.is(races.length, 0);
    for (const [at, got] of output.entries()) {
      const { sum, size } = ladder.reference(inputs, at);
      assert.ok(Math.abs(got - sum) <= 2e-6 * size + 1e-7, `element ${at}: ${got}, not ${sum}`);
    }
  });

  test(`${name} has races without any of its barriers`, () => {
    for (let dropped = 0; dropped < count; dropped++) {
      const drop = (code: string) => {
        const parts = code.split("workgroupBarrier();");
        assert.is(parts.length, count + 1);
        return parts.reduce((all, part, i) =>
          i === dropped + 1 ? `${all}${part}` : `${all}workgroupBarrier();${part}`,
        );
      };
      assert.ok(interpret(ladder, name, drop).races.length > 0, `barrier ${dropped}`);
    }
  });
}

test("all files with barriers are among these", () => {
  const found = Object.keys(ladders).flatMap((ladder) =>
    filesOf(ladder).filter((file) =>
      readFileSync(`${folderOf(ladder)}/${file}`, "utf8").includes("Barrier()"),
    ),
  );
  assert.equal(found.sort(), barriers.map(({ name }) => `${name}.wgsl`).sort());
});

test.run();
