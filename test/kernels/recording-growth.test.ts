/** Passes over a recorded list look at each item so often, however long the list is. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { relu } from "../../src/autograd/ops/elementwise.ts";
import { matmul } from "../../src/autograd/ops/matmul.ts";
import { sum } from "../../src/autograd/ops/sum.ts";
import { grad } from "../../src/autograd/tape.ts";
import type { Item } from "../../src/gpu/call.ts";
import type { Device } from "../../src/gpu/device.ts";
import { planMemory } from "../../src/gpu/liveness.ts";
import { type Optimiser, Program } from "../../src/gpu/program.ts";
import type { Step } from "../../src/gpu/step.ts";
import { gatherFills } from "../../src/gpu/texture-plan.ts";
import type { TextureCopy } from "../../src/gpu/textures.ts";
import { fuse } from "../../src/kernels/fusion.ts";
import { mergeSums } from "../../src/kernels/merge-sums.ts";
import { parameter, variable } from "../../src/tensor/create.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../support/device.ts";

const test = suite("growth of a recording");

/** Twice the items take at most so many times as much. */
const MOST = 2.5;
const SIZES = [100, 750, 1500, 3000] as const;

let device: Device;
test.before(async () => {
  device = await testDevice();
});

/** Objects that count how often what they read, write or fill is looked at. */
function counted<T extends object>(objects: readonly T[], look: () => void): T[] {
  const looked = /^(inputs|outputs|updates|target|fills|textures|written)$/;
  return objects.map(
    (object) =>
      new Proxy(object, {
        get(of, name) {
          if (looked.test(String(name))) look();
          return Reflect.get(of, name);
        },
      }),
  );
}

/** How often items are looked at for each that is recorded, and how many those are. */
async function looksOf(
  body: () => readonly Tensor[],
  passes: (items: readonly Item[]) => void,
): Promise<{ looks: number; items: number }> {
  let [looks, items] = [0, 0];
  const optimise: Optimiser = (recorded) => {
    items = recorded.length;
    const seen = counted(recorded, () => looks++);
    looks = 0;
    passes(seen);
    throw new Error("nothing is to be compiled");
  };
  const values = (tensors: readonly Tensor[]) => tensors.map((t) => t.value);
  await Program.record(device, body, values, optimise).then(
    () => assert.unreachable(),
    (error: Error) => assert.is(error.message, "nothing is to be compiled"),
  );
  return { looks, items };
}

/** A deep network whose layers' results are all read by their gradients, with maps here and there. */
function network(items: number): () => readonly Tensor[] {
  const w = parameter(device, new Float32Array(16), [4, 4], "w");
  const x = variable(device, new Float32Array(16), [4, 4], "x");
  return () => {
    let h: Tensor = x;
    for (let k = 0; k < items / 4; k++) h = matmul(k % 3 === 0 ? relu(h) : h, w);
    return [...grad(sum(h), [w]).map((g) => g as Tensor), h];
  };
}

test("fusing, merging sums and planning memory grow with the list", async () => {
  const measured: { looks: number; items: number }[] = [];
  for (const size of SIZES)
    measured.push(
      await looksOf(network(size), (recorded) => {
        const keep = new Set(recorded.slice(-1).flatMap((item) => [...item.inputs]));
        const merged = mergeSums(fuse(recorded, keep), keep);
        assert.ok(merged.length < recorded.length);
        planMemory(merged, keep, true);
      }),
    );
  for (const [i, { looks, items }] of measured.entries()) {
    const before = measured[i - 1];
    if (!before) continue;
    const most = MOST ** Math.log2(items / before.items);
    const ratio = looks / before.looks;
    assert.ok(ratio < most, `${before.items} to ${items} items: ${ratio} times, ${most} at most`);
  }
});

/** Dispatches that read one weight each through a texture, in front of them one that writes it. */
function dispatches(count: number): Step[] {
  const storage = () => ({ buffer: {} as GPUBuffer, offset: 0, bytes: 16, owner: {} });
  const weights = Array.from({ length: count }, storage);
  return Array.from({ length: count }, (_, i) => {
    const fill: TextureCopy = { from: weights[i]!, texture: {} as GPUTexture };
    const fills = i % 2 === 0 ? [fill] : [];
    return {
      kind: "dispatch",
      textures: [fill],
      fills,
      written: [{ storage: storage() }],
    } as unknown as Step;
  });
}

test("moving fills grows with the steps", () => {
  const looksAt = (count: number) => {
    let looks = 0;
    const gathered = gatherFills(counted(dispatches(count), () => looks++));
    assert.is(
      gathered.filter((step) => step.kind === "dispatch" && step.fills.length > 0).length,
      1,
    );
    return looks;
  };
  for (const size of SIZES.slice(1)) {
    const ratio = looksAt(size) / looksAt(size / 2);
    assert.ok(ratio < MOST, `${size} steps: ${ratio} times those of half`);
  }
});

test.run();
