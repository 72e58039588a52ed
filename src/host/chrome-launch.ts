import { readFile } from "node:fs/promises";
import type { Browser } from "playwright-core";
import { afterFailure, withCleanUp } from "../gpu/clean-up.ts";
import { IoError, LatentgradError } from "../gpu/errors.ts";
import { openChromium } from "./chromium.ts";
import { createNodeHost } from "./node.ts";
import type { PageConfig } from "./page-protocol.ts";
import { servePage } from "./page-server.ts";
import { StoppedBySignal, sameSignalMs, signals } from "./signals.ts";

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
 * @throws StoppedBySignal
 */
export async function launchChrome(script: string | URL, argv: readonly string[]): Promise<number> {
  const watch = new SignalWatch();
  const host = await createNodeHost();
  let source: Buffer;
  try {
    source = await readFile(script);
  } catch (error) {
    throw new IoError(`cannot read ${script}: ${(error as Error).message}`);
  }
  const { cwd, cacheDir, stderrIsTerminal, stderrColumns } = host;
  const streams = { stderrIsTerminal, stderrColumns };
  const config: PageConfig = { argv, env: passedEnvironment(), cwd, cacheDir, ...streams };
  const server = await servePage({ script: source, config, host });
  let browser: Browser | undefined;
  const work = async () => {
    const opening = openChromium(server.url);
    const opened = await Promise.race([opening, watch.stopped]);
    if (typeof opened === "string") {
      // Closed as soon as it is there, without waiting for that to report the interruption.
      await opening.then((late) => late.browser.close()).catch(() => {});
      throw new StoppedBySignal(opened);
    }
    browser = opened.browser;
    // A signal to a whole process group ends the browser before the page can save anything.
    const gone = async () => {
      await new Promise((resolve) => setTimeout(resolve, sameSignalMs)); // which of them hears it first is open
      return watch.signalled
        ? chromeEnded
        : new LatentgradError("Chrome ended unexpectedly (out of memory?)");
    };
    const crashed = new Promise<string | Error>((resolve) => {
      const fail = () => resolve(gone());
      opened.page.on("crash", fail);
      opened.browser.on("disconnected", fail);
    });
    watch.ask = () =>
      opened.page.evaluate(() =>
        (
          globalThis as unknown as { latentgradInterrupt(): string | undefined }
        ).latentgradInterrupt(),
      );
    const run = opened.page.evaluate(() =>
      (globalThis as unknown as { latentgradStart(): Promise<number> }).latentgradStart(),
    );
    // Closing the browser rejects it, if it has not settled.
    const outcome = run.catch((error: unknown) => {
      if (opened.page.isClosed() || !opened.browser.isConnected()) return gone();
      throw error;
    });
    outcome.catch(() => {});
    const ended = await Promise.race([outcome, watch.stopped, crashed]);
    if (ended instanceof Error) throw ended;
    if (typeof ended === "string") throw new StoppedBySignal(ended);
    return ended;
  };
  return withCleanUp(work, async () => {
    watch.close();
    await afterFailure(() => browser?.close());
    await server.close();
  });
}

/** The line after a signal that ended the browser, too: the page could not save any more. */
const chromeEnded = "interrupted; Chrome was ended as well: what the last checkpoint holds is kept";

/**
 * The process's signals while a page is at work: the first asks the page to stop by itself, which
 * saves what there is; the second ends it.
 */
class SignalWatch {
  /** Asks the page to stop; resolves to a message where it does not stop by itself. */
  ask: (() => Promise<string | undefined>) | undefined;
  /** Resolves to the line to end with, once the page is to be closed. */
  readonly stopped: Promise<string>;
  private stop: (message: string) => void = () => {};
  private first: number | undefined;

  /** A signal has come. */
  get signalled(): boolean {
    return this.first !== undefined;
  }

  constructor() {
    this.stopped = new Promise((resolve) => {
      this.stop = resolve;
    });
    for (const signal of signals) process.on(signal, this.onSignal);
  }

  private readonly onSignal = () => {
    const now = performance.now();
    if (this.first === undefined) {
      this.first = now;
      if (!this.ask) this.stop("interrupted");
      else
        this.ask().then(
          (message) => message !== undefined && this.stop(message),
          () => this.stop(chromeEnded),
        );
    } else if (now - this.first >= sameSignalMs) this.stop("interrupted; stopped at once");
  };

  close(): void {
    for (const signal of signals) process.off(signal, this.onSignal);
  }
}
