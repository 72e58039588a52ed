import { suite } from "uvu";
import * as assert from "uvu/assert";
import { advise, type Circumstances } from "../../src/doctor/advice.ts";

const test = suite("the doctor's advice");

/** A machine on which nothing is left to advise. */
const best: Circumstances = {
  runtime: "deno",
  system: "linux x86_64",
  kind: "gpu",
  installed: ["deno", "node", "chrome"],
  drivers: { gpuDevice: true, gpu: 1, llvmpipe: true },
  wanted: undefined,
  debug: false,
  missing: [],
};
const bare = { gpuDevice: false, gpu: 0, llvmpipe: false };
const advice = (change: Partial<Circumstances>) => advise({ ...best, ...change }).join("\n");

test("says nothing where all is well", () => {
  assert.is(advice({}), "");
  assert.is(advice({ runtime: "chrome", system: "macintosh", drivers: undefined }), "");
});

test("names the package that brings llvmpipe, only where it is missing", () => {
  const swiftshader = { kind: "swiftshader", drivers: bare } as const;
  assert.match(advice(swiftshader), /apt install mesa-vulkan-drivers/);
  const installed = { ...swiftshader, drivers: { ...bare, llvmpipe: true } };
  assert.not.match(advice(installed), /apt install/);
  assert.match(advice({ ...installed, runtime: "node" }), /--runtime deno takes llvmpipe/);
  assert.not.match(advice({ ...installed, runtime: "deno" }), /--runtime deno/);
  const page = { ...swiftshader, runtime: "chrome", system: "x11; linux x86_64" };
  assert.match(advice({ ...page, drivers: undefined }), /--runtime deno takes llvmpipe/);
  assert.not.match(advice({ ...swiftshader, system: "windows x64" }), /mesa/);
});

test("a GPU without a driver, a chosen adapter, and debugging are named first", () => {
  const llvmpipe = { kind: "llvmpipe", drivers: { ...bare, gpuDevice: true } } as const;
  assert.match(advice(llvmpipe), /^a GPU is there, but no Vulkan driver/);
  assert.match(advice({ ...llvmpipe, wanted: "llvmpipe" }), /^LATENTGRAD_ADAPTER=llvmpipe is set/);
  assert.match(advice({ debug: true }), /^LATENTGRAD_DEBUG is set/);
  assert.match(advice({ kind: "llvmpipe", drivers: bare }), /a GPU with a Vulkan driver/);
});

test("runtimes and data that are missing", () => {
  assert.match(advice({ runtime: "node", installed: ["node"] }), /^npm install deno/);
  assert.is(
    advice({ missing: ["mnist"] }),
    "the data set mnist is not here: latentgrad datasets --download mnist",
  );
});

test.run();
