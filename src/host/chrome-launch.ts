import { readFile } from "node:fs/promises";
import type { Browser } from "playwright-core";
import { IoError, LatentgradError } from "../gpu/errors.ts";
import { openChromium } from "./chromium.ts";
import { createNodeHost } from "./node.ts";
import { exitStatus } from "./node-launch.ts";
import type { PageConfig } from "./page-protocol.ts";
import { servePage } from "./page-server.ts";

/** Variables that matter to the page; the rest of the environment is none of its business. */
function passedEnvironment(): Record<string, string | undefined> {
  const names = Object.keys(process.env).filter((name) =>
    /^(LATENTGRAD_.*|NO_COLOR|FORCE_COLOR|TERM|CI|TZ|LANG)$/.test(name),
  );
  return Object.fromEntries(names.map((name) => [name, process.env[name]]));
}

/**
 * Runs the command line in the embedded headless Chromium: serves `script` (the bundle for pages)
 * from 127.0.0.1 and does the page's file calls in this process.
 *
 * @returns the exit status; the browser is closed in every case, an interruption included
 */
export async function launchChrome(script: string | URL, argv: readonly string[]): Promise<number> {
  const host = await createNodeHost();
  let source: Buffer;
  try {
    source = await readFile(script);
  } catch (error) {
    throw new IoError(`cannot read ${script}: ${(error as Error).message}`);
  }
  const { cwd, cacheDir, stderrIsTerminal } = host;
  const config: PageConfig = { argv, env: passedEnvironment(), cwd, cacheDir, stderrIsTerminal };
  const server = await servePage({ script: source, config, host });
  let browser: Browser | undefined;
  let stop: ((status: number) => void) | undefined;
  const interrupted = new Promise<number>((resolve) => {
    stop = resolve;
  });
  const onSignal = (signal: NodeJS.Signals) => stop?.(exitStatus(null, signal));
  const signals: NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.on(signal, onSignal);
  try {
    const opening = openChromium(server.url);
    const opened = await Promise.race([opening, interrupted]);
    if (typeof opened === "number") {
      // Closed as soon as it is there, without waiting for that to report the interruption.
      await opening.then((late) => late.browser.close()).catch(() => {});
      return opened;
    }
    browser = opened.browser;
    const crashed = new Promise<never>((_, reject) => {
      const fail = () => reject(new LatentgradError("Chrome ended unexpectedly (out of memory?)"));
      opened.page.on("crash", fail);
      opened.browser.on("disconnected", fail);
    });
    const run = opened.page.evaluate(() =>
      (globalThis as unknown as { latentgradStart(): Promise<number> }).latentgradStart(),
    );
    // Closing the browser rejects whichever of them has not settled.
    run.catch(() => {});
    crashed.catch(() => {});
    return await Promise.race([run, interrupted, crashed]);
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
    await browser?.close().catch(() => {});
    await server.close();
  }
}
