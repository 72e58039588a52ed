import { readFile, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { LatentgradError, NoAdapterError } from "../gpu/errors.ts";
import { launchChrome } from "../host/chrome-launch.ts";
import { Interruption } from "../host/interruption.ts";
import { createNodeHost, removeUnfinished } from "../host/node.ts";
import {
  availableRuntimes,
  hideHome,
  restoreHome,
  runChild,
  runtimeCommand,
} from "../host/node-launch.ts";
import { interruptedStatus, sameSignalMs, signals } from "../host/signals.ts";
import type { Actions } from "./actions.ts";
import { serveBenchPage } from "./bench-page.ts";
import {
  comparesPeers,
  configuredRuntime,
  loadsKernel,
  needsDevice,
  requestedRuntime,
  run,
  servesPage,
} from "./core.ts";
import { writeAside, writeLastLine, writeStack } from "./output.ts";
import { benchWithPeers } from "./peers.ts";
import { StopAnswer } from "./stopping.ts";

/** Runs the command in this process. A second signal ends it at once. */
async function runHere(argv: string[]): Promise<number> {
  const interruption = new Interruption();
  let first: number | undefined;
  for (const signal of signals) {
    process.on(signal, () => {
      if (first !== undefined && performance.now() - first < sameSignalMs) return;
      const again = first !== undefined;
      first ??= performance.now();
      const stop = interruption.request();
      if (!stop && !again) return;
      const { message, exitCode } = stop ?? interruption.error("stopped at once");
      writeLastLine(message);
      removeUnfinished().finally(() => process.exit(exitCode));
    });
  }
  watchParent(() => {
    const stop = interruption.request();
    if (stop) removeUnfinished().finally(() => process.exit(stop.exitCode));
  });
  return run(argv, await createNodeHost(), interruption);
}

/** How often a child looks whether its parent is still there. */
const PARENT_MS = 500;

/** Calls `gone` once when the process that started this one was killed: nobody can stop it any more. */
function watchParent(gone: () => void): void {
  const parent = Number(process.env.LATENTGRAD_CHILD);
  if (!parent) return;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    gone();
  }, PARENT_MS);
  timer.unref();
}

/** Ends the process at a signal, in one line, until what it starts listens for itself. */
class EarlySignals {
  private readonly end = () => {
    writeLastLine("interrupted");
    process.exit(interruptedStatus);
  };

  constructor() {
    this.open();
  }

  private open(): void {
    for (const signal of signals) process.on(signal, this.end);
  }

  close(): void {
    for (const signal of signals) process.off(signal, this.end);
  }

  /** Leaves signals to what is started, which listens from now on, until that has ended. */
  readonly yieldTo = async <T>(start: () => Promise<T>): Promise<T> => {
    const started = start();
    this.close();
    try {
      return await started;
    } finally {
      this.open();
    }
  };
}

/** A pipe can be read only once, and the command will. */
async function readText(path: string): Promise<string> {
  if (!(await stat(path)).isFile()) throw new Error("not a regular file");
  return readFile(path, "utf8");
}

/** The library's entry points, as a module that the user names may import them, and where they are. */
async function libraryEntries(): Promise<Record<string, string>> {
  const manifest = new URL("../package.json", import.meta.url);
  const { exports } = JSON.parse(await readFile(manifest, "utf8")) as {
    exports: Record<string, string | { default: string }>;
  };
  return Object.fromEntries(
    Object.entries(exports).flatMap(([path, to]) =>
      typeof to === "string"
        ? []
        : [[path.replace(".", "latentgrad"), new URL(to.default, manifest).href]],
    ),
  );
}

/** The parent: chooses the runtime and starts it. */
async function launch(argv: string[]): Promise<number> {
  const early = new EarlySignals();
  const wanted = requestedRuntime(argv) ?? (await configuredRuntime(argv, readText));
  const available = await availableRuntimes();
  const first = wanted ?? available[0];
  process.env.LATENTGRAD_RUNTIMES = available.join(",");
  if (!first) {
    throw new NoAdapterError("no runtime with WebGPU is installed: npm install deno (or webgpu)");
  }
  if (first === "chrome") {
    early.close();
    return launchChrome(new URL("cli.browser.js", import.meta.url), argv);
  }
  const command = await runtimeCommand(first, fileURLToPath(import.meta.url), argv);
  command.env.LATENTGRAD_CHILD = String(process.pid);
  if (first === "deno") {
    hideHome(command.env);
    if (loadsKernel(argv)) {
      const map = JSON.stringify({ imports: await libraryEntries() });
      command.args.splice(1, 0, `--import-map=data:application/json,${encodeURIComponent(map)}`);
    }
  }
  const answer = new StopAnswer(argv, writeAside);
  const running = runChild(command);
  for (const name of signals) process.on(name, answer.signalled);
  early.close();
  const { status, signal } = await running;
  answer.ended();
  if (signal === undefined) return status;
  if (!signals.some((name) => name === signal)) {
    throw new LatentgradError(`${first} was ended by ${signal} (out of memory?)`);
  }
  // It came before the child listened for it.
  writeLastLine("interrupted");
  return interruptedStatus;
}

/** Compares engines, each in a process that this one starts. */
async function compare(argv: string[]): Promise<number> {
  const wanted = requestedRuntime(argv);
  const runtimes = wanted ? [wanted] : await availableRuntimes();
  return runInParent(argv, ({ yieldTo }) => ({
    benchWithPeers: (options, log) => benchWithPeers(options, { runtimes, yieldTo, log }),
  }));
}

/** Serves a page, until a signal ends this process. */
function serve(argv: string[]): Promise<number> {
  return runInParent(argv, () => ({
    async serveBenchPage(port) {
      const { url } = await serveBenchPage(port);
      return { url, closed: new Promise(() => {}) };
    },
  }));
}

/** Runs what wants no device in this process. */
async function runInParent(
  argv: string[],
  others: (early: EarlySignals) => Partial<Actions>,
): Promise<number> {
  const early = new EarlySignals();
  try {
    return await run(argv, await createNodeHost(), undefined, others(early));
  } finally {
    early.close();
  }
}

async function main(): Promise<number> {
  restoreHome();
  const argv = process.argv.slice(2);
  try {
    const here = Boolean(process.env.LATENTGRAD_CHILD) || !needsDevice(argv);
    if (here) return await runHere(argv);
    if (servesPage(argv)) return await serve(argv);
    return await (comparesPeers(argv) ? compare(argv) : launch(argv));
  } catch (error) {
    const known = error instanceof LatentgradError;
    if (known) writeLastLine(error);
    else writeStack((error as Error).stack ?? String(error));
    return known ? error.exitCode : 1;
  }
}

// Timers or a device left open must not hold the process.
process.exit(await main());
