import { type Counts, countCalls, since } from "../../src/bench/counting.ts";
import { requestAdapter } from "../../src/gpu/adapter.ts";
import { noise, normals } from "./data.ts";
import { type Answer, type Ask, MARK, type Timed } from "./protocol.ts";
import { OPERAND_STREAMS, type OpTask, opShapes, type StepTask } from "./tasks.ts";

/** An op on operands that lie where the engine keeps them. */
export interface Op {
  /** Starts the computation once more. Its result stays where it is made, or is dropped. */
  call(): void | Promise<void>;
  /** Resolves when all that was started is done, without reading a result. */
  wait(): Promise<void>;
  /** Computes once and reads the result, in latentgrad's layout. */
  read(): Promise<Float32Array>;
  /** Gives the operands back. */
  close(): void;
}

/** The training step with its state. */
export interface Step {
  /**
   * Runs step `step` (from 1) with this noise, [batch, latent], and waits for all of it. Returns the
   * loss.
   */
  step(step: number, noise: Float32Array<ArrayBuffer>): Promise<number>;
}

/** An open engine. */
export interface Engine {
  /** Name of the adapter that its device is of; undefined where it has none. */
  readonly adapter: string | undefined;
  /** Undefined where the engine has no such op. */
  op(task: OpTask, first: Float32Array, second: Float32Array): Promise<Op | undefined>;
  /** Undefined where the engine lacks an op of the step. */
  step(task: StepTask): Promise<Step | undefined>;
}

/** Loads and opens an engine. */
export type Open = () => Promise<Engine>;

/** Answers for one engine. */
export class Answerer {
  private engine: Engine | undefined;
  private counts: Counts | undefined;
  private op: Op | undefined;
  private training: { readonly step: Step; readonly batch: number } | undefined;

  constructor(
    private readonly load: Open,
    private readonly usesWebgpu: boolean,
  ) {}

  async answer(ask: Ask): Promise<Answer> {
    const start = performance.now();
    const ms = () => performance.now() - start;
    switch (ask.ask) {
      case "open": {
        // Chooses the same drivers for every side; the engines then find an adapter by themselves.
        if (this.usesWebgpu) await requestAdapter();
        this.engine = await this.load();
        const { adapter } = this.engine;
        const answer = { ms: ms(), ...(adapter === undefined ? {} : { adapter }) };
        if (this.usesWebgpu) this.counts = countCalls();
        return answer;
      }
      case "prepare": {
        this.op?.close();
        this.op = undefined;
        this.training = undefined;
        const { task } = ask;
        if (!this.engine) throw new Error("nothing is open");
        if (task.kind === "step") {
          const step = await this.engine.step(task);
          if (step) this.training = { step, batch: task.batch };
        } else {
          const { first, second } = opShapes(task);
          const operands = [
            normals(OPERAND_STREAMS.first, first),
            normals(OPERAND_STREAMS.second, second),
          ] as const;
          this.op = await this.engine.op(task, ...operands);
        }
        return { ms: ms(), able: this.op !== undefined || this.training !== undefined };
      }
      case "read": {
        const values = await this.prepared().read();
        const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
        return { ms: ms(), values: base64(bytes) };
      }
      case "calls": {
        const op = this.prepared();
        return this.timed(async () => {
          for (let i = 0; i < ask.count; i++) {
            const started = op.call();
            if (started) await started;
          }
          await op.wait();
        });
      }
      case "step": {
        const { training } = this;
        if (!training) throw new Error("no step is prepared");
        let loss = Number.NaN;
        const given = noise(training.batch, ask.step);
        const timed = await this.timed(async () => {
          loss = await training.step.step(ask.step, given);
        });
        return { ...timed, loss };
      }
    }
  }

  private prepared(): Op {
    if (!this.op) throw new Error("no op is prepared");
    return this.op;
  }

  private async timed(body: () => Promise<void>): Promise<Timed> {
    const before = this.counts && { ...this.counts };
    const start = performance.now();
    await body();
    const ms = performance.now() - start;
    return { ms, ...(before && this.counts ? { counts: since(before, this.counts) } : {}) };
  }
}

function base64(bytes: Uint8Array): string {
  // A piece at a time: arguments of a call are limited in number.
  const pieces: string[] = [];
  for (let i = 0; i < bytes.length; i += 0x6000)
    pieces.push(btoa(String.fromCharCode(...bytes.subarray(i, i + 0x6000))));
  return pieces.join("");
}

interface Streams {
  readonly stdin: { readonly readable: ReadableStream<Uint8Array> };
  exit(status: number): never;
}

/**
 * Answers the comparison's questions: on Deno one JSON a line of standard input, in a page through
 * `benchAsk`. The engine is loaded when it is asked to open, so that this counts as its start.
 */
export async function serve(load: Open, usesWebgpu = true): Promise<void> {
  const answerer = new Answerer(load, usesWebgpu);
  const deno = (globalThis as { Deno?: Streams }).Deno;
  if (!deno) {
    Object.assign(globalThis, { benchAsk: (ask: Ask) => answerer.answer(ask) });
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
        console.log(MARK + JSON.stringify(await answerer.answer(JSON.parse(line) as Ask)));
      } catch (error) {
        console.log(MARK + JSON.stringify({ error: String((error as Error).stack ?? error) }));
      }
    }
  }
  deno.exit(0);
}
