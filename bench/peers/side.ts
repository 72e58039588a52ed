import { type Counts, countCalls, since } from "../../src/bench/counting.ts";
import { type FoundAdapter, requestAdapter } from "../../src/gpu/adapter.ts";

/** One engine of the comparison, with the step built for it. */
export interface Side {
  /** Runs step `step` (from 1) and waits for all of it. Returns the loss. */
  step(step: number): Promise<number>;
}

/** Opens an engine; the adapter is what WebGPU offers this process. */
export type Open = (batch: number) => Promise<Side>;

export interface Opened {
  readonly adapter: string;
  readonly openMs: number;
}

export interface Stepped {
  readonly loss: number;
  readonly ms: number;
  readonly counts: Counts;
}

/** Lines that begin so are answers; libraries may print others. */
export const MARK = "@bench ";

interface Ask {
  readonly open?: number;
  readonly step?: number;
}

function answerer(open: Open): (ask: Ask) => Promise<Opened | Stepped> {
  let side: Side | undefined;
  let counts: Counts | undefined;
  return async (ask) => {
    if (ask.open !== undefined) {
      // Chooses the same drivers for every side; the engines then find that adapter.
      const found: FoundAdapter = await requestAdapter();
      const start = performance.now();
      side = await open(ask.open);
      const openMs = performance.now() - start;
      counts = countCalls();
      return { adapter: found.name, openMs };
    }
    if (!side || !counts || ask.step === undefined) throw new Error("nothing is open");
    const before = { ...counts };
    const start = performance.now();
    const loss = await side.step(ask.step);
    return { loss, ms: performance.now() - start, counts: since(before, counts) };
  };
}

interface Streams {
  readonly stdin: { readonly readable: ReadableStream<Uint8Array> };
  exit(status: number): never;
}

/**
 * Answers the comparison's questions: on Deno one JSON a line of standard input, in a page through
 * `benchAsk`.
 */
export async function serve(open: Open): Promise<void> {
  const answer = answerer(open);
  const deno = (globalThis as { Deno?: Streams }).Deno;
  if (!deno) {
    Object.assign(globalThis, { benchAsk: answer });
    return;
  }
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of deno.stdin.readable as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      try {
        console.log(MARK + JSON.stringify(await answer(JSON.parse(line) as Ask)));
      } catch (error) {
        console.log(MARK + JSON.stringify({ error: String((error as Error).stack ?? error) }));
      }
    }
  }
  deno.exit(0);
}
