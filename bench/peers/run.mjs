/**
 * Compares latentgrad with other engines. Each engine runs in a process or page of its own, from a
 * bundle that is made here, or in Python. The engines for JavaScript are packages of this folder:
 * npm ci --prefix bench/peers
 */
import { existsSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { hostOptions, pageOptions, root } from "../../scripts/build.mjs";

const folder = join(root, "bench/peers");
// Inside node_modules, so that Node finds the packages that are not bundled.
const work = join(root, "node_modules/.cache/latentgrad-bench");

/** Whether all of the engines' packages are there. */
export function installed() {
  const { dependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return Object.keys(dependencies).every((name) => existsSync(join(folder, "node_modules", name)));
}

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
 * Chooses the comparisons whose names `wanted` accepts, and bundles their engines.
 *
 * @returns how many there are; `leftOut`, lines on engines that cannot run here; and `compare`, which makes them on a runtime, `deno` or `chrome`, with
 *   so many steps, of which the first is not timed, and rounds of each op
 */
export async function preparePeers(wanted, batch = 128) {
  const { comparePeers, selectSides, startRunner } = await loadDriver();
  const { sides, leftOut } = await selectSides(wanted, batch);
  const scripts = [];
  for (const { name, entry, python } of sides) {
    const source = join(folder, entry);
    const file = python === undefined ? join(work, `${name}.js`) : source;
    scripts.push({ name, file, python });
    if (python !== undefined) continue;
    await build({
      ...pageOptions,
      mainFields: ["browser", "module", "main"],
      entryPoints: [source],
      logOverride: { "direct-eval": "silent" },
      outfile: file,
    });
  }
  const compare = (runtime, { steps, rounds }, log) =>
    comparePeers({
      sides: sides.map(({ name, tasks }, i) => ({
        name,
        tasks,
        start: () => startRunner(runtime, scripts[i]),
      })),
      ...{ runtime, steps, rounds, log },
    });
  const comparisons = sides.slice(1).reduce((sum, { tasks }) => sum + tasks.length, 0);
  return { comparisons, leftOut, compare };
}
