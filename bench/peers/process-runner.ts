import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { exitStatus, type RuntimeCommand } from "../../src/host/node-launch.ts";
import type { Runner } from "./protocol.ts";
import { type Answers, type Ask, MARK } from "./protocol.ts";
import { emptyShaderCache } from "./shader-cache.ts";

/** Lines of what a process prints that are kept for the message of its end. */
const KEPT_LINES = 20;

/** A side in a process, which is asked on its standard input and answers on its output. */
export class ProcessRunner implements Runner {
  private readonly child: ChildProcess;
  private readonly tail: string[] = [];
  private waiting: { resolve(value: unknown): void; reject(e: Error): void } | undefined;
  /** Why the process answers no more. */
  private ended: string | undefined;
  private readonly gone: Promise<void>;
  private readonly cache = mkdtempSync(join(tmpdir(), "latentgrad-shaders-"));

  constructor(
    private readonly name: string,
    { command, args, env }: RuntimeCommand,
  ) {
    const child = spawn(command, args, {
      env: { ...env, ...emptyShaderCache(this.cache) },
      stdio: "pipe",
    });
    this.child = child;
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on("line", (line) => this.line(line));
    // A process that takes no questions is of no use. How it ended says more than the broken pipe.
    child.stdin.on("error", () => child.kill("SIGKILL"));
    this.gone = new Promise((resolve) => {
      child.on("error", (error) => {
        this.end(`${name} does not start: ${error.message}`);
        resolve();
      });
      child.on("exit", (code, signal) => {
        this.end(`${name} ended with status ${exitStatus(code, signal)}`);
        resolve();
      });
    });
    process.on("exit", this.drop);
  }

  /** Leaves neither process nor folder, also where this process ends at once. */
  private readonly drop = () => {
    this.child.kill("SIGKILL");
    rmSync(this.cache, { recursive: true, force: true });
  };

  private end(reason: string): void {
    this.ended = reason;
    this.settle()?.reject(new Error([reason, ...this.tail].join("\n")));
  }

  /** Who waits for an answer, once. */
  private settle() {
    const { waiting } = this;
    this.waiting = undefined;
    return waiting;
  }

  private line(text: string): void {
    if (!text.startsWith(MARK)) {
      this.tail.push(text);
      if (this.tail.length > KEPT_LINES) this.tail.shift();
      return;
    }
    let answer: { error?: string };
    try {
      answer = JSON.parse(text.slice(MARK.length)) as { error?: string };
    } catch {
      answer = { error: `gave an answer that is no JSON: ${text}` };
    }
    if (answer.error) this.settle()?.reject(new Error(`${this.name}: ${answer.error}`));
    else this.settle()?.resolve(answer);
  }

  ask<A extends Ask>(question: A): Promise<Answers[A["ask"]]> {
    if (this.ended) return Promise.reject(new Error(this.ended));
    return new Promise((resolve, reject) => {
      this.waiting = { resolve: (value) => resolve(value as Answers[A["ask"]]), reject };
      this.child.stdin?.write(`${JSON.stringify(question)}\n`);
    });
  }

  async close(): Promise<void> {
    process.off("exit", this.drop);
    this.child.kill("SIGKILL");
    // Until it is gone it may write another file.
    await this.gone;
    this.drop();
  }
}
