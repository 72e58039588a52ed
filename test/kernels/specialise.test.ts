import { suite } from "uvu";
import * as assert from "uvu/assert";
import { GpuValidationError } from "../../src/gpu/errors.ts";
import { evaluate, floatLiteral, specialise, specialised } from "../../src/kernels/specialise.ts";
import { TextCache } from "../../src/kernels/text-cache.ts";

const test = suite("specialise");

const lines = (...text: string[]): string => text.join("\n");

function refuses(run: () => unknown, pattern: RegExp): void {
  try {
    run();
  } catch (error) {
    assert.instance(error, GpuValidationError);
    assert.match((error as Error).message, pattern);
    return;
  }
  assert.unreachable(`expected an error matching ${pattern}`);
}

test("sets constants in the type of their default", () => {
  const text = lines(
    "const ROWS = 2u; // a comment stays",
    "const SLOPE = 0.2;",
    "const EPSILON: f32 = 1e-5;",
    "const SHIFT = 0i;",
    "const MEAN = false;",
    "const ROWS_2 = ROWS * 2u;",
  );
  const constants = { ROWS: 8, SLOPE: 1, EPSILON: 0, SHIFT: -3, MEAN: true };
  const expected = lines(
    "const ROWS = 8u; // a comment stays",
    "const SLOPE = 1.0f;",
    "const EPSILON: f32 = 0.0f;",
    "const SHIFT = -3i;",
    "const MEAN = true;",
    "const ROWS_2 = ROWS * 2u;",
  );
  assert.is(specialise(text, { constants }), expected);
  assert.is(specialise(text, {}), text, "nothing given, nothing changed");
});

test("refuses constants that the shader lacks or that are of another kind", () => {
  const text = lines("const ROWS = 2u;", "const MEAN = false;", "const SLOPE = 0.5;");
  const set = (constants: Record<string, number | boolean>) => () =>
    specialise(text, { op: "conv2d", constants });
  refuses(set({ COLUMNS: 1 }), /^conv2d: the shader has no constant COLUMNS$/);
  refuses(set({ ROWS: 1.5 }), /^conv2d: 1.5 is no value for the constant ROWS = 2u$/);
  refuses(set({ ROWS: -1 }), /-1 is no value/);
  refuses(set({ ROWS: true }), /true is no value/);
  refuses(set({ MEAN: 1 }), /1 is no value for the constant MEAN/);
  refuses(set({ SLOPE: Number.NaN }), /NaN is no value/);
});

test("sets aliases and inserts text", () => {
  const text = lines("alias F = f32;", "//@insert helpers", "fn f() {", "  //@insert body", "}");
  const done = specialise(text, {
    aliases: { F: "vec4f" },
    inserts: { helpers: "const A = 1u; // $& $1", body: "  return;" },
  });
  assert.is(
    done,
    lines("alias F = vec4f;", "const A = 1u; // $& $1", "fn f() {", "  return;", "}"),
  );
  refuses(() => specialise(text, { aliases: { G: "f32" } }), /no alias G/);
  refuses(() => specialise(text, { inserts: { tail: "" } }), /no place tail/);
});

test("writes marked loops out, also nested ones that depend on one another", () => {
  const text = lines(
    "const ROWS = 2u;",
    "const COLS = ROWS + 1u;",
    "//@unroll",
    "for (var i = 0u; i < ROWS; i++) {",
    "  let a = x[i * COLS];",
    "  //@unroll",
    "  for (var j = i; j < COLS; j += 2u) {",
    "    y[i + j] = a;",
    "  }",
    "}",
    "for (var k = 0u; k < 3u; k++) {",
    "}",
  );
  const expected = lines(
    "const ROWS = 2u;",
    "const COLS = ROWS + 1u;",
    "{",
    "  let a = x[0u * COLS];",
    "{",
    "    y[0u + 0u] = a;",
    "}",
    "{",
    "    y[0u + 2u] = a;",
    "}",
    "}",
    "{",
    "  let a = x[1u * COLS];",
    "{",
    "    y[1u + 1u] = a;",
    "}",
    "}",
    "for (var k = 0u; k < 3u; k++) {",
    "}",
  );
  assert.is(specialise(text, {}), expected);
  const once = specialise(text, { constants: { ROWS: 0 } });
  assert.not.match(once, /y\[/);
});

test("writes a loop out where the constant that is named behind the mark is true", () => {
  const text = lines(
    "const STORES = true;",
    "var y: array<f32, 2>; //@registers",
    "//@unroll STORES",
    "for (var i = 0u; i < 2u; i++) {",
    "  //@unroll",
    "  for (var j = 0u; j < 1u; j++) {",
    "    x[j] = y[i];",
    "  }",
    "}",
  );
  const written = specialise(text, {});
  assert.match(written, /x\[0u\] = y_0;[\s\S]*x\[0u\] = y_1;/);
  const rolled = lines(
    "const STORES = false;",
    "var y: array<f32, 2>; ",
    "for (var i = 0u; i < 2u; i++) {",
    "{",
    "    x[0u] = y[i];",
    "}",
    "}",
  );
  assert.is(specialise(text, { constants: { STORES: false } }), rolled);
  refuses(
    () => specialise(lines("//@unroll LOADS", "for (var i = 0u; i < 2u; i++) {", "}"), {}),
    /no constant says whether to unroll: "LOADS"$/,
  );
});

test("says which loop it cannot write out", () => {
  const loop = (head: string) => () => specialise(lines("//@unroll", head, "}"), { op: "matmul" });
  refuses(
    loop("for (var i = 0u; i < length; i++) {"),
    /^matmul: cannot unroll "for \(var i = 0u; i < length/,
  );
  refuses(loop("while (true) {"), /cannot unroll "while/);
  refuses(loop("for (var i = 0u; i < 4u; i += 0u) {"), /cannot unroll/);
  refuses(loop("for (var i = 0u; i < 5000u; i++) {"), /too many turns/);
  refuses(() => specialise("//@unroll\nfor (var i = 0u; i < 2u; i++) {", {}), /unclosed block/);
});

test("keeps the branch that a constant picks", () => {
  const text = lines(
    "const WIDTH = 4u;",
    "if (WIDTH == 4u) { //@static",
    "  four();",
    "  if (x > 0u) {",
    "    dynamic();",
    "  } else {",
    "    other();",
    "  }",
    "} else if (WIDTH == 2u) { //@static",
    "  two();",
    "} else {",
    "  one();",
    "}",
    "if (!(WIDTH > 2u)) { //@static",
    "  narrow();",
    "}",
    "end();",
  );
  const kept = (WIDTH: number): string[] =>
    specialise(text, { constants: { WIDTH } })
      .split("\n")
      .map((line) => line.trim())
      .slice(1);
  assert.equal(kept(4), [
    "four();",
    "if (x > 0u) {",
    "dynamic();",
    "} else {",
    "other();",
    "}",
    "end();",
  ]);
  assert.equal(kept(2), ["two();", "narrow();", "end();"]);
  assert.equal(kept(1), ["one();", "narrow();", "end();"]);
  const on = (condition: string) => () =>
    specialise(`if (${condition}) { //@static\n}`, { op: "sum" });
  refuses(on("rows > 1u"), /^sum: not a constant condition: "if \(rows > 1u\)/);
  refuses(
    () => specialise("const A = 1u;\nif (A == 1u) { //@static\n} else if (b) {\n}", {}),
    /\/\/@static is missing/,
  );
});

test("turns arrays of registers into variables, unless an index is dynamic", () => {
  const text = lines(
    "const ROWS = 2u;",
    "  var acc: array<vec4<f32>, ROWS * 2u>; //@registers",
    "  var left: array<u32, ROWS>; //@registers",
    "  //@unroll",
    "  for (var i = 0u; i < ROWS; i++) {",
    "    acc[i * 2u + 1u] += acc[i] * 2.0;",
    "    x += left[i] + left[k];",
    "  }",
  );
  const expected = lines(
    "const ROWS = 2u;",
    "  var acc_0: vec4<f32>;",
    "  var acc_1: vec4<f32>;",
    "  var acc_2: vec4<f32>;",
    "  var acc_3: vec4<f32>;",
    "  var left: array<u32, ROWS>; ",
    "{",
    "    acc_1 += acc_0 * 2.0;",
    "    x += left[0u] + left[k];",
    "}",
    "{",
    "    acc_3 += acc_1 * 2.0;",
    "    x += left[1u] + left[k];",
    "}",
  );
  assert.is(specialise(text, {}), expected);
});

test("bounds the size of what it writes", () => {
  const text = lines("//@unroll", "for (var i = 0u; i < 100u; i++) {", "  work(i);", "}");
  assert.ok(specialise(text, { sizeBound: 2000 }).length <= 2000);
  refuses(
    () => specialise(text, { sizeBound: 1000, op: "conv2d" }),
    /^conv2d: the unrolled shader has \d+ characters, 1000 allowed$/,
  );
});

test("evaluates constant expressions as WGSL does", () => {
  const constants = new Map([
    ["A", 7],
    ["B", 2],
  ]);
  const cases: [string, number | undefined][] = [
    ["1u + 2 * 3u", 7],
    ["(1u + 2u) * 3u", 9],
    ["A / B", 3],
    ["A % B * 10u", 10],
    ["A - B - 1u", 4],
    ["A == 7u && B != 7u", 1],
    ["A < B || B <= 2u", 1],
    ["!(A >= 7u)", 0],
    ["true", 1],
    ["C + 1u", undefined],
    ["A +", undefined],
    ["A & B", undefined],
    ["C > 1u", undefined],
    ["!C", undefined],
    ["C || true", undefined],
    ["min(A, B)", undefined],
    ["", undefined],
    ["1.5", undefined],
    ["(A", undefined],
    ["A / (B - 2u)", undefined],
  ];
  for (const [text, value] of cases) assert.is(evaluate(text, constants), value, text);
});

test("writes floats that read back to the same bits", () => {
  for (const x of [0, -0, 1, -1, 0.1, 1e-7, 3.4e38, 1e21, -2.5e-38, 1 / 3, 16777217]) {
    const text = floatLiteral(x);
    assert.match(text, /^-?\d+(\.\d+)?(e[-+]?\d+)?f$/);
    assert.ok(Object.is(Math.fround(Number.parseFloat(text)), Math.fround(x)), text);
  }
  assert.throws(() => floatLiteral(Number.NaN), /no WGSL literal/);
  assert.throws(() => floatLiteral(1e39), /no WGSL literal/);
});

test("writes a text out once for all that it depends on", () => {
  const text = lines("const N = 1.0;", "alias T = f32;", "//@insert BODY");
  const usual = {
    constants: { N: 0 },
    aliases: { T: "f32" },
    inserts: { BODY: "x" },
    sizeBound: 1000,
  };
  const made = () => {
    const before = specialised.made;
    const result = [
      specialise(text, usual),
      specialise(text, { ...usual, constants: { N: -0 } }),
      specialise(text, { ...usual, aliases: { T: "u32" } }),
      specialise(text, { ...usual, inserts: { BODY: "y" } }),
      specialise(`${text}\n`, usual),
    ];
    return { result, texts: specialised.made - before };
  };
  const [first, second] = [made(), made()];
  assert.is(first.texts, 5);
  assert.is(new Set(first.result).size, 5);
  assert.equal(second, { result: first.result, texts: 0 });
  // A refusal is no text: each op that asks is told.
  for (const op of ["matmul", "conv2d"])
    refuses(
      () => specialise(text, { ...usual, sizeBound: 9, op }),
      new RegExp(`^${op}: .*9 allowed`),
    );
});

test("texts that were not used for long make room", () => {
  const cache = new TextCache(40);
  const get = (key: string) => cache.get(key, () => key.repeat(9));
  get("a");
  get("b");
  get("c");
  get("d"); // ten characters each: full
  assert.is(get("a"), "aaaaaaaaa");
  assert.is(cache.made, 4);
  get("e"); // b makes room, since a was used again
  get("a");
  assert.is(cache.made, 5);
  get("b");
  assert.is(cache.made, 6);
  assert.is(
    new TextCache(5).get("k", () => "too large to be kept"),
    "too large to be kept",
  );
});

test.run();
