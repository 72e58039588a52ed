import { readFile } from "node:fs/promises";
import html from "../../web/bench/index.html";
import style from "../../web/bench/style.css";
import { IoError } from "../gpu/errors.ts";
import { type PageServer, servePage } from "../host/page-server.ts";

/**
 * Serves the page of the benchmark from 127.0.0.1 until the server is closed or the process ends. The
 * measuring is done in the browser that opens it.
 *
 * @param port 0 for any that is free. What a page remembers is kept by port, too.
 * @throws IoError where the port is taken
 */
export async function serveBenchPage(port: number): Promise<PageServer> {
  const bundle = new URL("bench.browser.js", import.meta.url);
  let script: Buffer;
  try {
    script = await readFile(bundle);
  } catch (error) {
    throw new IoError(`cannot read ${bundle}: ${(error as Error).message}`);
  }
  return servePage({ script, html, style, port, config: {} });
}
