/** What is measured of other engines, and which of it a filter chooses. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { FoundPython } from "../../bench/peers/python.ts";
import { selectSides } from "../../bench/peers/select.ts";
import { allTasks, opShapes, taskFlops, taskName } from "../../bench/peers/tasks.ts";
import { nameOfCase } from "../../src/bench/kernel-case.ts";
import { kernelCases } from "../../src/bench/kernels.ts";
import { stepCases } from "../../src/bench/steps.ts";

const test = suite("tasks of the comparison with other engines");

/** Names of the engines that a filter chooses, with their tasks, where Python has PyTorch or has not. */
async function selected(filter: RegExp, python: FoundPython = { command: "python" }) {
  const { sides, leftOut } = await selectSides(
    (name) => filter.test(name),
    64,
    async () => python,
  );
  return { sides: sides.map(({ name, tasks }) => [name, tasks.map(taskName)]), leftOut };
}

test("a filter chooses engines and tasks by peer/ENGINE/WHAT", async () => {
  const chosen = async (filter: RegExp) => (await selected(filter)).sides;
  assert.equal(await chosen(/^peer\/tfjs-webgpu\/matmul\/512x512x512$/), [
    ["latentgrad", ["matmul/512x512x512"]],
    ["tfjs-webgpu", ["matmul/512x512x512"]],
  ]);
  assert.equal(
    (await chosen(/step/)).map(([name]) => name),
    ["latentgrad", "tfjs-webgpu", "jax-js-webgpu", "jax-js-wasm", "torch-cpu"],
  );
  assert.equal((await chosen(/step/))[0]?.[1], ["step/vae-conv/64", "step/vae-dense/64"]);
  assert.equal(
    (await chosen(/wasm\/matmul\/128/)).map(([name]) => name),
    ["latentgrad", "tfjs-wasm", "jax-js-wasm"],
  );
  assert.equal(await chosen(/^kernel\//), []);
  // Each engine has only what was asked of it; ours has all that any has.
  const mixed = await chosen(/tfjs-webgpu\/matmul\/256|jax-js-webgpu\/matmul\/512/);
  assert.equal(mixed, [
    ["latentgrad", ["matmul/256x256x256", "matmul/512x512x512"]],
    ["tfjs-webgpu", ["matmul/256x256x256"]],
    ["jax-js-webgpu", ["matmul/512x512x512"]],
  ]);
});

test("PyTorch is run by Python, at products and steps; without it that is one line", async () => {
  const steps = ["step/vae-conv/64", "step/vae-dense/64"];
  const { sides } = await selectSides(
    (name) => name.startsWith("peer/torch-cpu/"),
    64,
    async (modules) => ({ command: `python with ${modules}` }),
  );
  assert.equal(
    sides.map(({ name, python }) => [name, python]),
    [
      ["latentgrad", undefined],
      ["torch-cpu", "python with torch"],
    ],
  );
  const names = sides[1]?.tasks.map(taskName) ?? [];
  assert.equal(names.slice(0, 2), steps);
  assert.ok(names.slice(2).every((name) => name.startsWith("matmul/")));

  const absent = { reason: "no torch for python3" };
  const mixed = await selected(/(torch-cpu|tfjs-webgpu)\/step/, absent);
  assert.equal(mixed.sides, [
    ["latentgrad", steps],
    ["tfjs-webgpu", steps],
  ]);
  assert.is(mixed.leftOut.length, 1);
  assert.match(mixed.leftOut[0] ?? "", /^torch-cpu is left out: no torch for python3 \(apt-get /);
  assert.equal((await selected(/torch-cpu/, absent)).sides, []);
  // Nobody looks for Python where it is not wanted.
  assert.equal((await selected(/tfjs-webgpu/, absent)).leftOut, []);
});

test("an op or step is called what the rest of the benchmark calls it", () => {
  const known = new Set([
    ...kernelCases.map((kernel) => nameOfCase(kernel).replace(/^kernel\//, "")),
    ...stepCases.map(({ name }) => name),
  ]);
  for (const task of allTasks(128)) assert.ok(known.has(taskName(task)), taskName(task));
});

test("the tasks are the models' own, three directions a layer", () => {
  const names = allTasks(128).map(taskName);
  assert.is(new Set(names).size, names.length);
  assert.is(names.length, 2 + 6 + 3 * 5);
  assert.equal(names.slice(0, 2), ["step/vae-conv/128", "step/vae-dense/128"]);
  const conv = allTasks(128).filter((task) => task.kind === "conv");
  for (const task of conv) {
    const { first, second, result } = opShapes(task);
    // Whatever the direction, the three are the large image, the small one and the weights.
    const all = [first, second, result].map((shape) => shape.join("x")).sort();
    const { batch, large, small } = task;
    const expected = [
      [batch, large[0], large[0], large[1]],
      [batch, small[0], small[0], small[1]],
      [3, 3, large[1], small[1]],
    ];
    assert.equal(all, expected.map((shape) => shape.join("x")).sort());
    assert.is(Math.ceil(large[0] / task.stride), small[0]);
  }
  assert.is(taskFlops({ kind: "matmul", m: 100, k: 1000, n: 500 }), 1e8);
});

test.run();
