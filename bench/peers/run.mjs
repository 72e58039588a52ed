/**
 * Compares latentgrad with other engines. Each engine runs in a process or page of its own, from a
 * bundle that is made here. The engines are packages of this folder: npm ci --prefix bench/peers
 */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { hostOptions, pageOptions, root } from "../../scripts/build.mjs";

const folder = join(root, "bench/peers");
// Inside node_modules, so that Node finds the packages that are not bundled.
const work = join(root, "node_modules/.cache/latentgrad-bench");

/** Whether the engines' packages are there. */
export const installed = () => existsSync(join(folder, "node_modules"));

/** @returns the module `driver.ts` */
export async function loadDriver() {
  await mkdir(work, { recursive: true });
  const outfile = join(work, "peers-driver.js");
  await build({
    ...hostOptions,
    entryPoints: ["bench/peers/driver.ts"],
    external: ["playwright-core"],
    outfile,
  });
  return import(pathToFileURL(outfile).href);
}

/**
 * Runs the comparisons whose names `wanted` accepts.
 *
 * @returns the report (see compare.ts); without peers where no name is accepted
 */
export async function runPeers({ runtime, wanted, batch = 128, steps = 5, log }) {
  const { comparePeers, selectSides, startRunner } = await loadDriver();
  const sides = selectSides(wanted, batch);
  if (sides.length === 0) return { adapter: "", runtime, peers: [], failures: [] };
  const bundles = sides.map(({ name }) => join(work, `${name}.js`));
  for (const [i, { entry }] of sides.entries())
    await build({
      ...pageOptions,
      mainFields: ["browser", "module", "main"],
      loader: { ...pageOptions.loader, ".wasm": "binary" },
      entryPoints: [join(folder, entry)],
      logOverride: { "direct-eval": "silent" },
      outfile: bundles[i],
    });
  return comparePeers({
    sides: sides.map(({ name, tasks }, i) => ({
      name,
      tasks,
      start: () => startRunner(runtime, name, bundles[i]),
    })),
    ...{ runtime, steps, log },
  });
}
