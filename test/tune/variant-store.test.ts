/** Tuned variants in IndexedDB: in a page they come back, elsewhere one line says that there is none. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadVariants, saveVariants } from "../../src/entries/bench.ts";
import { matmul, openDevice, record, zeros } from "../../src/entries/index.ts";
import { UsageError } from "../../src/gpu/errors.ts";
import { tunableKernels, tune } from "../../src/tune/tune.ts";
import { loadTable, saveTable } from "../../src/tune/variant-store.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("variants in IndexedDB");
const isPage = "indexedDB" in globalThis;
const adapter = { kind: "other", name: "an adapter", runtime: "chrome" } as const;
const has = { f16: false, subgroups: false };
const owner = { adapter, has };
const key = "an adapter chrome";

/** Puts a value where the table of the adapter is kept. */
function put(value: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("latentgrad");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const transaction = opening.result.transaction("variants", "readwrite");
      transaction.objectStore("variants").put(value, key);
      transaction.oncomplete = () => {
        opening.result.close();
        resolve();
      };
    };
  });
}

if (isPage) {
  test("come back for the same adapter, runtime and features alone", async () => {
    assert.equal(await loadVariants({ adapter: { ...adapter, name: "never seen" }, has }), {});
    const choices = { "matmul 1×2×3": "registers 8x16" };
    await saveVariants(owner, choices);
    assert.equal(await loadVariants(owner), choices);
    assert.equal(await loadVariants({ adapter: { ...adapter, runtime: "browser" }, has }), {});
    assert.equal(await loadVariants({ adapter: { ...adapter, name: "another" }, has }), {});
    assert.equal(await loadVariants({ adapter, has: { ...has, f16: true } }), {});
    await saveVariants(owner, {});
    assert.equal(await loadVariants(owner), {});
  });

  test("damaged ones count as none, and are written over", async () => {
    const choices = { "matmul 1×2×3": "x" };
    const known = { choices, measured: { "matmul 1×2×3": ["x", "y"] } };
    const good = { format: 1, adapter: "an adapter", runtime: "chrome", features: [], ...known };
    await saveVariants(owner, {});
    await put(good);
    assert.equal(await loadVariants(owner), good.choices);
    assert.equal(await loadTable(owner), known);
    await saveVariants(owner, choices);
    assert.equal(await loadTable(owner), { choices, measured: {} });
    await saveTable(owner, known);
    assert.equal(await loadTable(owner), known);
    for (const damaged of [
      "text",
      7,
      null,
      [],
      { ...good, format: 2 },
      { format: 1 },
      { ...good, adapter: "another" },
      { ...good, features: ["f16"] },
      { ...good, choices: undefined },
      { ...good, measured: undefined },
      { ...good, choices: { "matmul 1×2×3": 5 } },
    ]) {
      await put(damaged);
      assert.equal(await loadVariants(owner), {}, JSON.stringify(damaged));
    }
    await saveVariants(owner, good.choices);
    assert.equal(await loadVariants(owner), good.choices);
  });
} else {
  test("without IndexedDB one line says so", async () => {
    const line = /^there is no IndexedDB in chrome: only a page keeps variants there$/;
    await rejects(() => loadVariants(owner), UsageError, line);
    await rejects(() => saveVariants(owner, {}), UsageError, line);
  });
}

test("the kernels that a body asks for can be tuned, and a device follows the winners", async () => {
  const device = await openDevice();
  try {
    const [a, b] = [zeros(device, [64, 32]), zeros(device, [32, 48])];
    const heard: string[] = [];
    const listener = ({ kernel }: { kernel: string }) => void heard.push(kernel);
    device.variants.listener = listener;
    const kernels = await tunableKernels(device, () =>
      record(device, () => [matmul(a, b), matmul(a, b)]),
    );
    assert.is(device.variants.listener, listener, "who listened before listens again");
    device.variants.listener = undefined;
    assert.equal([...new Set(heard)], ["matmul"], "and heard all the while");
    assert.is(kernels.length, 1);
    const { tuned, skipped } = await tune(device, kernels, { seconds: 60, bytes: 2 ** 20 });
    assert.equal(skipped, []);
    const [{ kernel, shape, heuristic, ms }] = tuned as [(typeof tuned)[0]];
    assert.is(kernel, "matmul");
    assert.ok((ms[heuristic] as number) > 0);
    const other = Object.keys(ms).find((variant) => variant !== heuristic);
    if (other === undefined) return;
    device.variants.insert({ [`matmul ${shape}`]: other });
    await record(device, () => matmul(a, b));
    assert.equal(device.variants.used(), { [`matmul ${shape}`]: other });
  } finally {
    device.close();
  }
});

test.run();
