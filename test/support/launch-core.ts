/** Stands in for the command core in tests of starting runtimes; same contract as src/cli/core.ts. */
import { requestAdapter } from "../../src/gpu/adapter.ts";
import type { Host } from "../../src/host/host.ts";

export { comparesPeers, loadsKernel, requestedRuntime, servesPage } from "../../src/cli/runtime.ts";
export { configuredRuntime } from "../../src/cli/train-options.ts";

export function needsDevice(argv: readonly string[]): boolean {
  return argv[0] !== "here";
}

export async function run(argv: readonly string[], host: Host): Promise<number> {
  const [what, value] = argv.filter((word) => !word.startsWith("--runtime"));
  if (what === "status") return Number(value);
  if (what === "here") {
    await host.stdout(host.runtime);
    return 0;
  }
  if (what === "adapter") {
    const { kind, runtime } = await requestAdapter();
    await host.stdout(JSON.stringify({ kind, runtime, host: host.runtime, cwd: host.cwd }));
    return 0;
  }
  if (what === "write") {
    await host.writeAtomic(value!, new TextEncoder().encode("bytes ✓"));
    await host.stderr("progress\n");
    return 0;
  }
  if (what === "wait") {
    await host.stdout("waiting\n");
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  }
  if (what === "die") (process as { abort(): never }).abort();
  throw new Error(`unexpected ${what}`);
}
