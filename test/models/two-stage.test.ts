import { suite } from "uvu";
import * as assert from "uvu/assert";
import { square } from "../../src/autograd/ops/elementwise.ts";
import { sum } from "../../src/autograd/ops/sum.ts";
import { grad } from "../../src/autograd/tape.ts";
import { loadGlyphs } from "../../src/data/glyphs.ts";
import { DeviceImages } from "../../src/data/loader.ts";
import { readSafetensors } from "../../src/formats/safetensors.ts";
import { UsageError } from "../../src/gpu/errors.ts";
import { buildNetworks } from "../../src/models/networks.ts";
import { TwoStageVae } from "../../src/models/two-stage.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { learningRateSchedule } from "../../src/optim/schedules.ts";
import { tensor, variable } from "../../src/tensor/create.ts";
import { Calendar } from "../../src/train/calendar.ts";
import type { Plan } from "../../src/train/plan.ts";
import { learningRateFactorAt } from "../../src/train/training-plan.ts";
import { testDevice } from "../support/device.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { rejects } from "../support/rejects.ts";
import { metricsOf, trainInMemory } from "../support/training.ts";

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
    { ...texts, epochs: "4", "lr-schedule": "step:1:0.5", "lr-warmup": "1" },
    {},
    { ...settings, first: "0.5" },
    "two-stage",
  );
  const rates = metricsOf(host).flatMap(({ kind, learning_rate: rate }) =>
    kind === "epoch" ? [rate as number] : [],
  );
  assert.equal(rates, [0.01, 0.005, 0.01, 0.005], "it begins anew with the second stage");
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

test("a schedule over the run is one over each stage, and so is the warm-up", () => {
  const model = {
    stages: 2,
    stageAt: (epoch: number, epochs: number) => (epoch <= epochs - 4 ? 0 : 1),
  };
  const plan = (lrSchedule: string, lrWarmup: number) => {
    const options = { lrSchedule: learningRateSchedule(lrSchedule), lrWarmup };
    return { options, epochs: 6 } as unknown as Plan;
  };
  const near = (found: number, expected: number) =>
    assert.ok(Math.abs(found - expected) < 1e-9, `${found}, expected ${expected}`);
  const tens = new Calendar(10);
  const cosine = plan("cosine", 0);
  for (const [step, share] of [
    [1, 0],
    [11, 0.5],
    [20, 0.95],
    [21, 0],
    [41, 0.5],
    [60, 0.975],
  ] as const)
    near(learningRateFactorAt(cosine, model, tens, step), (1 + Math.cos(Math.PI * share)) / 2);
  const warm = plan("constant", 5);
  for (const [step, factor] of [
    [1, 0.2],
    [5, 1],
    [20, 1],
    [21, 0.2],
    [25, 1],
  ] as const)
    near(learningRateFactorAt(warm, model, tens, step), factor);
  // Of one stage, it is the whole run.
  near(learningRateFactorAt(cosine, {}, tens, 31), 0.5);
});

test("the bound is that of the model that samples, not of the first stage with its own prior", async () => {
  const device = await testDevice();
  const image = { height: 28, width: 28, channels: 1 };
  const images = new DeviceImages(device, loadGlyphs(4, 1).train, image);
  const batch = images.take(tensor(device, Uint32Array.of(0, 1, 2, 3)));
  const model = new TwoStageVae(device, new HostRandom(1), image, {
    ...{ network: "dense", latent: 3, beta: 2, width: 0.03, first: 0.5 },
  });
  const step = variable(device, Uint32Array.of(1), [1], "step");
  const terms = model.terms(batch, { seed: [1, 0], step, stream: 0 });
  const list = async (name: string) => [...(await terms[name]!.data())];
  const v = await model.posterior(batch).logVariance.data();
  const [loss, reconstruction, kl, again, secondKl, bound] = await Promise.all(
    ["loss", "reconstruction", "kl", "second-reconstruction", "second-kl", "bound"].map(list),
  );
  for (let i = 0; i < 4; i++) {
    const entropy = [0, 1, 2].reduce(
      (sum, d) => sum + (1 + Math.log(2 * Math.PI) + v[3 * i + d]!) / 2,
      0,
    );
    const near = (found: number, expected: number) =>
      assert.ok(Math.abs(found - expected) < 1e-3, `image ${i}: ${found}, expected ${expected}`);
    near(bound![i]!, reconstruction![i]! - entropy + again![i]! + secondKl![i]!);
    near(loss![i]!, reconstruction![i]! + 2 * kl![i]! + again![i]! + secondKl![i]!);
  }
});

for (const network of ["two-stage", "flex"] as const)
  test(`network=${network}: the decoder's batch norm has a γ and β for each flat unit`, async () => {
    const device = await testDevice();
    const options = { latent: 3, width: 0.03 };
    const image = { height: 10, width: 12, channels: 1 };
    const decoder = buildNetworks(network, device, new HostRandom(1), image, options).decoder();
    const filters = Math.round(128 * options.width);
    const flat = 3 * 3 * filters;
    const named = [...decoder.parameters(), ...decoder.buffers()];
    const shapes = Object.fromEntries(named.map(({ name, layout }) => [name, layout]));
    assert.not("3.bias" in shapes, "the batch norm's β is the layer's bias");
    // Permuted in checkpoints, as the outputs of the layer before it are.
    for (const name of ["4.weight", "4.bias", "4.running_mean", "4.running_var"])
      assert.equal(shapes[name], { kind: "vector", shape: [flat], flattenOut: [3, 3, filters] });
    const norm = named.find(({ name }) => name === "4.bias")!.tensor;
    const y = decoder.forward(tensor(device, new HostRandom(2).normal(12), [4, 3]));
    assert.equal(y.shape, [4, 10, 12, 1]);
    assert.is(grad(sum(square(y)), [norm])[0]!.size, flat);
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
