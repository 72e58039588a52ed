import { suite } from "uvu";
import * as assert from "uvu/assert";
import { mul } from "../../src/autograd/ops/elementwise.ts";
import { sum } from "../../src/autograd/ops/sum.ts";
import { grad } from "../../src/autograd/tape.ts";
import { loadGlyphs } from "../../src/data/datasets.ts";
import { DeviceImages } from "../../src/data/loader.ts";
import type { DualAae } from "../../src/models/dual-aae.ts";
import { dualAae } from "../../src/models/dual-aae.ts";
import { resolveSettings } from "../../src/models/settings.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { tensor, variable } from "../../src/tensor/create.ts";
import { testDevice } from "../support/device.ts";

const test = suite("dual-latent AAE");

const count = 6;
const sizes = { width: "0.05", content: "3", style: "2" };

async function build(settings: Record<string, string> = {}) {
  const device = await testDevice();
  const { train } = loadGlyphs(count, 1);
  const images = new DeviceImages(device, train, { height: 28, width: 28, channels: 1 });
  const batch = images.take(
    tensor(
      device,
      Uint32Array.from({ length: count }, (_, i) => i),
    ),
  );
  const data = { height: 28, width: 28, channels: 1, classes: 10, attributes: { style: 9 } };
  const resolved = resolveSettings(dualAae, { ...sizes, ...settings });
  const model = dualAae.build(device, new HostRandom(2), data, resolved) as DualAae;
  const step = variable(device, Uint32Array.of(1), [1], "step");
  return { device, model, batch, key: { seed: [1, 0], step, stream: 0 } as const };
}

test("the loss is the weighted sum of its terms, and every weight counts", async () => {
  const weights = {
    "reconstruction-weight": "2",
    "adversarial-weight": "3",
    "class-weight": "5",
    "style-weight": "7",
    "contrastive-weight": "11",
  };
  const { model, batch, key } = await build(weights);
  const terms = model.terms(batch, key);
  const values = new Map<string, Float32Array>();
  for (const [name, term] of Object.entries(terms)) values.set(name, await term.data());
  const at = (name: string, i: number) => values.get(name)![i] as number;
  for (let i = 0; i < count; i++) {
    const expected =
      2 * at("reconstruction", i) +
      3 * at("adversarial", i) +
      5 * at("class", i) +
      7 * at("style", i) +
      11 * at("contrastive", i);
    assert.ok(Math.abs(at("loss", i) - expected) < 1e-4 * expected, `${at("loss", i)} ${expected}`);
  }
});

test("the classifiers see one code each", async () => {
  const { model, batch, key } = await build();
  const terms = model.terms(batch, key);
  for (const [term, own, other] of [
    ["class", "contentHead.weight", "styleHead.weight"],
    ["style", "styleHead.weight", "contentHead.weight"],
  ] as const) {
    const slope = (name: string) => {
      const { tensor: weight } = model.parameters().find((p) => p.name === name)!;
      return grad(sum(terms[term]!), [weight])[0]!;
    };
    assert.ok((await slope(own).data()).some((x) => x !== 0));
    assert.throws(() => slope(other), /^grad: the output does not depend on/);
  }
});

test("with skips the decoder sees the maps of some images in training, and of none otherwise", async () => {
  const { device, model, batch, key } = await build({ skip: "true" });
  const z = model.encode(batch);
  const alone = await model.decode(z).data();
  const images = (values: Float32Array) =>
    Array.from({ length: count }, (_, i) => `${values.slice(i * 784, (i + 1) * 784)}`);
  const errors = async () => [...(await model.terms(batch, key).reconstruction!.data())];
  const x = await batch.x.data();
  const codesOnly = images(alone).map((_, i) => {
    let total = 0;
    for (let p = i * 784; p < (i + 1) * 784; p++) total += (alone[p]! - x[p]!) ** 2;
    return total;
  });
  const same = (found: number[]) =>
    found.map((error, i) => Math.abs(error - codesOnly[i]!) < 1e-3 * codesOnly[i]!);
  model.train(false);
  assert.ok(same(await errors()).every(Boolean));
  model.train(true);
  const trained = same(await errors());
  assert.ok(trained.some(Boolean) && !trained.every(Boolean), `${trained}`);
  device.release(z.value);
});

test("a decoder with skips sees the maps of both levels, and no others", async () => {
  const { model, batch } = await build({ skip: "true", deeper: "true" });
  const z = model.encode(batch);
  const { maps } = model.encoder.see(batch.x);
  const without = maps.map((map) => mul(map, 0)) as unknown as typeof maps;
  const pictures = async (seen: typeof maps) => `${await model.decoder.decode(z, seen).data()}`;
  const whole = await pictures(maps);
  const none = await pictures(without);
  const single = [await pictures([maps[0], without[1]]), await pictures([without[0], maps[1]])];
  assert.is(new Set([whole, none, ...single]).size, 4);
  assert.is(`${await model.decoder.decode(z).data()}`, none);
});

test.run();
