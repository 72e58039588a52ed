import { type Command, InvalidArgumentError } from "commander";
import { formatLadder } from "../../bench/ladder-report.ts";
import { ladders } from "../../bench/ladders/registry.ts";
import { MOST_DIFFERENCE } from "../../bench/own-kernels.ts";
import { countInvalid } from "../../bench/peers.ts";
import type { BenchReport } from "../../bench/run.ts";
import { formatOwnKernels, formatProgram, formatReport } from "../../bench/tables.ts";
import { LatentgradError, UsageError } from "../../gpu/errors.ts";
import { findModel, models } from "../../models/registry.ts";
import { checkSettings } from "../../settings/settings.ts";
import type { FindVariants } from "../../tune/used-variants.ts";
import { readVariants } from "../../tune/variant-files.ts";
import type { Context } from "../context.ts";
import { addQuiet, addRuntime, applyCommon } from "../options.ts";
import { keyValue, path, wholeNumber } from "../parsers.ts";

interface Options {
  filter?: RegExp;
  peers?: true;
  tuned?: true;
  program?: string;
  ladder?: string;
  kernel?: string;
  page?: true;
  port?: number;
  runtime?: string;
  set?: Record<string, string>;
  batch?: number;
  runs?: number;
  json?: string | true;
  quiet?: true;
}

/** Images of the step that `--program` prints. */
const PROGRAM_BATCH = 128;

/** What a page remembers is kept by port, so it is the same each time. */
const PAGE_PORT = 8417;

/** `bench`: what the adapter can do at most, what the kernels and training steps make of it. */
export function addBench(program: Command, context: Context): void {
  const { output } = context;
  const command = program
    .command("bench")
    .description("Measure the adapter's ceilings, the kernels against them, and training steps.")
    .option(
      "--filter <re>",
      "regular expression; measure what it finds in kernel/NAME/SHAPE, step/MODEL/BATCH, growth/latent/N, peer/ENGINE/WHAT",
      regularExpression,
    )
    .option(
      "--peers",
      "compare with TensorFlow.js and jax-js, too, and PyTorch where Python has it; in a checkout, after npm ci --prefix bench/peers",
    )
    .option("--tuned", "follow the variants that tune found on this adapter")
    .option("--program <model>", "print the recorded step of a model, a line a dispatch, instead")
    .option(
      "--ladder <name>",
      `${Object.keys(ladders).join(" or ")}: time versions of a kernel, naive to best, instead`,
    )
    .option(
      "--kernel <file>",
      "time the ops that a module of yours exports, and the library's beside them, instead; the module is run",
      path,
    )
    .option("--page", "serve a page that measures in your own browser, until Ctrl-C, instead")
    .option(
      "--port <n>",
      `with --page: port of 127.0.0.1, 0 for any (default: ${PAGE_PORT})`,
      wholeNumber(0, 65_535),
    )
    .option("--set <key=value>", "with --program: a setting of the model; repeatable", keyValue)
    .option(
      "--batch <n>",
      `with --program: batch size (default: ${PROGRAM_BATCH})`,
      wholeNumber(1, 65_536),
    )
    .option(
      "--runs <n>",
      "how often each thing is timed (default: 5; of a ladder: 3)",
      wholeNumber(1, 1000),
    )
    .option(
      "--json [file]",
      "write the result as JSON to a file, or print it in place of the text",
      path,
    );
  addRuntime(command);
  addQuiet(command, [
    "bench",
    "bench --filter kernel/matmul --json bench.json",
    "bench --filter ^step/vae- --runtime chrome",
    "bench --peers --filter peer/tfjs-webgpu/matmul",
    "bench --program aae --set latent=8 --batch 64",
    "bench --ladder matmul",
    "bench --kernel kernel.js",
    "bench --tuned --filter ^kernel/conv",
    "bench --page",
  ]).action(async (options: Options) => {
    applyCommon(options, output);
    if (options.page) {
      await servePage(options, context);
      return;
    }
    checkTogether(options);
    await checkWritable(options, context);
    if (options.kernel !== undefined) await rate(options.kernel, options, context);
    else if (options.ladder !== undefined) await climb(options.ladder, options, context);
    else if (options.program !== undefined) await printProgram(options.program, options, context);
    else await measure(options, context);
  });
}

function regularExpression(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new InvalidArgumentError("Expected a regular expression.");
  }
}

/** Prints the page's address, and is at it until it is served no more. */
async function servePage(options: Options, { output, actions }: Context): Promise<void> {
  const { page, port = PAGE_PORT, quiet, ...others } = options;
  const [other] = Object.keys(others);
  if (other !== undefined)
    throw new UsageError(`--${other} does not go with --page: the page asks for what to measure`);
  const { url, closed } = await actions.serveBenchPage(port);
  output.data(url);
  output.progress("open it in a browser with WebGPU; Ctrl-C ends it");
  await closed;
}

/** Options that mean nothing without or beside --program, --ladder and --kernel. */
function checkTogether(options: Options): void {
  const { program, ladder, kernel, filter, peers, tuned, set, batch, port } = options;
  if (port !== undefined) throw new UsageError("--port goes with --page");
  if (kernel !== undefined) {
    const others = { program, ladder, filter, peers, tuned, set, batch };
    for (const [name, value] of Object.entries(others))
      if (value !== undefined) throw new UsageError(`--${name} does not go with --kernel`);
  }
  if (ladder !== undefined && (program !== undefined || filter || peers))
    throw new UsageError("--ladder goes with none of --program, --filter and --peers");
  if (tuned && ladder !== undefined)
    throw new UsageError("--tuned does not go with --ladder: its rungs are what they are");
  if (tuned && peers)
    throw new UsageError("--tuned does not go with --peers: the engines meet untuned kernels");
  if (program !== undefined && filter)
    throw new UsageError("--filter chooses among measurements, --program makes none of them");
  if (program !== undefined && peers)
    throw new UsageError("--peers compares measurements, --program makes none of them");
  if (program !== undefined) return;
  if (set) throw new UsageError("--set goes with --program");
  if (batch !== undefined) throw new UsageError("--batch goes with --program");
}

/** With --tuned: what `tune` has kept for an adapter. */
function variants({ tuned }: Options, { host }: Context): { variants?: FindVariants } {
  return tuned ? { variants: (device) => readVariants(host, device) } : {};
}

async function measure(options: Options, context: Context): Promise<void> {
  const { output, actions } = context;
  const { filter, runs } = options;
  const bench = options.peers ? actions.benchWithPeers : actions.bench;
  const wanted = { filter, runs, ...variants(options, context) };
  const report: BenchReport = await bench(wanted, (line) => output.progress(line));
  await deliver(report, () => formatReport(report), options, context);
  const invalid = countInvalid(report.peers, report.peerFailures ?? []);
  if (invalid > 0) throw new LatentgradError(`comparisons that say nothing: ${invalid}`);
}

async function printProgram(model: string, options: Options, context: Context): Promise<void> {
  const { output, actions } = context;
  const { set = {}, batch = PROGRAM_BATCH, runs } = options;
  const entry = findModel(model, models);
  checkSettings(entry, set);
  output.progress(`step/${entry.name}/${batch}`);
  const named = { entry, settings: set, label: entry.name, batch, runs };
  const wanted = { ...named, ...variants(options, context) };
  const listing = await actions.benchProgram(wanted);
  await deliver(listing, () => formatProgram(listing), options, context);
}

async function climb(name: string, options: Options, context: Context): Promise<void> {
  const { output, actions } = context;
  const log = (line: string) => output.progress(line);
  const report = await actions.benchLadder(name, { rounds: options.runs }, log);
  await deliver(report, () => formatLadder(report), options, context);
  const wrong = report.rungs.filter((rung) => rung.wrong !== undefined);
  if (wrong.length > 0)
    throw new LatentgradError(`wrong results: ${wrong.map((rung) => rung.name).join(", ")}`);
}

async function rate(file: string, options: Options, context: Context): Promise<void> {
  const { output, actions } = context;
  const { runs } = options;
  const report = await actions.benchKernel(file, { runs }, (line) => output.progress(line));
  await deliver(report, () => formatOwnKernels(report), options, context);
  const wrong = report.comparisons.filter(({ difference }) => difference > MOST_DIFFERENCE);
  if (wrong.length > 0)
    throw new LatentgradError(
      `results differ from the library's: ${wrong.map(({ kernel }) => kernel).join(", ")}`,
    );
}

/**
 * Measuring takes minutes: it is not begun where its result cannot be written. Leaves a file that is
 * there as it is.
 */
async function checkWritable({ json }: Options, { host }: Context): Promise<void> {
  if (typeof json !== "string") return;
  if ((await host.stat(json)) !== undefined) {
    await host.append(json, "");
    return;
  }
  await host.writeAtomic(json, new Uint8Array());
  await host.remove(json);
}

/** The text on stdout, then the JSON in a file, which may fail; or the JSON on stdout. */
async function deliver(
  result: unknown,
  text: () => string,
  { json }: Options,
  { host, output }: Context,
): Promise<void> {
  if (json === true) {
    output.json(result);
    return;
  }
  output.table(text());
  if (json !== undefined) {
    const content = `${JSON.stringify(result, null, 2)}\n`;
    await host.writeAtomic(json, new TextEncoder().encode(content));
  }
}
