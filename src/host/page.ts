import { IoError } from "../gpu/errors.ts";
import type { FileStatus, Host } from "./host.ts";
import { CALL_HEADER, type PageCall, type PageConfig, type PageFailure } from "./page-protocol.ts";

/** The host of a page in Chrome: every call goes to the process that started the browser. */
export interface PageHost extends Host {
  /** Resolves when all output has arrived. */
  flush(): Promise<void>;
}

/** Calls are posted to `base + "call"`. */
export function createPageHost(config: PageConfig, base: string): PageHost {
  async function call(parameters: PageCall, body?: string | Uint8Array): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(`${base}call`, {
        method: "POST",
        headers: { [CALL_HEADER]: encodeURIComponent(JSON.stringify(parameters)) },
        body: (body ?? null) as BodyInit | null,
      });
    } catch (error) {
      throw new IoError(
        `the process that started Chrome does not answer: ${(error as Error).message}`,
      );
    }
    if (!response.ok) throw new IoError(((await response.json()) as PageFailure).message);
    return response;
  }

  // Output keeps its order: one call after another.
  let output: Promise<unknown> = Promise.resolve();
  const print = (method: "stdout" | "stderr", text: string): Promise<void> => {
    const done = output.then(() => call({ method }, text)).then(() => {});
    output = done.catch(() => {});
    return done;
  };

  return {
    runtime: "chrome",
    env: config.env,
    cwd: config.cwd,
    cacheDir: config.cacheDir,
    stderrIsTerminal: config.stderrIsTerminal,
    async stat(path) {
      return (
        ((await (await call({ method: "stat", path })).json()) as FileStatus | null) ?? undefined
      );
    },
    async list(path) {
      return (await (await call({ method: "list", path })).json()) as string[];
    },
    async readFile(path) {
      return new Uint8Array(await (await call({ method: "readFile", path })).arrayBuffer());
    },
    async writeAtomic(path, bytes) {
      await call({ method: "writeAtomic", path }, bytes);
    },
    async append(path, text) {
      await call({ method: "append", path }, text);
    },
    async makeDirectory(path) {
      await call({ method: "makeDirectory", path });
    },
    async remove(path) {
      await call({ method: "remove", path });
    },
    stdout: (text) => print("stdout", text),
    stderr: (text) => print("stderr", text),
    async flush() {
      await output;
    },
  };
}
