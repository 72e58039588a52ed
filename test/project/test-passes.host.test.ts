/** Which test files run on which runtime in `npm test`: each at least once. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";

type Adapters = Readonly<Record<string, string | undefined>>;
type Passes = Record<string, string[]>;
type Choose = (files: string[], adapters: Adapters, deviceless: Set<string>) => Passes;

interface TestPasses {
  readonly runtimes: readonly string[];
  readonly portable: readonly { readonly files: RegExp; readonly reason: string }[];
  readonly shortPasses: Choose;
  findDeviceless(
    files: string[],
    inputs: Record<string, { imports: { path: string }[] }>,
    opener?: string,
  ): Set<string>;
  readonly slow: readonly string[];
  longestFirst(files: readonly string[]): string[];
  inTurns(list: readonly string[], parts: number): string[][];
}

const test = suite("passes of the tests");
const load = (): Promise<TestPasses> =>
  import(pathToFileURL(join(process.cwd(), "scripts/test-passes.mjs")).href);

const files = readdirSync("test", { recursive: true })
  .map((file) => `test/${file}`)
  .filter((file) => /^(?!.*\.(host|long)\.test).*\.test\.ts$/.test(file));

const [portable, deviceless, above, kernel] = [
  "test/gpu/open.test.ts",
  "test/x/a.test.ts",
  "test/train/b.test.ts",
  "test/x/c.test.ts",
];
const all = [portable, deviceless, above, kernel];

for (const [what, adapters, expected] of [
  [
    "two adapters",
    { deno: "llvmpipe", node: "swiftshader", chrome: "swiftshader" },
    { deno: all, node: [portable, kernel], chrome: [portable] },
  ],
  [
    "one adapter",
    { deno: "swiftshader", node: "swiftshader", chrome: "swiftshader" },
    { deno: all, node: [portable], chrome: [portable] },
  ],
  [
    "a browser with an adapter of its own",
    { deno: "GPU A", node: "GPU A", chrome: "GPU B" },
    { deno: all, node: [portable], chrome: [portable, kernel] },
  ],
] as const)
  test(`${what}: kernels once an adapter, what differs by runtime everywhere`, async () => {
    const { shortPasses } = await load();
    assert.equal(shortPasses([...all], adapters, new Set([deviceless])), expected);
  });

test("every file runs at least once, and the three runtimes have something to do", async () => {
  const { runtimes, shortPasses } = await load();
  assert.equal([...runtimes].sort(), ["chrome", "deno", "node"]);
  const deviceless = new Set(files.filter((file) => file.startsWith("test/data/")));
  for (const adapters of [
    { deno: "llvmpipe", node: "swiftshader", chrome: "swiftshader" },
    { deno: "swiftshader", node: "swiftshader", chrome: "swiftshader" },
    { deno: undefined, node: "swiftshader", chrome: undefined },
  ]) {
    const passes = shortPasses(files, adapters, deviceless);
    for (const runtime of runtimes) assert.ok(passes[runtime]!.length > 10, runtime);
    for (const file of files)
      assert.ok(
        runtimes.some((runtime) => passes[runtime]!.includes(file)),
        file,
      );
  }
});

test("each sort of file that runs everywhere is there, and says why", async () => {
  for (const { files: pattern, reason } of (await load()).portable) {
    assert.ok(
      files.some((file) => pattern.test(file)),
      `${pattern} names no file`,
    );
    assert.ok(reason.length > 10, `${pattern}`);
  }
});

test("a file that no import leads to a device from is found by its imports", async () => {
  const { findDeviceless } = await load();
  const to = (...paths: string[]) => ({ imports: paths.map((path) => ({ path })) });
  const inputs = {
    "a.test.ts": to("support.ts", "circle.ts"),
    "b.test.ts": to("circle.ts"),
    "support.ts": to("src/gpu/open.ts"),
    "src/gpu/open.ts": to("circle.ts"),
    "circle.ts": to("round.ts"),
    "round.ts": to("circle.ts"),
  };
  assert.equal([...findDeviceless(["a.test.ts", "b.test.ts"], inputs)], ["b.test.ts"]);
});

test("files that are known to be slow exist and come first, and none is lost", async () => {
  const { longestFirst, slow } = await load();
  for (const file of slow) assert.ok(existsSync(file), file);
  const [slowest, second] = slow as [string, string];
  assert.equal(longestFirst(["a", second, "b", slowest]), [slowest, second, "a", "b"]);
});

test("parts of a pass have all of its files, and as many of each", async () => {
  const { inTurns } = await load();
  assert.equal(inTurns(["a", "b", "c"], 2), [["a", "c"], ["b"]]);
  assert.equal(inTurns(["a"], 2), [["a"], []]);
});

test.run();
