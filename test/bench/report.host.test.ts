import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  adapterOf,
  argumentsOf,
  commandLine,
  measuredSection,
  replaceSection,
  type Section,
  sections,
} from "../../bench/report.ts";
import { ladders } from "../../src/bench/ladders/registry.ts";
import { select } from "../../src/bench/run.ts";
import { stepCases } from "../../src/bench/steps.ts";
import { smallReport } from "../support/bench-reports.ts";

const test = suite("the benchmarks' page");

const how = { command: "latentgrad bench", date: "2026-01-02", load: 0.25 };
const section = (name: string): Section => sections[name] as Section;
const measured = (name: string) => measuredSection(section(name), smallReport, how);
/** The cells of the row whose first is `name`. */
function row(text: string, name: string): string[] {
  const line = text.split("\n").find((other) => other.startsWith(`| ${name} |`));
  assert.ok(line, `no row of ${name}`);
  return line.slice(2, -2).split(" | ");
}

test("a section says how and where it was measured", () => {
  for (const name of Object.keys(sections))
    assert.match(
      measured(name).split("\n")[0]!,
      /^`latentgrad bench`, 2026-01-02, an adapter, deno, \d+ CPU threads, load average before 0\.3:$/,
    );
});

test("kernels stand below the ceilings of their run, with drawing, share and variant", () => {
  const text = measured("kernels");
  assert.ok(text.includes("](results/roofline-deno.svg)"));
  assert.equal(row(text, "multiply-add, f32"), ["multiply-add, f32", "100.0 GFLOP/s", "8 × f32"]);
  assert.equal(row(text, "matmul/4x4"), [
    ...["matmul/4x4", "2.00", "1.00", "4.00", "50.00", "2.00"],
    ...["50.0 %", "compute", "tiled"],
  ]);
  assert.equal(row(text, "add/4x4").slice(6, 8), ["75.0 %", "memory"]);
});

test("steps and growth have a row each; the larger batch is held against the usual one", () => {
  assert.equal(row(measured("steps"), "vae-dense/128"), [
    ...["vae-dense/128", "20.0", "1.00", "4.00", "6400", "36", "1", "0", "16.0 MiB", "70"],
    "1.2 s",
  ]);
  const text = measured("growth");
  assert.is(row(text, "vae-conv/128, z = 512")[1], "130");
  assert.ok(text.includes("over that in batches of 128: 0.95 for vae-conv.\n"), text);
});

test("comparisons that say nothing and engines that failed stand out", () => {
  const text = measured("peers");
  assert.equal(row(text, "step/vae-conv/128").slice(1, 7), [
    ...["2.00", "tfjs-webgpu", "30.0", "28.0, 33.0", "15.00", "2e-6"],
  ]);
  assert.is(row(text, "matmul/8x8x8")[5], "void");
  assert.ok(text.includes("**Void**: jax-js-wasm, matmul/8x8x8: results differ."));
  assert.ok(text.includes("**Failed**: jax-js-webgpu, matmul/8x8x8."));
  const first = "tfjs-webgpu, step/vae-conv/128";
  assert.equal(row(text, first), [first, "1.5 s", "4.5 s"]);
  assert.ok(text.includes("tfjs-webgpu: version 4, two threads."));
});

test("tables have as many cells in each row as titles", () => {
  for (const name of Object.keys(sections))
    for (const table of measured(name).split("\n\n")) {
      const lines = table.split("\n").filter((line) => line.startsWith("|"));
      const cells = new Set(lines.map((line) => line.split("|").length));
      assert.ok(cells.size <= 1, table);
    }
});

test("only what stands between a section's marks is replaced", () => {
  const text = "a\n<!-- x: measured -->\nold\n<!-- x: end -->\nb\n<!-- y: measured -->\n";
  assert.is(
    replaceSection(text, "x", "new"),
    "a\n<!-- x: measured -->\nnew\n<!-- x: end -->\nb\n<!-- y: measured -->\n",
  );
  for (const name of ["y", "z"])
    assert.throws(() => replaceSection(text, name, "new"), `no section "${name}"`);
});

test("a section that another adapter measured is found out by its heading", () => {
  const page = (content: string) => `<!-- x: measured -->\n${content}\n<!-- x: end -->\n`;
  const on = (adapter: string) =>
    measuredSection(section("steps"), { ...smallReport, adapter }, how);
  const found = (standing: string, adapter: string) => {
    const others: string[] = [];
    const text = replaceSection(page(standing), "x", on(adapter), (other) => others.push(other));
    assert.is(text, page(on(adapter)));
    return others;
  };
  const names = ["llvmpipe (LLVM 15.0.6, 256 bits)", "a GPU, large"] as const;
  for (const name of names) assert.is(adapterOf(on(name)), name);
  assert.equal(found(on(names[0]), names[0]), []);
  assert.equal(found(on(names[0]), names[1]), [names[0]]);
  assert.equal(found("Not measured yet: `npm run bench` does it.", names[1]), []);
});

test("the pages have all sections that the command rewrites", () => {
  const page = readFileSync("docs/benchmarks.md", "utf8");
  for (const name of Object.keys(sections))
    for (const runtime of ["deno", "chrome"]) replaceSection(page, `${name}-${runtime}`, "");
  const kernels = readFileSync("docs/kernels.md", "utf8");
  for (const name of Object.keys(ladders)) replaceSection(kernels, `ladder-${name}`, "");
});

test("the sections' filters take every kernel and every model", () => {
  const chosen = (name: string) => select(new RegExp(section(name).filter));
  assert.equal(chosen("kernels").kernels, select(undefined).kernels);
  assert.equal(chosen("kernels").steps, []);
  assert.equal(
    chosen("steps").steps.map(({ name }) => name),
    select(undefined).steps.map(({ name }) => name),
  );
  const growth = chosen("growth");
  assert.equal(
    growth.steps.map(({ name }) => name),
    stepCases.flatMap(({ name }) => (name.startsWith("step/vae-") ? [name] : [])),
  );
  assert.is(growth.growth.length, 5);
});

test("a command is written so that a shell takes it", () => {
  assert.is(
    commandLine(argumentsOf(section("steps"), "deno")),
    "latentgrad bench --filter '^step/(vae-.*/128|(?!vae-).*/32)$' --runtime deno",
  );
  assert.is(
    commandLine(argumentsOf(section("peers"), "chrome")),
    "latentgrad bench --peers --filter '^peer/(?!jax-js-wasm/(step|conv))' --runtime chrome",
  );
});

test.run();
