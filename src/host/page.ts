import { HostMemoryError } from "../formats/host-memory.ts";
import { DataError, IoError, UsageError } from "../gpu/errors.ts";
import type { FileStatus, Host } from "./host.ts";
import {
  CALL_HEADER,
  type DownloadReport,
  type PageCall,
  type PageConfig,
  type PageFailure,
  PICTURE_HEADER,
  type PictureFacts,
} from "./page-protocol.ts";

/** The host of a page in Chrome: every call goes to the process that started the browser. */
export interface PageHost extends Host {
  /** Resolves when all output has arrived. */
  flush(): Promise<void>;
}

function errorOf({ message, kind }: PageFailure): Error {
  if (kind === "usage") return new UsageError(message);
  if (kind === "memory") return new HostMemoryError(message);
  return kind === "data" ? new DataError(message) : new IoError(message);
}

/** The lines of a response as they arrive. */
async function* linesOf(response: Response): AsyncGenerator<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
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
    if (!response.ok) throw errorOf((await response.json()) as PageFailure);
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
    stderrColumns: config.stderrColumns,
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
    async readPicture(path, picture = {}) {
      const response = await call({ method: "readPicture", path, picture });
      const facts = JSON.parse(response.headers.get(PICTURE_HEADER) ?? "") as PictureFacts;
      return { ...facts, pixels: new Uint8Array(await response.arrayBuffer()) };
    },
    async writeAtomic(path, bytes, within) {
      await call({ method: "writeAtomic", path, within }, bytes);
    },
    async append(path, content, within) {
      await call({ method: "append", path, within }, content);
    },
    async makeDirectory(path) {
      await call({ method: "makeDirectory", path });
    },
    async lock(path) {
      await call({ method: "lock", path });
      return {
        check: async (file) => {
          await call({ method: "checkLock", path, file });
        },
        release: async () => {
          await call({ method: "unlock", path });
        },
      };
    },
    async remove(path) {
      await call({ method: "remove", path });
    },
    async removeEmpty(path) {
      await call({ method: "removeEmpty", path });
    },
    async download(url, path, pin, onProgress) {
      for await (const line of linesOf(await call({ method: "download", url, path, pin }))) {
        const report = JSON.parse(line) as DownloadReport;
        if ("done" in report) return;
        if ("failure" in report) throw errorOf(report.failure);
        onProgress?.(report.received);
      }
      throw new IoError(`the process that started Chrome gave up the download of ${url}`);
    },
    stdout: (text) => print("stdout", text),
    stderr: (text) => print("stderr", text),
    async flush() {
      await output;
    },
  };
}
