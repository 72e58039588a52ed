/** What a device finds out when it is opened about its loads. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openDevice } from "../../src/gpu/open.ts";
import { measureReads } from "../../src/gpu/read-probe.ts";
import { testDevice } from "../support/device.ts";
import { FREE } from "../support/read-costs.ts";

const test = suite("what loads cost");

test("it is measured once for an adapter, and only where loads may be slow", async () => {
  const [first, second] = [await openDevice(), await openDevice()];
  first.close();
  second.close();
  const { costs } = first.target.textures;
  assert.equal(second.target.textures.costs, costs, "devices of a process agree");
  if (first.adapter.kind !== "llvmpipe") {
    assert.is(costs, undefined);
    return;
  }
  assert.ok(costs);
  for (const [name, ns] of Object.entries(costs))
    assert.ok(Number.isFinite(ns) && ns >= 0, `${name} ${ns}`);
  for (const name of ["number", "vector", "texel", "channel"] as const)
    assert.ok(costs[name] > 0, name);
  // Nothing of the measurement is in the device's accounts.
  assert.is(first.submits, 0);
  assert.is(first.pool.statistics().created, 0);
  assert.is(first.pipelines.compiled, 0);
});

test("what is stated is taken instead", async () => {
  const stated = await openDevice({ target: { costs: FREE } });
  const none = await openDevice({ target: { costs: null } });
  stated.close();
  none.close();
  assert.equal(stated.target.textures.costs, FREE);
  assert.is(none.target.textures.costs, undefined);
});

/** A device but for some of its members. */
function like(gpu: GPUDevice, members: object): GPUDevice {
  return new Proxy(gpu, {
    get(target, name) {
      if (name in members) return (members as Record<PropertyKey, unknown>)[name];
      const member = Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

test("a device that compiles no storage textures, or has no timestamps, reads buffers", async () => {
  const { gpu } = await testDevice();
  const refuses = { createComputePipelineAsync: () => Promise.reject(new Error("no such type")) };
  assert.equal(await measureReads(like(gpu, refuses)), { reads: "sampled", costs: undefined });
  const without = { features: new Set() };
  assert.equal(await measureReads(like(gpu, without)), { reads: "storage", costs: undefined });
});

test.run();
