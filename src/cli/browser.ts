import { createPageHost } from "../host/page.ts";
import type { PageConfig } from "../host/page-protocol.ts";
import { run } from "./core.ts";

/** Entry of the page that Chrome runs; the process that started Chrome calls it. */
async function latentgradStart(): Promise<number> {
  const base = new URL(".", location.href).href;
  const config = (await (await fetch(`${base}config.json`)).json()) as PageConfig;
  const host = createPageHost(config, base);
  Object.assign(globalThis, { LATENTGRAD_ENV: config.env });
  const status = await run([...config.argv], host);
  await host.flush();
  return status;
}

Object.assign(globalThis, { latentgradStart });
