import type { Host } from "../src/host/host.ts";
import { main as step } from "./step.ts";
import { main as trainer } from "./trainer.ts";

/** Runs a benchmark as a process does: `argv` is its name and one JSON of options. */
export function main(argv: readonly string[], host: Host): Promise<number> {
  const [name, ...rest] = argv;
  return (name === "trainer" ? trainer : step)(rest, host);
}
