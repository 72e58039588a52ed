/** Tuning a training step: what is found is kept as it is found, whatever ends the tuning. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { kernelsOfStep } from "../../src/bench/step.ts";
import { IoError } from "../../src/gpu/errors.ts";
import { formatTuningKey } from "../../src/gpu/variant-table.ts";
import { InterruptedError, Interruption } from "../../src/host/interruption.ts";
import { findModel, models } from "../../src/models/registry.ts";
import { tuneModels } from "../../src/tune/tune-models.ts";
import { readTable, variantsPath, writeTable } from "../../src/tune/variant-files.ts";
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
    () => tuneModels(small, host, kernelsOfStep, log, interruption),
    InterruptedError,
    /^interrupted; \/cache\/variants\/[a-z0-9-]+\.json holds what was found of 1 kernel$/,
  );
  assert.is(lines.length, 1);
  assert.match(lines[0] ?? "", /^1 of [1-9]\d* {2}matmul .+: .+ \(.+\)$/);
  assert.equal(host.paths(), [await variantsPath(host, await testDevice())]);
});

test("goes on where an earlier tuning ended, and measures again what is asked again", async () => {
  const host = new MemoryHost();
  const device = await testDevice();
  /** Tunes until so many kernels more are done. */
  const tuneSome = async (count: number, again: boolean): Promise<string[]> => {
    const interruption = new Interruption();
    const lines: string[] = [];
    const log = (line: string) => {
      lines.push(line);
      if (lines.filter((text) => / {2}matmul /.test(text)).length === count) interruption.request();
    };
    await tuneModels({ ...small, again }, host, kernelsOfStep, log, interruption).catch((error) => {
      if (!(error instanceof InterruptedError)) throw error;
    });
    return lines;
  };
  const nameOf = (line = "") => /matmul [^:]*/.exec(line)?.[0];
  const [first] = await tuneSome(1, false);
  const [all] = /\d+(?= {2})/.exec(first ?? "") ?? [];
  const [known, second] = await tuneSome(1, false);
  assert.is(known, `1 of ${all} kernels were measured before`);
  assert.match(second ?? "", new RegExp(`^1 of ${Number(all) - 1}  matmul`));
  assert.is.not(nameOf(second), nameOf(first));
  const table = await readTable(host, device);
  assert.equal(Object.keys(table.measured), [nameOf(first), nameOf(second)]);

  const [again] = await tuneSome(1, true);
  assert.is(nameOf(again), nameOf(first));
  assert.match(again ?? "", new RegExp(`^1 of ${all}  `));

  // Candidates that have changed, or their order, were never measured.
  const [name] = Object.keys(table.measured) as [string];
  const turned = [...(table.measured[name] as string[])].reverse();
  assert.ok(turned.length > 1);
  await writeTable(host, device, { ...table, measured: { ...table.measured, [name]: turned } });
  const [still, changed] = await tuneSome(1, false);
  assert.is(still, `1 of ${all} kernels were measured before`);
  assert.is(nameOf(changed), name);
});

test("what is all known is not measured", async () => {
  const host = new MemoryHost();
  const device = await testDevice();
  const { entries, settings, batch } = small;
  const asked = await kernelsOfStep({ entry: entries[0]!, settings, batch });
  const measured = Object.fromEntries(asked.map((q) => [formatTuningKey(q), q.candidates]));
  const name = Object.keys(measured)[0] as string;
  await writeTable(host, device, { choices: { [name]: "a winner" }, measured });
  const report = await tuneModels(small, host, kernelsOfStep, () => undefined);
  assert.equal([report.tuned, report.skipped, report.choices], [[], [], {}]);
  const variants = report.known.map((k) => [formatTuningKey(k), k.variant]);
  const expected = Object.entries(measured).map(([key, list]) => [
    key,
    key === name ? "a winner" : list[0],
  ]);
  assert.equal(variants, expected);
});

test("before anything is measured an interruption ends the process at once", async () => {
  const interruption = new Interruption();
  const host = new MemoryHost();
  assert.match(interruption.request()?.message ?? "", /^interrupted$/);
  await rejects(
    () => tuneModels(small, host, kernelsOfStep, () => undefined, interruption),
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
  const { tuned, unsaved } = await tuneModels(wanted, host, kernelsOfStep, (line) =>
    lines.push(line),
  );
  assert.ok(tuned.length > 0);
  assert.instance(unsaved, IoError);
  assert.match(unsaved?.message ?? "", /no space left/);
  assert.is(
    lines.filter((line) => /^the winners are not kept: .+ no space left/.test(line)).length,
    1,
  );
});

test.run();
