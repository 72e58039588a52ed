import { readFile } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { openChromium } from "../../src/host/chromium.ts";
import { runtimeCommand } from "../../src/host/node-launch.ts";
import { type PageServer, servePage } from "../../src/host/page-server.ts";
import { PatientRunner } from "./patience.ts";
import { ProcessRunner } from "./process-runner.ts";
import type { Answers, Ask } from "./protocol.ts";

/** A process or page that runs one side. Closing it twice is once. */
export interface Runner {
  ask<A extends Ask>(question: A): Promise<Answers[A["ask"]]>;
  close(): Promise<void>;
}

export async function startRunner(
  runtime: "deno" | "chrome",
  name: string,
  bundle: string,
): Promise<Runner> {
  const runner =
    runtime === "deno"
      ? new ProcessRunner(name, await runtimeCommand("deno", bundle, []))
      : await PageRunner.start(bundle);
  return new PatientRunner(name, runner);
}

class PageRunner implements Runner {
  private constructor(
    private readonly browser: Browser,
    private readonly page: Page,
    private readonly server: PageServer,
  ) {}

  static async start(bundle: string): Promise<PageRunner> {
    const server = await servePage({ script: await readFile(bundle), config: {} });
    let browser: Browser | undefined;
    try {
      const opened = await openChromium(server.url);
      browser = opened.browser;
      await opened.page.waitForFunction(() => "benchAsk" in globalThis);
      return new PageRunner(browser, opened.page, server);
    } catch (error) {
      await browser?.close().catch(() => {});
      await server.close();
      throw error;
    }
  }

  ask<A extends Ask>(question: A): Promise<Answers[A["ask"]]> {
    return this.page.evaluate(
      (asked) =>
        (globalThis as unknown as { benchAsk(q: Ask): Promise<Answers[A["ask"]]> }).benchAsk(asked),
      question as Ask,
    );
  }

  async close(): Promise<void> {
    await this.browser.close().catch(() => {});
    await this.server.close();
  }
}
