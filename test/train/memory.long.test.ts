import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { start } from "../support/command.ts";
import { skip } from "../support/skip.ts";

const test = suite("memory of a long training");

/** Steps behind which everything has been compiled and used, and garbage collected more than once. */
const SETTLED = 5_000;
const STEPS = 20_000;
/**
 * Most MiB that samples may be apart. They were 5.7 in Deno on llvmpipe and 1.5 in Node on SwiftShader; 44 and 10.7
 * where no garbage was collected but by the runtime itself.
 */
const MOST = 9;

/** Bytes of a process that are in memory and of no file; Linux only. */
function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return 1024 * Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1]);
}

/** The process that a process has started. */
function childOf(pid: number): number | undefined {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim().split(" "),
  );
  return children.map(Number).find((child) => child > 0);
}

/** The last step of a metrics.jsonl; 0 while there is none. */
function stepOf(metrics: string): number {
  try {
    const steps = readFileSync(metrics, "utf8")
      .trimEnd()
      .match(/"step":\d+/g);
    return Number(steps?.at(-1)?.slice(7) ?? 0);
  } catch {
    return 0;
  }
}

for (const runtime of ["deno", "node"] as const)
  test(`${runtime}: it stays what it is`, async () => {
    if (process.platform !== "linux") return skip("only Linux says how much memory a process has");
    const folder = mkdtempSync(join(tmpdir(), "latentgrad-memory-"));
    try {
      const words = "train vae --data glyphs --set network=dense --set width=0.02 --batch 4";
      const running = start([
        ...words.split(" "),
        "--epochs",
        "1000",
        "--runtime",
        runtime,
        "--out",
        folder,
      ]);
      let over = false;
      running.ended.finally(() => {
        over = true;
      });
      const samples: { readonly step: number; readonly bytes: number }[] = [];
      while (!over && (samples.at(-1)?.step ?? 0) < STEPS) {
        await new Promise((resolve) => setTimeout(resolve, 250));
        const pid = childOf(running.child.pid as number);
        const step = stepOf(join(folder, "metrics.jsonl"));
        if (pid !== undefined && step > 0) samples.push({ step, bytes: residentBytes(pid) });
      }
      assert.not.ok(over, running.stderr());
      running.child.kill("SIGINT");
      await running.ended;
      const settled = samples.filter(({ step }) => step >= SETTLED).map(({ bytes }) => bytes);
      assert.ok(settled.length > 40, `${settled.length} samples`);
      const [least, most] = [Math.min(...settled), Math.max(...settled)].map((n) => n / 2 ** 20);
      assert.ok(
        most! - least! < MOST,
        `between ${least!.toFixed(1)} and ${most!.toFixed(1)} MiB from step ${SETTLED} on`,
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

test.run();
