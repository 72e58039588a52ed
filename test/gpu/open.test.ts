import { suite } from "uvu";
import * as assert from "uvu/assert";
import { add } from "../../src/autograd/ops/elementwise.ts";
import { requestAdapter } from "../../src/gpu/adapter.ts";
import { detectRuntime } from "../../src/gpu/adapter-environment.ts";
import type { Device } from "../../src/gpu/device.ts";
import { NoAdapterError, UsageError } from "../../src/gpu/errors.ts";
import { openDevice } from "../../src/gpu/open.ts";
import { tensor } from "../../src/tensor/create.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("openDevice");

test("opens a device that computes, and says what it is", async () => {
  const device = await openDevice();
  assert.is(device.adapter.runtime, detectRuntime());
  assert.ok(device.adapter.name.length > 0);
  assert.is(device.target.software, device.adapter.kind !== "gpu");
  const sum = add(tensor(device, [1, 2, 3]), tensor(device, [10, 20, 30]));
  assert.equal([...(await sum.data())], [11, 22, 33]);
  device.close();
});

test("asks for the default limits, or for larger buffers and nothing else", async () => {
  const plain = await openDevice({ limits: "default" });
  assert.is(plain.limits.maxBufferSize, 2 ** 28);
  assert.is(plain.limits.maxStorageBufferBindingSize, 2 ** 27);
  const used = await openDevice({ limits: "used" });
  assert.ok(used.limits.maxBufferSize >= 2 ** 28 && used.limits.maxBufferSize <= 2 ** 30);
  for (const device of [plain, used]) {
    assert.is(device.limits.maxStorageBuffersPerShaderStage, 8);
    assert.is(device.limits.maxComputeWorkgroupStorageSize, 16384);
    assert.is(device.limits.maxComputeInvocationsPerWorkgroup, 256);
    assert.is(device.limits.maxComputeWorkgroupsPerDimension, 65535);
    device.close();
  }
});

test("has no optional feature unless asked for it", async () => {
  const device = await openDevice({ features: [] });
  assert.equal(device.has, { f16: false, subgroups: false });
  device.close();
});

/** Opens a device under a LATENTGRAD_FEATURES of one's own. */
async function withFeatures(text: string, features?: readonly GPUFeatureName[]): Promise<Device> {
  const holder = globalThis as { LATENTGRAD_ENV?: Readonly<Record<string, string>> };
  const kept = holder.LATENTGRAD_ENV as Readonly<Record<string, string>>; // the harness sets it
  holder.LATENTGRAD_ENV = { ...kept, LATENTGRAD_FEATURES: text };
  try {
    return await openDevice(features ? { features } : {});
  } finally {
    holder.LATENTGRAD_ENV = kept;
  }
}

test("gets the optional features that it is asked for where the adapter has them", async () => {
  const { adapter } = await requestAdapter();
  const [f16, subgroups] = [adapter.features.has("shader-f16"), adapter.features.has("subgroups")];
  const cases = [
    { got: await openDevice({ features: ["shader-f16"] }), want: { f16, subgroups: false } },
    { got: await openDevice({ features: ["subgroups"] }), want: { f16: false, subgroups } },
    { got: await withFeatures("f16"), want: { f16, subgroups: false } },
    { got: await withFeatures(" subgroups, f16"), want: { f16, subgroups } },
    { got: await withFeatures(""), want: { f16: false, subgroups: false } },
    { got: await withFeatures("f16,subgroups", []), want: { f16: false, subgroups: false } },
  ];
  for (const { got, want } of cases) {
    assert.equal(got.has, want);
    got.close();
  }
  await rejects(
    () => withFeatures("f16,f64"),
    UsageError,
    /^LATENTGRAD_FEATURES names "f64": it takes f16, subgroups, with commas between$/,
  );
});

test("refuses options that mean nothing", async () => {
  await rejects(() => openDevice({ debug: 4 }), UsageError, /debug level is 0, 1, 2 or 3, not 4/);
  const limits = "huge" as "used";
  await rejects(() => openDevice({ limits }), UsageError, /default or used, not "huge"/);
});

test("without an adapter, or with one that gives no device, one line says so", async () => {
  const none = { requestAdapter: async () => null } as unknown as GPU;
  await rejects(() => openDevice({ gpu: none, prefer: "auto" }), NoAdapterError, /no WebGPU/);
  const adapter = {
    info: { vendor: "", architecture: "", device: "", description: "broken adapter" },
    limits: { maxBufferSize: 1, maxStorageBufferBindingSize: 1 },
    features: new Set(),
    requestDevice: () => Promise.reject(new Error("out of order")),
  };
  const broken = { requestAdapter: async () => adapter } as unknown as GPU;
  await rejects(
    () => openDevice({ gpu: broken, prefer: "auto" }),
    NoAdapterError,
    /broken adapter gives no device: out of order/,
  );
});

test.run();
