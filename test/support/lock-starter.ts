/**
 * A process that asks for locks as it is told on stdin: `{path, at}` a line, where `at` is when to begin,
 * by Date.now(). It says `held` or why not; the next line lets go of what it holds. `{path: ""}` only lets go.
 */
import { createInterface } from "node:readline";
import type { Lock } from "../../src/host/host.ts";
import { lockFile } from "../../src/host/lock.ts";

let held: Lock | undefined;
for await (const line of createInterface({ input: process.stdin })) {
  const { path, at } = JSON.parse(line) as { path: string; at: number };
  await held?.release();
  held = undefined;
  let said = "free";
  if (path !== "") {
    while (Date.now() < at) {
      // all begin at the same moment
    }
    try {
      held = await lockFile(path, path, { patienceMs: 300 });
      said = "held";
    } catch (error) {
      said = `${(error as Error).name}: ${(error as Error).message}`;
    }
  }
  process.stdout.write(`${said}\n`);
}
