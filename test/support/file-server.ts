import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface FileServer {
  /** Without a slash at its end. */
  readonly url: string;
  /** `PATH RANGE` of every request so far. */
  readonly asked: string[];
  /** What answers; tests set it. */
  answer: (request: IncomingMessage, response: ServerResponse) => void;
  close(): Promise<void>;
}

/** An HTTP server on a free port of 127.0.0.1 that answers 404 until it is told what to do. */
export async function startFileServer(): Promise<FileServer> {
  const asked: string[] = [];
  const node = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.range ?? "whole"}`);
    server.answer(request, response);
  });
  await new Promise<void>((resolve) => node.listen(0, "127.0.0.1", resolve));
  const server: FileServer = {
    url: `http://127.0.0.1:${(node.address() as AddressInfo).port}`,
    asked,
    answer: (_, response) => response.writeHead(404).end(),
    close: () =>
      new Promise((resolve) => {
        node.close(() => resolve());
        node.closeAllConnections();
      }),
  };
  return server;
}

/** The first byte that a request asks for. */
export function rangeStart(request: IncomingMessage): number {
  return Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
}

/** Answers as a proper server does: the whole file, or what is left of it. */
export function serve(
  bytes: Uint8Array,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const from = rangeStart(request);
    if (from === 0) {
      response.writeHead(200, { "content-length": bytes.length }).end(bytes);
    } else if (from >= bytes.length) {
      response.writeHead(416).end();
    } else {
      const range = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
      response.writeHead(206, { "content-range": range }).end(bytes.subarray(from));
    }
  };
}

/**
 * Sends so many bytes of what `serve` would, then breaks the connection. A runtime may drop what came just
 * before that: with `kept`, how many bytes of the file the reader has, it waits for them to be there.
 */
export function breakAfter(
  bytes: Uint8Array,
  count: number,
  kept?: () => number,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const from = rangeStart(request);
    const { length } = bytes;
    if (from === 0) response.writeHead(200, { "content-length": length });
    else response.writeHead(206, { "content-range": `bytes ${from}-${length - 1}/${length}` });
    // The end of the connection follows what was written: however slow the reader is, that arrives.
    const end = () => {
      if (kept && kept() < Math.min(length, from + count)) setTimeout(end, 5);
      else response.socket?.end();
    };
    response.write(bytes.subarray(from, from + count), end);
  };
}
