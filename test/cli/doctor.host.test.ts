import { suite } from "uvu";
import * as assert from "uvu/assert";
import { latentgradProcess, onlyLine } from "../support/command.ts";

const test = suite("doctor");

/** In a process, whose environment it shows; the tests' small tiles are none of its business. */
const doctor = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  latentgradProcess(["doctor", "--runtime", "node", ...args], {
    LATENTGRAD_ACCUMULATORS: "",
    ...env,
  });

test("says what there is, and that the adapter computes right", async () => {
  const { status, stdout, stderr } = await doctor(["--json"]);
  assert.is(status, 0, stderr);
  const found = JSON.parse(stdout);
  assert.is(found.runtime.runtime, "node");
  assert.ok(found.installed.includes("node"));
  assert.ok(found.adapter.name.length > 0);
  assert.ok(found.adapter.limits.maxBufferSize.offered >= found.adapter.limits.maxBufferSize.used);
  for (const speed of [found.speed.matmul, found.speed.copy]) {
    assert.ok(speed.rate > 0 && speed.milliseconds > 0);
    assert.is(speed.right, true);
  }
  assert.is(found.reads !== undefined, found.adapter.kind === "llvmpipe");
  assert.equal(found.datasets.map(({ name }: { name: string }) => name).slice(0, 6), [
    "glyphs",
    "shapes",
    "tones",
    "synthetic-8",
    "synthetic-16",
    "mnist",
  ]);
  assert.equal(found.environment.VK_DRIVER_FILES, undefined, "what it sets itself is not shown");
});

test("without an adapter it says all the rest, and ends with status 4", async () => {
  const nowhere = { LATENTGRAD_ADAPTER: "gpu", VK_ICD_FILENAMES: "none.json" };
  const result = await doctor(["--quiet"], nowhere);
  assert.is(result.status, 4, result.stderr);
  assert.match(onlyLine(result) ?? result.stderr, /^latentgrad: no gpu adapter in node/);
  assert.match(result.stdout, /^adapter {5}none: no gpu adapter/m);
  assert.match(result.stdout, /^environment LATENTGRAD_ADAPTER=gpu$/m);
  assert.match(result.stdout, /^data {8}glyphs: computed$/m);
});

test.run();
