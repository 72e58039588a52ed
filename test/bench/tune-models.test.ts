/** Tuning a training step: what is found is kept as it is found, whatever ends the tuning. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { tuneModels } from "../../src/bench/tune-models.ts";
import { IoError } from "../../src/gpu/errors.ts";
import { findModel, models } from "../../src/models/registry.ts";
import { InterruptedError, Interruption } from "../../src/train/interruption.ts";
import { variantsPath } from "../../src/train/variants.ts";
import { testDevice } from "../support/device.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("tuning a model");

const small = {
  entries: [findModel("vae", models)],
  settings: { network: "dense", width: "0.02", latent: "2" },
  batch: 1,
  seconds: 60,
  bytes: 2 ** 28,
};

test("an interruption ends it after a kernel, and that kernel is kept", async () => {
  const host = new MemoryHost();
  const interruption = new Interruption();
  const lines: string[] = [];
  const log = (line: string) => {
    lines.push(line);
    assert.is(interruption.request(), undefined, "it stops by itself");
  };
  await rejects(
    () => tuneModels(small, host, log, interruption),
    InterruptedError,
    /^interrupted; \/cache\/variants\/[a-z0-9-]+\.json holds what was found of 1 kernel$/,
  );
  assert.is(lines.length, 1);
  assert.match(lines[0] ?? "", /^1 of [1-9]\d* {2}matmul .+: .+ \(.+\)$/);
  assert.equal(host.paths(), [await variantsPath(host, await testDevice())]);
});

test("before anything is measured an interruption ends the process at once", async () => {
  const interruption = new Interruption();
  const host = new MemoryHost();
  assert.match(interruption.request()?.message ?? "", /^interrupted$/);
  await rejects(
    () => tuneModels(small, host, () => undefined, interruption),
    InterruptedError,
    /^interrupted; no kernel was measured$/,
  );
  assert.equal(host.paths(), []);
});

test("an unwritable cache costs the table, not the report", async () => {
  const host = new MemoryHost();
  host.failOn = "variants";
  const lines: string[] = [];
  const wanted = { ...small, seconds: 1 };
  const { tuned, unsaved } = await tuneModels(wanted, host, (line) => lines.push(line));
  assert.ok(tuned.length > 0);
  assert.instance(unsaved, IoError);
  assert.match(unsaved?.message ?? "", /no space left/);
  assert.is(
    lines.filter((line) => /^the winners are not kept: .+ no space left/.test(line)).length,
    1,
  );
});

test.run();
