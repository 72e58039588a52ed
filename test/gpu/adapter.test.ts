import { suite } from "uvu";
import * as assert from "uvu/assert";
import { requestAdapter } from "../../src/gpu/adapter.ts";
import { detectRuntime, readEnvironment } from "../../src/gpu/adapter-environment.ts";
import { NoAdapterError, UsageError } from "../../src/gpu/errors.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("adapter");

test("is found, with its kind and the runtime's name", async () => {
  const found = await requestAdapter();
  assert.ok(["gpu", "llvmpipe", "swiftshader"].includes(found.kind), found.kind);
  assert.is(found.runtime, detectRuntime());
  assert.ok(found.name.length > 0);
  const wanted = readEnvironment("LATENTGRAD_ADAPTER");
  if (wanted && wanted !== "auto") assert.is(found.kind, wanted);
});

test("an unknown preference is a usage error", async () => {
  const prefer = "voodoo" as "auto";
  await rejects(() => requestAdapter({ prefer }), UsageError, /unknown adapter "voodoo": use auto/);
});

test("none is one line that says what to do", async () => {
  const gpu = { requestAdapter: async () => null } as unknown as GPU;
  await rejects(() => requestAdapter({ gpu }), NoAdapterError, /no WebGPU adapter in \w+: \w+/);
});

test("a software adapter does not pass for a GPU", async () => {
  const info = { vendor: "", architecture: "", device: "", description: "llvmpipe (LLVM 15.0.6)" };
  const gpu = { requestAdapter: async () => ({ info }) } as unknown as GPU;
  await rejects(
    () => requestAdapter({ gpu, prefer: "gpu" }),
    NoAdapterError,
    /no gpu adapter in \w+ \(found llvmpipe/,
  );
  assert.is((await requestAdapter({ gpu, prefer: "llvmpipe" })).kind, "llvmpipe");
});

test.run();
