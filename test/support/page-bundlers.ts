/** Pages of a project as its author would bundle and serve them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import type { InlineConfig } from "vite";
import { startFileServer } from "./file-server.ts";

/** A page on a server of 127.0.0.1. */
export interface ServedPage {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Writes a page's files into a folder of the project and serves it. `index.html` names its modules as they
 * are written, with `.ts` at their end, and so do modules that start workers.
 */
export type PageBundler = (
  project: string,
  name: string,
  files: Readonly<Record<string, string>>,
) => Promise<ServedPage>;

function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
}

/** Each module of the folder is an entry point, as a page's workers are to be. */
async function withEsbuild(
  project: string,
  name: string,
  files: Readonly<Record<string, string>>,
): Promise<ServedPage> {
  const folder = join(project, `${name}-esbuild`);
  writeFiles(folder, files);
  const modules = Object.keys(files).filter((file) => file.endsWith(".ts"));
  const { outputFiles } = await build({
    entryPoints: modules,
    absWorkingDir: folder,
    outdir: "out",
    ...{ bundle: true, format: "esm", platform: "browser", logLevel: "silent", write: false },
  });
  const texts = new Map(modules.map((file, i) => [`/${file}`, outputFiles[i]!.text]));
  const server = await startFileServer();
  server.answer = ({ url }, response) => {
    const text = texts.get(url ?? "");
    const html = url === "/" ? files["index.html"] : undefined;
    response.setHeader("content-type", text === undefined ? "text/html" : "text/javascript");
    response.statusCode = (text ?? html) === undefined ? 404 : 200;
    response.end(text ?? html);
  };
  return { url: `${server.url}/`, close: () => server.close() };
}

function viteConfig(root: string): InlineConfig {
  const server = { host: "127.0.0.1", port: 0, strictPort: false };
  const worker = { format: "es" } as const;
  return { root, configFile: false, logLevel: "error", server, preview: server, worker };
}

/** A production build, and the server that Vite has for looking at it. */
async function withViteBuild(
  project: string,
  name: string,
  files: Readonly<Record<string, string>>,
): Promise<ServedPage> {
  const folder = join(project, `${name}-vite`);
  writeFiles(folder, files);
  const vite = await import("vite");
  await vite.build(viteConfig(folder));
  const server = await vite.preview(viteConfig(folder));
  return { url: server.resolvedUrls!.local[0]!, close: () => server.close() };
}

/** The server for developing: modules as they are, the package bundled before. */
async function withViteServer(
  project: string,
  name: string,
  files: Readonly<Record<string, string>>,
): Promise<ServedPage> {
  const folder = join(project, `${name}-vite-dev`);
  writeFiles(folder, files);
  const vite = await import("vite");
  const server = await vite.createServer(viteConfig(folder));
  await server.listen();
  return { url: server.resolvedUrls!.local[0]!, close: () => server.close() };
}

export const pageBundlers = {
  esbuild: withEsbuild,
  "Vite's build": withViteBuild,
  "Vite's development server": withViteServer,
} satisfies Record<string, PageBundler>;
