import { suite } from "uvu";
import * as assert from "uvu/assert";
import { UsageError } from "../../src/gpu/errors.ts";
import { readSafetensors } from "../../src/train/safetensors.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { rejects } from "../support/rejects.ts";
import { trainInMemory } from "../support/training.ts";

const test = suite("two stages");

const settings = { network: "two-stage", latent: "3", width: "0.02", "learning-rate": "0.01" };
const texts = { batch: "16", overfit: "64", keep: "9" } as const;

async function checkpoints(host: MemoryHost, epochs: number) {
  const read = async (epoch: number) => {
    const path = `r/checkpoints/epoch-${String(epoch).padStart(6, "0")}.safetensors`;
    return (await readSafetensors(host.files.get(path)!, path)).tensors;
  };
  return Promise.all(Array.from({ length: epochs }, (_, i) => read(i + 1)));
}

test("the first stage stays as it is while the second is trained", async () => {
  const host = new MemoryHost();
  await trainInMemory(
    host,
    { ...texts, epochs: "4" },
    {},
    { ...settings, first: "0.5" },
    "two-stage",
  );
  const [one, two, three, four] = await checkpoints(host, 4);
  const changed = (a = one!, b = two!) =>
    [...a.keys()].filter((name) => {
      const [x, y] = [a.get(name)!.data, b.get(name)!.data];
      return !name.startsWith("optimiser.") && x.some((value, i) => value !== y[i]);
    });
  const isSecond = (name: string) => name.startsWith("second.");
  const before = changed(one, two);
  assert.ok(before.length > 0 && !before.some(isSecond), `${before}`);
  assert.ok(before.some((name) => name.endsWith("running_mean")));
  for (const after of [changed(two, three), changed(three, four)])
    assert.ok(after.length > 0 && after.every(isSecond), `${after}`);
});

test("the second stage's optimiser begins anew", async () => {
  const host = new MemoryHost();
  // One step an epoch, so that the third epoch is the first step of the second stage.
  const single = { ...texts, batch: "64", epochs: "3" } as const;
  await trainInMemory(host, single, {}, { ...settings, first: "0.7" }, "two-stage");
  const [, two, three] = await checkpoints(host, 3);
  const [before, after] = [two!, three!].map((tensors) => tensors.get("second.output.bias")!.data);
  for (const [i, x] of before!.entries()) {
    // The first step of Adam is the learning rate, whatever the gradient.
    const moved = Math.abs(after![i]! - x);
    assert.ok(Math.abs(moved - 0.01) < 1e-4, `${i} moved by ${moved}`);
  }
});

test("an end before the second stage is refused", async () => {
  for (const [more, pattern] of [
    [{ epochs: "1" }, /^two-stage: 1 epoch is not enough for 2 stages$/],
    [{ epochs: "4", patience: "2" }, /^--patience: two-stage is trained in stages/],
  ] as const) {
    const host = new MemoryHost();
    await rejects(
      () => trainInMemory(host, { ...texts, ...more }, {}, settings, "two-stage"),
      UsageError,
      pattern,
    );
    assert.equal(host.paths(), []);
  }
});

test.run();
