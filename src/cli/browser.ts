import { Interruption } from "../host/interruption.ts";
import { createPageHost } from "../host/page.ts";
import type { PageConfig } from "../host/page-protocol.ts";
import { run } from "./core.ts";

/** Entry of the page that Chrome runs; the process that started Chrome calls it. */
async function latentgradStart(): Promise<number> {
  const base = new URL(".", location.href).href;
  const config = (await (await fetch(`${base}config.json`)).json()) as PageConfig;
  const host = createPageHost(config, base);
  Object.assign(globalThis, { LATENTGRAD_ENV: config.env });
  const status = await run([...config.argv], host, interruption);
  await host.flush();
  return status;
}

const interruption = new Interruption();

/** The process calls it at Ctrl-C. Returns the line to end with at once, if no work stops by itself. */
function latentgradInterrupt(): string | undefined {
  return interruption.request()?.message;
}

Object.assign(globalThis, { latentgradStart, latentgradInterrupt });
