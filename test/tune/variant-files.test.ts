/** Tuned variants: taken from the user's cache by a new run, and kept by it ever after. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readSafetensors } from "../../src/formats/safetensors.ts";
import { CheckpointError, IoError } from "../../src/gpu/errors.ts";
import { formatTuningKey } from "../../src/gpu/variant-table.ts";
import { onTunableKernel, type TunableKernel } from "../../src/kernels/variants.ts";
import { choicesIn } from "../../src/train/state.ts";
import {
  readTable,
  readVariants,
  type TableOwner,
  variantsPath,
  writeTable,
} from "../../src/tune/variant-files.ts";
import { testDevice } from "../support/device.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { rejects } from "../support/rejects.ts";
import { trainInMemory } from "../support/training.ts";

const test = suite("tuned variants of a run");

/** Writes a table of winners that were measured beside nothing else. */
function keep(host: MemoryHost, owner: TableOwner, choices: Record<string, string>) {
  const measured = Object.fromEntries(Object.entries(choices).map(([key, v]) => [key, [v]]));
  return writeTable(host, owner, { choices, measured });
}

const path = "r/checkpoints/last.safetensors";
const saved = async (host: MemoryHost) =>
  (await readSafetensors(host.files.get(path)!, path)).metadata;

/** A kernel of the run that has a choice, and a variant that the heuristic does not choose. */
async function another(): Promise<Record<string, string>> {
  const device = await testDevice();
  const asked: TunableKernel[] = [];
  const end = onTunableKernel(device.variants, (kernel) => asked.push(kernel));
  await trainInMemory(new MemoryHost(), { epochs: "1" });
  end();
  const tunable = asked.find(({ candidates }) => candidates.length > 1);
  assert.ok(tunable, "a product with a choice");
  return { [formatTuningKey(tunable)]: tunable.candidates[1] as string };
}

test("a run takes the adapter's table, and goes on with it when that has changed", async () => {
  const device = await testDevice();
  const choices = await another();
  const plain = new MemoryHost();
  await trainInMemory(plain);
  assert.equal(choicesIn(await saved(plain), path), {});

  const tuned = new MemoryHost();
  await keep(tuned, device, { ...choices, "matmul 1×1×1": "registers 1x1" });
  await trainInMemory(tuned);
  const metadata = await saved(tuned);
  assert.equal(choicesIn(metadata, path), choices, "only what the run's kernels follow");
  const config = JSON.parse(tuned.text("r/config.json")) as { run: { variants: unknown } };
  assert.equal(config.run.variants, choices);
  const hash = (m: Readonly<Record<string, string>>) => JSON.parse(m.variants ?? "").sha256;
  assert.is.not(hash(metadata), hash(await saved(plain)), "other kernels");

  const resumed = new MemoryHost();
  await keep(resumed, device, choices);
  await trainInMemory(resumed, { epochs: "1" });
  await keep(resumed, device, {});
  await trainInMemory(resumed, { resume: "true" });
  assert.equal(choicesIn(await saved(resumed), path), choices);
  assert.is(hash(await saved(resumed)), hash(metadata));
});

test("a table that cannot be read is none; a checkpoint's must be sound", async () => {
  const device = await testDevice();
  const host = new MemoryHost();
  assert.equal(await readVariants(host, device), {});
  const good = { a: "registers 1x1" };
  const file = await keep(host, device, good);
  assert.equal(await readVariants(host, device), good);
  const table = JSON.parse(host.text(file));
  for (const text of [
    "",
    "[]",
    '{"format": 1}',
    JSON.stringify({ ...table, choices: undefined }),
    JSON.stringify({ ...table, measured: undefined }),
    JSON.stringify({ ...table, measured: { a: "registers 1x1" } }),
    JSON.stringify({ ...table, choices: { a: 1 } }),
    JSON.stringify({ ...table, format: 2 }),
  ]) {
    host.put(file, text);
    assert.equal(await readVariants(host, device), {}, text);
  }
  await keep(host, device, good);
  const measured = { a: ["registers 1x1"] };
  assert.equal(await readTable(host, device), { choices: good, measured });
  host.stat = async (file) => {
    throw new IoError(`cannot look at ${file}: permission denied`);
  };
  assert.equal(await readVariants(host, device), {}, "a cache of somebody else's");
  assert.equal(choicesIn({}, path), {});
  assert.equal(choicesIn({ variants: '{"sha256": ""}' }, path), {});
  await rejects(
    async () => choicesIn({ variants: '{"choices": {"a": 1}}' }, path),
    CheckpointError,
    /last\.safetensors: its kernel variants are \{"a":1\}/,
  );
});

test("adapters, runtimes and sets of optional features have tables of their own", async () => {
  const host = new MemoryHost();
  const plain = { f16: false, subgroups: false };
  const adapter = { kind: "gpu", name: "Card (1)", runtime: "deno" } as const;
  const owners: TableOwner[] = [
    { adapter, has: plain },
    { adapter: { ...adapter, name: "card 1" }, has: plain },
    { adapter: { ...adapter, name: "Card [1]" }, has: plain },
    { adapter: { ...adapter, runtime: "node" }, has: plain },
    { adapter, has: { ...plain, f16: true } },
    { adapter, has: { ...plain, subgroups: true } },
    { adapter, has: { f16: true, subgroups: true } },
  ];
  for (const [i, owner] of owners.entries()) await keep(host, owner, { a: `v${i}` });
  for (const [i, owner] of owners.entries())
    assert.equal(await readVariants(host, owner), { a: `v${i}` }, JSON.stringify(owner));

  // Whatever a file is called, what it says of itself decides.
  const [first, ...others] = owners as [TableOwner, ...TableOwner[]];
  for (const other of others) {
    const text = host.text(await variantsPath(host, other));
    host.put(await variantsPath(host, first), text);
    assert.equal(await readVariants(host, first), {}, text);
  }
});

test.run();
