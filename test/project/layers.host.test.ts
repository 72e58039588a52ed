/** The check of the structure sees what it is there for, and finds nothing in this project. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";

interface Structure {
  readonly layers: readonly string[];
  checkStructure(files: ReadonlyMap<string, string>): string[];
  readSources(root: string): Map<string, string>;
}

const test = suite("structure of the sources");
const root = process.cwd();
const load = (): Promise<Structure> =>
  import(pathToFileURL(join(root, "scripts/layers.mjs")).href) as Promise<Structure>;

/** What is wrong with files of these texts. */
async function wrong(files: Readonly<Record<string, string>>): Promise<string[]> {
  const { checkStructure } = await load();
  return checkStructure(new Map(Object.entries(files)));
}

test("nothing in this project is wrong, and nothing is once something is", async () => {
  const { checkStructure, readSources } = await load();
  const files = readSources(root);
  assert.ok([...files.keys()].filter((path) => path.startsWith("src/")).length > 300);
  assert.equal(checkStructure(files), []);
  const path = "src/gpu/errors.ts";
  files.set(path, `import type { Tensor } from "../tensor/tensor.ts";\n${files.get(path)}`);
  const [first, ...others] = checkStructure(files);
  assert.is(first, `${path}:1 imports "../tensor/tensor.ts": src/gpu stands above src/tensor`);
  assert.match(others.join("\n"), /^a circle among \d+ files: .*src\/gpu\/errors\.ts:1 imports /);
});

test("an import against the layers is named with its file and line, in whatever form", async () => {
  const forms = [
    'import { b } from "../nn/b.ts";',
    'import type { B } from "../nn/b.ts";',
    'import { type B } from "../nn/b.ts";',
    'import "../nn/b.ts";',
    'export { b } from "../nn/b.ts";',
    'export type * from "../nn/b.ts";',
    'export const b = () => import("../nn/b.ts");',
    'export type B = import("../nn/b.ts").B;',
  ];
  for (const form of forms)
    assert.equal(
      await wrong({ "src/gpu/a.ts": `\n${form}\n`, "src/nn/b.ts": "" }),
      ['src/gpu/a.ts:2 imports "../nn/b.ts": src/gpu stands above src/nn'],
      form,
    );
  const allowed = await wrong({ "src/nn/b.ts": 'import "../gpu/a.ts";', "src/gpu/a.ts": "" });
  assert.equal(allowed, []);
  const text = 'const line = `import "../nn/b.ts"`; // import "../nn/b.ts"';
  assert.equal(await wrong({ "src/gpu/a.ts": text, "src/nn/b.ts": "" }), []);
});

test("folders without a place, tests and entry points are imported by no layer", async () => {
  const from = { "src/cli/a.ts": 'import "../new/b.ts";', "src/new/b.ts": "" };
  assert.equal(await wrong(from), [
    'src/cli/a.ts:1 imports "../new/b.ts": src/new has no place in scripts/layers.mjs',
  ]);
  const tests = { "src/cli/a.ts": 'import "../../test/b.ts";', "test/b.ts": "" };
  assert.equal(await wrong(tests), [
    'src/cli/a.ts:1 imports "../../test/b.ts": src imports nothing of test',
  ]);
  const entry = { "src/cli/a.ts": 'import "../entries/b.ts";', "src/entries/b.ts": "" };
  assert.equal(await wrong(entry), [
    'src/cli/a.ts:1 imports "../entries/b.ts": src/cli stands above src/entries',
  ]);
  assert.equal(
    await wrong({ "src/entries/b.ts": 'export * from "../cli/a.ts";', "src/cli/a.ts": "" }),
    [],
  );
});

test("pages import what the package exports and nothing else; what compares engines imports all", async () => {
  const inner = "../../src/gpu/b.ts";
  for (const form of [`import type { B } from "${inner}";`, `export const b = import("${inner}");`])
    assert.equal(
      await wrong({ "web/bench/a.ts": form, "src/gpu/b.ts": "" }),
      [
        `web/bench/a.ts:1 imports "${inner}": web imports nothing but src/entries, what the package exports`,
      ],
      form,
    );
  const support = { "web/a.ts": 'import "../test/b.ts";', "test/b.ts": "" };
  assert.is((await wrong(support)).length, 1);
  const allowed = {
    "web/bench/a.ts": 'import "../../src/entries/models/all.ts"; import "../c.ts";',
    "web/c.ts": "",
    "src/entries/models/all.ts": "",
    "bench/a.ts": 'import "../src/gpu/b.ts";',
    "src/gpu/b.ts": "",
  };
  assert.equal(await wrong(allowed), []);
});

test("a circle is shown by its shortest way, one for each group of files", async () => {
  const to = (...names: string[]) =>
    names.map((name) => `import type {} from "./${name}.ts";`).join("\n");
  const files = {
    "src/gpu/a.ts": to("b"),
    "src/gpu/b.ts": to("c"),
    "src/gpu/c.ts": to("a", "d"),
    "src/gpu/d.ts": to("c"),
    "src/gpu/e.ts": to("a"),
    "src/nn/f.ts": to("f"),
  };
  assert.equal(await wrong(files), [
    "a circle among 4 files: src/gpu/c.ts:2 imports src/gpu/d.ts, src/gpu/d.ts:1 imports src/gpu/c.ts",
    "a circle among 1 files: src/nn/f.ts:1 imports src/nn/f.ts",
  ]);
});

test("CONTRIBUTING.md names the same layers", async () => {
  const { layers } = await load();
  const text = readFileSync(join(root, "CONTRIBUTING.md"), "utf8");
  const line = /^- The layers import in one direction only: .*?then in `src\/` ([\w, ]+)\./m.exec(
    text,
  );
  assert.equal(line?.[1]?.split(", "), layers);
});

test.run();
