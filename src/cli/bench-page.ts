import { readFile } from "node:fs/promises";
import { IoError } from "../gpu/errors.ts";
import { type PageServer, servePage } from "../host/page-server.ts";

/** What scripts/build.mjs makes of web/bench/, beside the command line's own bundle. */
const FILES = { script: "bench.browser.js", html: "bench.html", style: "bench.css" };

/**
 * Serves the page of the benchmark from 127.0.0.1 until the server is closed or the process ends. The
 * measuring is done in the browser that opens it.
 *
 * @param port 0 for any that is free. What a page remembers is kept by port, too.
 * @throws IoError where the port is taken
 */
export async function serveBenchPage(port: number): Promise<PageServer> {
  const [script, html, style] = await Promise.all([
    readBuilt(FILES.script),
    readBuilt(FILES.html),
    readBuilt(FILES.style),
  ]);
  return servePage({ script, html, style, port, config: {} });
}

async function readBuilt(name: string): Promise<string> {
  const file = new URL(name, import.meta.url);
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new IoError(`cannot read ${file}: ${(error as Error).message}`);
  }
}
