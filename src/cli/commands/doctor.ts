import type { Command } from "commander";
import type { Examination } from "../../doctor/examine.ts";
import type { Speed } from "../../doctor/speed.ts";
import { LatentgradError } from "../../gpu/errors.ts";
import type { ReadCosts } from "../../gpu/target.ts";
import type { Context } from "../context.ts";
import { addCommon, addRuntime, applyCommon, type CommonOptions } from "../options.ts";
import { path } from "../parsers.ts";
import { wrapWords } from "../wrap.ts";

interface Options extends CommonOptions {
  dataDir?: string;
}

/** `doctor`: what training would run on here, how fast that is, and what would make it faster. */
export function addDoctor(program: Command, { host, output, actions }: Context): void {
  const command = program
    .command("doctor")
    .description("Say what training runs on here, how fast it is, and what would make it faster.")
    .option(
      "--data-dir <dir>",
      "folder of the data sets (else $LATENTGRAD_DATA, else the cache)",
      path,
    );
  addRuntime(command);
  addCommon(command, ["doctor", "doctor --runtime chrome --json"]).action(
    async (options: Options) => {
      applyCommon(options, output);
      output.progress("looking at the adapter and measuring it; this takes a few seconds");
      const { examination, failure } = await actions.examine(host, options.dataDir);
      if (options.json) output.json(examination);
      else for (const line of linesOf(examination)) output.data(line);
      if (failure) throw failure;
      for (const speed of Object.values(examination.speed ?? {}))
        if (!speed.right)
          throw new LatentgradError(`the adapter computes wrong results: ${speed.what}`);
    },
  );
}

function linesOf(examination: Examination): string[] {
  const { runtime, installed, adapter, speed, reads, problem } = examination;
  const row = (name: string, value: string) => `${name.padEnd(12)}${value}`;
  const lines = [
    row("latentgrad", examination.version),
    row("runtime", `${runtime.runtime} ${runtime.version} on ${runtime.system}`),
    row("processor", `${runtime.threads} threads`),
    row("installed", installed.join(", ")),
  ];
  if (problem !== undefined) lines.push(row("adapter", `none: ${problem}`));
  if (adapter) {
    const nature = { gpu: "a GPU", other: "unknown" }[adapter.kind] ?? "a software adapter";
    // What a terminal of 100 characters shows whole.
    const features = wrapWords(adapter.features.length > 0 ? adapter.features : ["none"], 86, ", ");
    const driver = Object.entries(adapter.driver).map(([name, word]) => `${name} ${word}`);
    lines.push(
      row("adapter", `${adapter.name}, ${nature}`),
      row("driver", driver.join(", ")),
      ...features.map((line, i) => row(i === 0 ? "features" : "", line)),
    );
    for (const [i, [name, { offered, used }]] of Object.entries(adapter.limits).entries())
      lines.push(row(i === 0 ? "limits" : "", `${name} ${size(offered)}, ${size(used)} asked for`));
  }
  if (speed) {
    lines.push(row("matmul", describe(speed.matmul)), row("copy", describe(speed.copy)));
  }
  if (reads) lines.push(row("loads", describeReads(reads)));
  for (const [i, { name, state }] of examination.datasets.entries())
    lines.push(row(i === 0 ? "data" : "", `${name}: ${state}`));
  lines.push(row("", `data folder ${examination.dataFolder}`));
  for (const [i, [name, value]] of Object.entries(examination.environment).entries())
    lines.push(row(i === 0 ? "environment" : "", `${name}=${value}`));
  lines.push("", examination.advice.length > 0 ? "What would help:" : "Nothing is left to advise.");
  for (const advice of examination.advice) lines.push(`- ${advice}`);
  return lines;
}

function describe({ rate, unit, milliseconds, what, right }: Speed): string {
  const checked = right ? "result right" : "RESULT WRONG";
  return `${rate.toFixed(1)} ${unit} (${what}: ${milliseconds.toFixed(1)} ms; ${checked})`;
}

function describeReads({ number, vector, texel, channel }: ReadCosts): string {
  const [one, four, whole, part] = [number, vector, texel, channel].map((ns) => ns.toFixed(1));
  const pays = texel < vector || channel < number;
  return `a buffer's number ${one} ns, four ${four}; a texel ${whole}, of it one ${part}: kernels read ${
    pays ? "textures where that pays" : "buffers"
  }`;
}

/** Large powers of two in MiB. */
function size(value: number): string {
  return value >= 2 ** 20 ? `${Math.floor(value / 2 ** 20)} MiB` : String(value);
}
