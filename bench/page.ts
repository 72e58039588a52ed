import { LatentgradError } from "../src/gpu/errors.ts";
import { createPageHost } from "../src/host/page.ts";
import type { PageConfig } from "../src/host/page-protocol.ts";
import { main } from "./trainer.ts";

/** Entry of the page that Chrome runs. */
async function latentgradStart(): Promise<number> {
  const base = new URL(".", location.href).href;
  const config = (await (await fetch(`${base}config.json`)).json()) as PageConfig;
  const host = createPageHost(config, base);
  Object.assign(globalThis, { LATENTGRAD_ENV: config.env });
  let status: number;
  try {
    status = await main(config.argv, host);
  } catch (error) {
    const known = error instanceof LatentgradError;
    await host.stderr(`bench: ${known ? error.message : (error as Error).stack}\n`);
    status = known ? error.exitCode : 1;
  }
  await host.flush();
  return status;
}

Object.assign(globalThis, { latentgradStart });
