import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { LatentgradError, NoAdapterError } from "../gpu/errors.ts";
import { launchChrome } from "../host/chrome-launch.ts";
import { createNodeHost, removeUnfinished } from "../host/node.ts";
import { availableRuntimes, runChild, runtimeCommand } from "../host/node-launch.ts";
import { Interruption } from "../train/interruption.ts";
import { configuredRuntime, needsDevice, requestedRuntime, run } from "./core.ts";

/** A terminal signals parent and child alike, and the parent passes it on: that is one Ctrl-C. */
const SAME_SIGNAL_MS = 500;

/** Runs the command in this process. A second signal ends it at once. */
async function runHere(argv: string[]): Promise<number> {
  const host = await createNodeHost();
  const interruption = new Interruption();
  let first: number | undefined;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (first !== undefined && performance.now() - first < SAME_SIGNAL_MS) return;
      const again = first !== undefined;
      first ??= performance.now();
      const stop = interruption.request();
      if (!stop && !again) return;
      const { message, exitCode } = stop ?? interruption.error("stopped at once");
      process.stderr.write(`latentgrad: ${message}\n`);
      removeUnfinished().finally(() => process.exit(exitCode));
    });
  }
  return run(argv, host, interruption);
}

const readText = (path: string) => readFile(path, "utf8");

/** The parent: chooses the runtime and starts it. */
async function launch(argv: string[]): Promise<number> {
  const wanted = requestedRuntime(argv) ?? (await configuredRuntime(argv, readText));
  const available = await availableRuntimes();
  const first = wanted ?? available[0];
  process.env.LATENTGRAD_RUNTIMES = available.join(",");
  if (!first) {
    throw new NoAdapterError("no runtime with WebGPU is installed: npm install deno (or webgpu)");
  }
  if (first === "chrome") {
    return launchChrome(new URL("cli.browser.js", import.meta.url), argv);
  }
  const command = await runtimeCommand(first, fileURLToPath(import.meta.url), argv);
  const { status, signal } = await runChild({
    ...command,
    env: { ...command.env, LATENTGRAD_CHILD: "1" },
  });
  if (signal && !["SIGINT", "SIGTERM", "SIGHUP"].includes(signal)) {
    throw new LatentgradError(`${first} was ended by ${signal} (out of memory?)`);
  }
  return status;
}

async function main(): Promise<number> {
  const argv = process.argv.slice(2);
  try {
    const here = process.env.LATENTGRAD_CHILD === "1" || !needsDevice(argv);
    return await (here ? runHere(argv) : launch(argv));
  } catch (error) {
    const known = error instanceof LatentgradError;
    process.stderr.write(`latentgrad: ${known ? error.message : (error as Error).stack}\n`);
    return known ? error.exitCode : 1;
  }
}

// Timers or a device left open must not hold the process.
process.exit(await main());
