import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { HostMemoryError } from "../formats/host-memory.ts";
import { withCleanUp } from "../gpu/clean-up.ts";
import { DataError, IoError, UsageError } from "../gpu/errors.ts";
import type { Host, Lock } from "./host.ts";
import { codeOf } from "./io-failure.ts";
import {
  CALL_HEADER,
  type DownloadReport,
  type PageCall,
  type PageFailure,
  PICTURE_HEADER,
} from "./page-protocol.ts";

export interface PageServer {
  /** Address of the page, ending in a slash; its random part is the key to every call. */
  readonly url: string;
  close(): Promise<void>;
}

export interface PageContent {
  /** The page's ES module. */
  readonly script: string | Uint8Array;
  /** The page itself, which loads `main.js`; default: an empty one. */
  readonly html?: string;
  /** Answers `style.css`. */
  readonly style?: string;
  /** Default: any that is free. */
  readonly port?: number;
  /** Answers `config.json`. */
  readonly config: unknown;
  /** Carries out the page's calls; without it there are none. */
  readonly host?: Host;
}

/** Origin isolation gives the page finer timers; the policy keeps it to this server. */
const HEADERS = {
  "cache-control": "no-store",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "content-security-policy": "default-src 'self' 'unsafe-eval' blob: data:",
};

/** Most bytes of a file that the page writes; no browser makes a larger buffer. */
const LARGEST_FILE = 2 ** 31;
/** Of what it prints. */
const LARGEST_TEXT = 2 ** 26;
/** Of a call that needs no body. */
const LARGEST_REST = 2 ** 16;
/** A client that takes longer is none of the pages. */
const HEADERS_MS = 10_000;

function largestBody(method: PageCall["method"]): number {
  if (method === "writeAtomic" || method === "append") return LARGEST_FILE;
  return method === "stdout" || method === "stderr" ? LARGEST_TEXT : LARGEST_REST;
}

/** A body that is larger than its call's may be; what is left of it is not read. */
class BodyTooLarge extends IoError {}

/** @throws BodyTooLarge as soon as that is known */
async function readBody(request: IncomingMessage, { method, path }: PageCall): Promise<Buffer> {
  const most = largestBody(method);
  const tooLarge = () =>
    new BodyTooLarge(`cannot ${method} ${path ?? ""}: more than ${most} bytes at once`);
  if (Number(request.headers["content-length"] ?? 0) > most) throw tooLarge();
  const chunks: Buffer[] = [];
  let received = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    received += (chunk as Buffer).length;
    if (received > most) throw tooLarge();
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

async function carryOut(
  host: Host,
  call: PageCall,
  body: Buffer,
  locks: Map<string, Lock>,
): Promise<unknown> {
  const path = call.path ?? "";
  switch (call.method) {
    case "stat":
      return (await host.stat(path)) ?? null;
    case "list":
      return host.list(path);
    case "readFile":
      return host.readFile(path);
    case "writeAtomic":
      return host.writeAtomic(path, body, call.within);
    case "append":
      return host.append(path, body, call.within);
    case "makeDirectory":
      return host.makeDirectory(path);
    case "remove":
      return host.remove(path);
    case "removeEmpty":
      return host.removeEmpty(path);
    case "lock":
      locks.set(path, await host.lock(path));
      return undefined;
    case "checkLock":
      if (!locks.has(path)) throw new Error(`no lock at ${JSON.stringify(path)}`);
      return locks.get(path)?.check(call.file ?? path);
    case "unlock": {
      const lock = locks.get(path);
      locks.delete(path);
      await lock?.release();
      return undefined;
    }
    case "stdout":
      return host.stdout(body.toString("utf8"));
    case "stderr":
      return host.stderr(body.toString("utf8"));
    default:
      throw new Error(`unknown call ${JSON.stringify(call.method)}`);
  }
}

function failureOf(error: unknown): PageFailure {
  const { message } = error as Error;
  if (error instanceof DataError) return { message, kind: "data" };
  if (error instanceof HostMemoryError) return { message, kind: "memory" };
  return error instanceof UsageError ? { message, kind: "usage" } : { message };
}

/** Downloads, and answers line by line how far it has come. */
async function carryOutDownload(
  host: Host,
  { url = "", path = "", pin }: PageCall,
  response: ServerResponse,
): Promise<void> {
  response.writeHead(200, { ...HEADERS, "content-type": "application/x-ndjson" });
  const report = (line: DownloadReport) => response.write(`${JSON.stringify(line)}\n`);
  try {
    if (pin === undefined) throw new Error("a download without size and checksum");
    await host.download(url, path, pin, (received) => report({ received }));
    report({ done: true });
  } catch (error) {
    report({ failure: failureOf(error) });
  }
  response.end();
}

const EMPTY_PAGE =
  '<!doctype html><meta charset="utf-8"><title>latentgrad</title><script type="module" src="main.js"></script>';

/**
 * Serves one page on a port of 127.0.0.1.
 *
 * @throws IoError where the port is not to be had
 */
export async function servePage(content: PageContent): Promise<PageServer> {
  const token = randomBytes(16).toString("hex");
  /** What the page has locked, by path. */
  const locks = new Map<string, Lock>();
  const { html = EMPTY_PAGE, style, port: wantedPort = 0 } = content;

  /** Address and port, once they are known. */
  let authority = "";

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const send = (
      status: number,
      type: string,
      body: string | Uint8Array,
      more: Readonly<Record<string, string>> = {},
    ) => {
      // The rest of a body that nobody wants is not waited for.
      const unread = !request.complete && request.method !== "GET";
      const close = unread ? { connection: "close" } : {};
      response.writeHead(status, { ...HEADERS, "content-type": type, ...more, ...close });
      response.end(body, () => unread && setImmediate(() => request.destroy()));
    };
    const prefix = `/${token}/`;
    // The token is the key; what another page or another name of this machine sends has no business here.
    const { host: addressed, origin } = request.headers;
    const local =
      addressed === authority && (origin === undefined || origin === `http://${authority}`);
    if (!local || !request.url?.startsWith(prefix)) return send(404, "text/plain", "not found");
    const name = request.url.slice(prefix.length);
    if (request.method === "GET" && name === "") return send(200, "text/html", html);
    if (request.method === "GET" && name === "main.js") {
      return send(200, "text/javascript", content.script);
    }
    if (request.method === "GET" && name === "style.css" && style !== undefined) {
      return send(200, "text/css", style);
    }
    if (request.method === "GET" && name === "config.json") {
      return send(200, "application/json", JSON.stringify(content.config));
    }
    if (request.method === "POST" && name === "call" && content.host) {
      try {
        const header = String(request.headers[CALL_HEADER] ?? "");
        const call = JSON.parse(decodeURIComponent(header)) as PageCall;
        if (call.method === "download") return carryOutDownload(content.host, call, response);
        if (call.method === "readPicture") {
          const read = content.host.readPicture(call.path ?? "", call.picture);
          const { pixels, ...facts } = await read;
          const header = { [PICTURE_HEADER]: JSON.stringify(facts) };
          return send(200, "application/octet-stream", pixels, header);
        }
        const result = await carryOut(content.host, call, await readBody(request, call), locks);
        if (result instanceof Uint8Array) return send(200, "application/octet-stream", result);
        return send(200, "application/json", JSON.stringify(result ?? null));
      } catch (error) {
        const status = error instanceof BodyTooLarge ? 413 : 500;
        return send(status, "application/json", JSON.stringify(failureOf(error)));
      }
    }
    send(404, "text/plain", "not found");
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.headersTimeout = HEADERS_MS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      const taken = codeOf(error) === "EADDRINUSE";
      const reason = taken ? "another process has it" : error.message;
      reject(new IoError(`cannot serve on port ${wantedPort} of 127.0.0.1: ${reason}`));
    });
    server.listen(wantedPort, "127.0.0.1", resolve);
  });
  authority = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `http://${authority}/${token}/`,
    close: async () => {
      await withCleanUp(
        async () => {
          for (const lock of locks.values()) await lock.release();
        },
        () =>
          new Promise<void>((resolve) => {
            server.close(() => resolve());
            server.closeAllConnections();
          }),
      );
    },
  };
}
