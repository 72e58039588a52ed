/**
 * The part of the test harness that runs inside a runtime: imports test files one after another,
 * runs the suites each registers with uvu, and reports every event as one marked line.
 */
import { requestAdapter } from "../../src/gpu/adapter.ts";
import { type Usage, usedSince, watchUsage } from "./usage.ts";

export const MARK = "##latentgrad-test ";

export type TestEvent =
  | { readonly kind: "file"; readonly file: string }
  | {
      readonly kind: "result";
      readonly file: string;
      readonly passed: number;
      readonly failed: number;
      readonly skipped: number;
      readonly milliseconds: number;
      readonly usage: Usage;
      readonly messages: readonly string[];
    }
  | { readonly kind: "skip"; readonly reason: string }
  | { readonly kind: "adapter"; readonly name: string | undefined }
  | { readonly kind: "end" };

export interface TestConfig {
  readonly files: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

type Suite = () => Promise<[errors: string | true, passed: number, skipped: number, total: number]>;

interface TestGlobals {
  UVU_DEFER: number;
  UVU_INDEX: number;
  UVU_QUEUE: Suite[][];
  LATENTGRAD_ENV?: Readonly<Record<string, string>>;
  process?: { argv: string[]; exit(status: number): never };
  latentgradTests?: (config: TestConfig) => Promise<void>;
}

const globals = globalThis as unknown as TestGlobals;

export function report(event: TestEvent): void {
  console.log(MARK + JSON.stringify(event));
}

/** Error messages carry terminal colours, which are in the way of reading logs. */
function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what colours are made of
  return text.replace(/\u001b\[[0-9;]*m/g, "").trim();
}

async function runFile(
  file: string,
  load: () => Promise<unknown>,
  used: () => Usage,
): Promise<void> {
  report({ kind: "file", file });
  const started = performance.now();
  const before = used();
  const messages: string[] = [];
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  globals.UVU_QUEUE = [[]];
  try {
    await load();
    for (const suite of globals.UVU_QUEUE[0]!) {
      const [errors, ran, left, total] = await suite();
      passed += ran;
      failed += total - ran;
      skipped += left;
      if (typeof errors === "string") messages.push(plain(errors));
      else if (total > ran) messages.push("a hook failed before its tests");
    }
    if (passed + failed + skipped === 0) {
      failed++;
      messages.push("registers no test (is test.run() missing?)");
    }
  } catch (error) {
    failed++;
    messages.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  const milliseconds = Math.round(performance.now() - started);
  const usage = usedSince(before, used());
  report({ kind: "result", file, passed, failed, skipped, milliseconds, usage, messages });
}

/** The driver and the sort of the adapter that tests get here; undefined where they get none. */
async function adapterHere(): Promise<string | undefined> {
  try {
    const { kind, name } = await requestAdapter();
    return kind === "gpu" || kind === "other" ? name : kind;
  } catch {
    return undefined; // the tests say why
  }
}

/** Called by the generated bundle with a loader for every test file. */
export async function runTests(
  loaders: Readonly<Record<string, () => Promise<unknown>>>,
): Promise<void> {
  globals.UVU_DEFER = 1;
  globals.UVU_INDEX = 0;
  const run = async (config: TestConfig) => {
    const used = await watchUsage();
    if (config.files.length === 0) report({ kind: "adapter", name: await adapterHere() });
    for (const file of config.files) await runFile(file, loaders[file]!, used);
    report({ kind: "end" });
  };
  if ("document" in globalThis) {
    globals.latentgradTests = async (config) => {
      globals.LATENTGRAD_ENV = config.env;
      await run(config);
    };
    return;
  }
  await run({ files: JSON.parse(globals.process!.argv[2]!) as string[], env: {} });
  // Whether processes end by themselves is tested on its own; here leftovers must not cost time.
  globals.process!.exit(0);
}
