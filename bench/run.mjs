/**
 * The benchmarks.
 *
 *   node bench/run.mjs step [--model conv|dense] [--batch N] [--runs N] [--runtime deno|node|chrome] [--json]
 *   node bench/run.mjs trainer [--model conv|dense] [--batch N] [--runs N] [--epoch-steps N] [--runtime deno|node|chrome] [--json]
 *   node bench/run.mjs peers [--batch N] [--steps N] [--filter RE] [--runtime deno|chrome] [--json]
 *   node bench/run.mjs report [--section conv|dense|peers]… [--runtime deno|chrome]
 *
 * `report` measures again and rewrites the measured parts of docs/benchmarks.md. The peers want
 * their packages once: npm ci --prefix bench/peers
 */
import { spawn } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { hostOptions, pageOptions, root } from "../scripts/build.mjs";
import { installed, loadDriver, preparePeers } from "./peers/run.mjs";

// Inside node_modules, so that Node finds the packages that are not bundled.
const work = join(root, "node_modules/.cache/latentgrad-bench");
const page = join(root, "docs/benchmarks.md");
const sections = ["conv", "dense", "peers"];

class Usage extends Error {}

function parse() {
  let parsed;
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: {
        runtime: { type: "string", default: "deno" },
        model: { type: "string", default: "conv" },
        batch: { type: "string", default: "128" },
        runs: { type: "string", default: "7" },
        steps: { type: "string", default: "5" },
        "epoch-steps": { type: "string", default: "20" },
        filter: { type: "string", default: "" },
        section: { type: "string", multiple: true, default: sections },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    throw new Usage(error.message);
  }
  const { values, positionals } = parsed;
  if (values.help) return { command: "help" };
  const [command, ...rest] = positionals;
  if (!["step", "trainer", "peers", "report"].includes(command) || rest.length > 0)
    throw new Usage("give one of step, trainer, peers, report");
  const among = (option, value, known) => {
    if (!known.includes(value))
      throw new Usage(`--${option} takes ${known.join(", ")}, not "${value}"`);
  };
  among(
    "runtime",
    values.runtime,
    ["step", "trainer"].includes(command) ? ["deno", "node", "chrome"] : ["deno", "chrome"],
  );
  among("model", values.model, ["conv", "dense"]);
  for (const name of values.section) among("section", name, sections);
  const options = { ...values };
  for (const name of ["batch", "runs", "steps", "epoch-steps"]) {
    options[name] = Number(values[name]);
    if (!/^[0-9]+$/.test(values[name]) || options[name] < 1)
      throw new Usage(`--${name} takes a whole number from 1, not "${values[name]}"`);
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

/** The benchmarks that run in a process or page of the runtime that they measure. */
async function inRuntime(name, options, launch) {
  const chrome = options.runtime === "chrome";
  const outfile = join(work, chrome ? "page.js" : "host.js");
  await build({
    ...(chrome ? pageOptions : hostOptions),
    entryPoints: [chrome ? "bench/page.ts" : "bench/host.ts"],
    outfile,
  });
  const { model, batch, runs, json, "epoch-steps": steps } = options;
  const argv = [name, JSON.stringify({ model, batch, runs, json, steps })];
  if (chrome) return launch.launchChrome(pathToFileURL(outfile), argv);
  const command = await launch.runtimeCommand(options.runtime, outfile, argv);
  return (await launch.runChild(command)).status;
}

const step = (options, launch) => inRuntime("step", options, launch);
const trainer = (options, launch) => inRuntime("trainer", options, launch);

async function peers({ runtime, batch, steps, filter, json }) {
  if (!installed()) throw new Usage("the peers are not installed: npm ci --prefix bench/peers");
  const expression = new RegExp(filter);
  const { comparisons, compare } = await preparePeers((name) => expression.test(name), batch);
  if (comparisons === 0) throw new Usage(`no comparison's name matches "${filter}"`);
  const report = await compare(runtime, steps, (line) => console.error(line));
  const { countInvalid, formatPeers } = await loadDriver();
  const text = () =>
    `${report.adapter}, ${report.runtime}\n\n${formatPeers(report.peers, report.failures)}\n`;
  process.stdout.write(json ? `${JSON.stringify(report, undefined, 2)}\n` : text());
  return countInvalid(report.peers, report.failures) > 0 ? 1 : 0;
}

/** Runs this file once more and returns what it prints. */
function measure(args) {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...args], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) =>
      status === 0
        ? resolve(JSON.parse(output))
        : reject(new Error(`${args.join(" ")} ended with status ${status}\n${output}`)),
    );
  });
}

async function report(options, launch) {
  const date = new Date().toISOString().slice(0, 10);
  for (const section of options.section) {
    const words = section === "peers" ? ["peers"] : ["step", "--model", section];
    const args = [...words, "--runtime", options.runtime];
    console.error(`measuring: ${args.join(" ")}`);
    const [load] = loadavg();
    const measured = await measure([...args, "--json"]);
    const format = section === "peers" ? launch.measuredPeers : launch.measuredStep;
    const command = `npm run bench -- ${args.join(" ")}`;
    const content = format(measured, { command, date, load });
    // Read again: a measurement takes minutes.
    await writeFile(page, launch.replaceSection(await readFile(page, "utf8"), section, content));
  }
  return 0;
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
  return { step, trainer, peers, report }[command](options, launch);
}

process.chdir(root);
try {
  process.exit(await main());
} catch (error) {
  const usage = error instanceof Usage;
  console.error(`bench: ${usage || error.exitCode ? error.message : error.stack}`);
  process.exit(usage ? 2 : (error.exitCode ?? 1));
}
