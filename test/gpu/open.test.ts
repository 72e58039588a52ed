import { suite } from "uvu";
import * as assert from "uvu/assert";
import { add } from "../../src/autograd/ops/elementwise.ts";
import { detectRuntime } from "../../src/gpu/adapter-environment.ts";
import { NoAdapterError, UsageError } from "../../src/gpu/errors.ts";
import { openDevice } from "../../src/gpu/open.ts";
import { tensor } from "../../src/tensor/create.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("openDevice");

test("opens a device that computes, and says what it is", async () => {
  const device = await openDevice();
  assert.is(device.adapter.runtime, detectRuntime());
  assert.ok(device.adapter.name.length > 0);
  assert.is(device.isSoftware, device.adapter.kind !== "gpu");
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
