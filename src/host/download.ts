import { afterFailure, withCleanUp } from "../gpu/clean-up.ts";
import { DataError, LatentgradError } from "../gpu/errors.ts";
import type { FilePin } from "./host.ts";
import { PartFile } from "./part-file.ts";

export interface DownloadOptions {
  /** Told how many bytes are there. */
  readonly onProgress?: ((received: number) => void) | undefined;
  /** A connection on which nothing arrives for so long counts as broken; milliseconds. */
  readonly stallMs?: number;
  /** The waits before a second try, a third, …; milliseconds. */
  readonly pausesMs?: readonly number[];
}

/** The connection broke, or the server is busy: another try may succeed. */
class Broken extends Error {}

/**
 * Fetches a file whose size and hash are known (see `Host.download`). A connection that breaks is
 * tried again, three times in all, each going on where the one before broke off. A server that
 * cannot be reached, that answers an error or that has another file is not asked again.
 */
export async function download(
  url: string,
  target: string,
  pin: FilePin,
  options: DownloadOptions = {},
): Promise<void> {
  const { pausesMs = [1000, 3000] } = options;
  const part = await PartFile.open(`${target}.part`, pin);
  const fetchAll = async () => {
    for (let tries = 1; !part.complete; tries++) {
      try {
        await receive(url, part, pin, options);
      } catch (error) {
        if (!(error instanceof Broken)) throw error;
        // What broke is the end of a connection that has done its work.
        if (part.complete) break;
        const pause = pausesMs[tries - 1];
        if (pause === undefined) {
          throw refusal(
            url,
            `${error.message} (${tries} tries; ${part.length} of ${pin.bytes} bytes are kept for the next)`,
          );
        }
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
    if (!part.matches()) {
      await part.remove();
      const hash =
        pin.sha256 === undefined ? `MD5 is not ${pin.md5}` : `SHA-256 is not ${pin.sha256}`;
      throw refusal(url, `its ${hash}; what had arrived was removed`);
    }
    await part.reread();
    if (!part.matches()) {
      throw refusal(url, "another process changed the file while it arrived; try again");
    }
    await part.moveTo(target);
  };
  try {
    await withCleanUp(fetchAll, () => part.close());
  } catch (error) {
    await afterFailure(() => part.removeIfEmpty());
    throw error;
  }
}

/** One connection: appends what it sends to `part`. */
async function receive(
  url: string,
  part: PartFile,
  pin: FilePin,
  { onProgress, stallMs = 30_000 }: DownloadOptions,
): Promise<void> {
  const connection = new AbortController();
  const patiently = async <T>(wait: Promise<T>): Promise<T> => {
    const stalled = new Broken(`nothing arrived for ${stallMs / 1000} s`);
    const timer = setTimeout(() => connection.abort(stalled), stallMs);
    try {
      return await wait;
    } catch (error) {
      throw connection.signal.aborted ? stalled : connectionError(url, error);
    } finally {
      clearTimeout(timer);
    }
  };
  try {
    const response = await patiently(ask(url, part.length, connection.signal));
    await checkResponse(url, response, part, pin);
    onProgress?.(part.length);
    const reader = response.body?.getReader();
    while (reader) {
      const { done, value } = await patiently(reader.read());
      if (done) break;
      if (part.length + value.length > pin.bytes) {
        await part.remove();
        throw refusal(url, `the server sends more than the ${pin.bytes} bytes of the file`);
      }
      await part.append(value);
      onProgress?.(part.length);
    }
    if (!part.complete) {
      throw new Broken(`the connection ended after ${part.length} of ${pin.bytes} bytes`);
    }
  } finally {
    // Closes what is left of a connection that was given up.
    connection.abort();
  }
}

function ask(url: string, from: number, signal: AbortSignal): Promise<Response> {
  // A server that compresses on the way would send other bytes than were pinned.
  const headers: Record<string, string> = { "accept-encoding": "identity" };
  if (from > 0) headers.range = `bytes=${from}-`;
  return fetch(url, { headers, signal });
}

/** Lets pass what continues `part`, or begins anew after it was rewound. */
async function checkResponse(
  url: string,
  response: Response,
  part: PartFile,
  pin: FilePin,
): Promise<void> {
  const { status, headers } = response;
  if (status === 416 && part.length > 0) {
    await part.clear();
    throw new Broken("the server has no such range");
  }
  if (status >= 500 || status === 408 || status === 429) {
    throw new Broken(`the server answers with status ${status}`);
  }
  if (status !== 200 && status !== 206) {
    throw refusal(url, `the server answers with status ${status}`);
  }
  const encoding = headers.get("content-encoding") ?? "identity";
  if (encoding !== "identity") {
    throw refusal(
      url,
      `the server encodes the file as ${encoding}, so its bytes are not the file's`,
    );
  }
  let size = headers.get("content-length");
  if (status === 206) {
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get("content-range") ?? "");
    if (Number(range?.[1]) !== part.length) {
      await part.clear();
      throw new Broken("the server sends another range than was asked for");
    }
    size = range?.[2] === "*" ? null : (range?.[2] ?? null);
  } else {
    part.rewind();
  }
  if (size !== null && Number(size) !== pin.bytes) {
    throw refusal(url, `the server's file has ${size} bytes, expected ${pin.bytes}`);
  }
}

/** What failed connections are called, by Node's codes and by the words of Deno. */
const unreachable: readonly (readonly [RegExp, string])[] = [
  [/ENOTFOUND|EAI_AGAIN|dns error/, "the host is not found (no network?)"],
  [/ECONNREFUSED|Connection refused/, "the host refuses the connection"],
  [/ENETUNREACH|EHOSTUNREACH|unreachable|CONNECT_TIMEOUT|error \(Connect\)/, "no way to the host"],
];

/** Broken for a connection that failed midway, an error for the user for one that was never made. */
function connectionError(url: string, error: unknown): Error {
  if (error instanceof LatentgradError) return error;
  const words: string[] = [];
  for (let at: unknown = error; at instanceof Error && words.length < 10; at = at.cause) {
    words.push((at as { code?: string }).code ?? "", at.message);
  }
  const text = words.join(" ");
  const reason = unreachable.find(([pattern]) => pattern.test(text))?.[1];
  if (reason !== undefined) return refusal(url, reason);
  const last = words.filter((word) => word !== "").at(-1) ?? String(error);
  return new Broken(`the connection broke (${last.replace(/\s+/g, " ")})`);
}

function refusal(url: string, reason: string): DataError {
  return new DataError(`cannot download ${url}: ${reason}`);
}
