/**
 * Measurements of a checkout, beside those of `latentgrad bench`.
 *
 *   node bench/run.mjs report [--section kernels|steps|growth|peers|ladders]… [--runtime deno|chrome]… [--replace]
 *   node bench/run.mjs trainer [--model conv|dense] [--batch N] [--runs N] [--epoch-steps N] [--runtime deno|node|chrome] [--json]
 *   node bench/run.mjs size [--json]
 *   node bench/run.mjs peers [--batch N] [--steps N] [--filter RE] [--runtime deno|chrome] [--json]
 *
 * `report` measures again and rewrites the measured parts of docs/benchmarks.md with their drawings, and
 * of docs/kernels.md (ladders): all sections on both runtimes unless some are chosen. What another
 * adapter measured it leaves as it is, and ends with status 1, unless --replace is given. The peers
 * want their packages once: npm ci --prefix bench/peers
 */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { hostOptions, pageOptions, root } from "../scripts/build.mjs";
import { installed, loadDriver, preparePeers } from "./peers/run.mjs";
import { measureSizes } from "./size.mjs";

// Inside node_modules, so that Node finds the packages that are not bundled.
const work = join(root, "node_modules/.cache/latentgrad-bench");
const docs = join(root, "docs");

class Usage extends Error {}

function parse() {
  let parsed;
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: {
        runtime: { type: "string", multiple: true },
        model: { type: "string", default: "conv" },
        batch: { type: "string", default: "128" },
        runs: { type: "string", default: "7" },
        steps: { type: "string", default: "10" },
        "epoch-steps": { type: "string", default: "20" },
        filter: { type: "string", default: "" },
        section: { type: "string", multiple: true, default: [] },
        json: { type: "boolean", default: false },
        replace: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    throw new Usage(error.message);
  }
  const { values, positionals } = parsed;
  if (values.help) return { command: "help" };
  const [command, ...rest] = positionals;
  if (!["report", "trainer", "peers", "size"].includes(command) || rest.length > 0)
    throw new Usage("give one of report, trainer, peers, size");
  const among = (option, value, known) => {
    if (!known.includes(value))
      throw new Usage(`--${option} takes ${known.join(", ")}, not "${value}"`);
  };
  const both = ["deno", "chrome"];
  const { runtime = command === "report" ? both : ["deno"] } = values;
  for (const name of runtime)
    among("runtime", name, command === "trainer" ? ["deno", "node", "chrome"] : both);
  if (command !== "report" && runtime.length > 1) throw new Usage(`${command} takes one --runtime`);
  among("model", values.model, ["conv", "dense"]);
  const options = { ...values, runtime: command === "report" ? runtime : runtime[0] };
  for (const name of ["batch", "runs", "steps", "epoch-steps"]) {
    options[name] = Number(values[name]);
    if (!/^[0-9]+$/.test(values[name]) || options[name] < 1)
      throw new Usage(`--${name} takes a whole number from 1, not "${values[name]}"`);
  }
  try {
    options.filter = new RegExp(values.filter);
  } catch {
    throw new Usage(`--filter takes a regular expression, not "${values.filter}"`);
  }
  if (options.steps < 2) throw new Usage("--steps takes at least 2: the first step is not timed");
  return { command, options };
}

async function loadLaunch() {
  const outfile = join(work, "launch.js");
  await build({
    ...hostOptions,
    entryPoints: ["bench/launch.ts"],
    external: ["playwright-core", "esbuild"],
    outfile,
  });
  return import(pathToFileURL(outfile).href);
}

async function trainer(options, launch) {
  const chrome = options.runtime === "chrome";
  const outfile = join(work, chrome ? "page.js" : "host.js");
  await build({
    ...(chrome ? pageOptions : hostOptions),
    entryPoints: [chrome ? "bench/page.ts" : "bench/host.ts"],
    outfile,
  });
  const { model, batch, runs, json, "epoch-steps": steps } = options;
  const argv = [JSON.stringify({ model, batch, runs, json, steps })];
  if (chrome) return launch.launchChrome(pathToFileURL(outfile), argv);
  const command = await launch.runtimeCommand(options.runtime, outfile, argv);
  return (await launch.runChild(command)).status;
}

async function peers({ runtime, batch, steps, filter, json }) {
  if (!installed()) throw new Usage("the peers are not installed: npm ci --prefix bench/peers");
  const { comparisons, leftOut, compare } = await preparePeers((name) => filter.test(name), batch);
  for (const line of leftOut) console.error(line);
  if (comparisons === 0 && leftOut.length > 0) throw new Usage("no engine is left to compare with");
  if (comparisons === 0) throw new Usage(`no comparison's name matches "${filter.source}"`);
  const report = await compare(runtime, { steps }, (line) => console.error(line));
  const { countInvalid, formatPeers } = await loadDriver();
  const text = () =>
    `${report.adapter}, ${report.runtime}\n\n${formatPeers(report.peers, report.failures)}\n`;
  process.stdout.write(json ? `${JSON.stringify(report, undefined, 2)}\n` : text());
  return countInvalid(report.peers, report.failures) > 0 ? 1 : 0;
}

/** What a page has to load to train the convolutional VAE. */
async function size({ json }) {
  const sizes = await measureSizes(installed());
  if (json) process.stdout.write(`${JSON.stringify(sizes, undefined, 2)}\n`);
  for (const { engine, minified, gzipped } of json ? [] : sizes)
    console.log(
      `${engine}: ${(minified / 1000).toFixed(0)} kB minified, ${(gzipped / 1000).toFixed(0)} kB gzipped`,
    );
  return 0;
}

/**
 * Runs `latentgrad` with these words.
 *
 * @returns the JSON that it printed, which may say what failed, its status and how it was measured
 */
async function measure(words, { commandLine }) {
  console.error(`measuring: ${words.join(" ")}`);
  const [load] = loadavg();
  const command = commandLine(words);
  // First steps are to be cold: without this drivers find what earlier runs compiled.
  const shaders = await mkdtemp(join(tmpdir(), "latentgrad-shaders-"));
  const child = spawn(process.execPath, [join(root, "bin/latentgrad.js"), ...words, "--json"], {
    cwd: root,
    env: { ...process.env, MESA_SHADER_CACHE_DIR: shaders },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  const status = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  await rm(shaders, { recursive: true, force: true });
  if (output === "") throw new Error(`${command} ended with status ${status}`);
  const date = new Date().toISOString().slice(0, 10);
  return { report: JSON.parse(output), status, how: { command, date, load } };
}

/**
 * Rewrites a section of a page, which is read again: a measurement takes minutes.
 *
 * @returns whether it did: what another adapter measured stays, but for `replace`
 */
async function rewrite(file, name, content, replace, { replaceSection }) {
  const page = join(docs, file);
  let standing;
  const text = replaceSection(await readFile(page, "utf8"), name, content, (adapter) => {
    standing = adapter;
  });
  if (standing !== undefined && !replace) {
    console.error(`${name} stays as ${standing} measured it; --replace overwrites it`);
    return false;
  }
  await writeFile(page, text);
  return true;
}

/** Measures sections and rewrites them; status 1 if something in them failed. */
async function report({ section, runtime, replace }, launch) {
  const known = [...Object.keys(launch.sections), "ladders"];
  const unknown = section.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new Usage(`--section takes ${known.join(", ")}, not "${unknown}"`);
  const chosen = section.length > 0 ? section : known;
  let failed = 0;
  for (const name of chosen.filter((other) => other !== "ladders"))
    for (const on of runtime) {
      const section = launch.sections[name];
      const { report, status, how } = await measure(launch.argumentsOf(section, on), launch);
      failed = Math.max(failed, status);
      const content = launch.measuredSection(section, report, how);
      const id = `${name}-${on}`;
      if (!(await rewrite("benchmarks.md", id, content, replace, launch))) failed ||= 1;
      else if (section.figure) {
        const file = join(docs, "results", launch.figureFile(section.figure.name, on));
        await writeFile(file, section.figure.draw(report));
      }
    }
  if (!chosen.includes("ladders")) return failed;
  for (const name of Object.keys(launch.ladders)) {
    const measured = [];
    for (const on of runtime)
      measured.push(await measure(["bench", "--ladder", name, "--runtime", on], launch));
    failed = Math.max(failed, ...measured.map(({ status }) => status));
    const content = launch.measuredLadder(measured);
    if (!(await rewrite("kernels.md", `ladder-${name}`, content, replace, launch))) failed ||= 1;
  }
  return failed;
}

async function main() {
  const { command, options } = parse();
  if (command === "help") {
    const source = await readFile(fileURLToPath(import.meta.url), "utf8");
    console.log(
      source
        .slice(4, source.indexOf("*/"))
        .replace(/^ \* ?/gm, "")
        .trim(),
    );
    return 0;
  }
  await mkdir(work, { recursive: true });
  const launch = await loadLaunch();
  return { report, trainer, peers, size }[command](options, launch);
}

process.chdir(root);
try {
  process.exit(await main());
} catch (error) {
  const usage = error instanceof Usage;
  console.error(`bench: ${usage || error.exitCode ? error.message : error.stack}`);
  process.exit(usage ? 2 : (error.exitCode ?? 1));
}
