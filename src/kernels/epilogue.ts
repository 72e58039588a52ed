import type { Call, KernelSource } from "../gpu/call.ts";
import type { Value } from "../gpu/value.ts";
import { type ElementCode, elementCode, helpersBesideF } from "./elementwise.ts";
import type { Epilogue, Facet } from "./facets.ts";

/** A shader with an epilogue written in, and what that adds to its bindings. */
export interface WithEpilogue {
  readonly text: string;
  /** Buffers that the epilogue reads, bound behind the kernel's own inputs. */
  readonly values: readonly Value[];
}

/** What stands in a shader for the epilogue that is written into it. */
const MARKED = /^\/\/@epilogue\n[\s\S]*?^fn epilogue\([\s\S]*?^\}\n/m;

/**
 * Writes an elementwise computation into a shader that stores its results through
 * `fn epilogue(value: F, i: u32) -> F`, where i is the element's number. The output's binding moves
 * behind the epilogue's inputs.
 *
 * A shader whose threads compute several rows says `fn epilogue(value: F, i: u32, column: Column)`.
 * What is read alike in all rows, such as a bias, it gets from `columnAt` once for each of its columns.
 *
 * @param inputs how many inputs the shader has of its own; its output is binding `inputs`
 * @param columns elements of a row of the result
 */
export function writeEpilogue(
  shader: string,
  epilogue: Epilogue | undefined,
  width: 1 | 4,
  inputs: number,
  columns?: number,
): WithEpilogue {
  if (!epilogue) return { text: shader, values: [] };
  const code = epilogueCode(epilogue, width, inputs);
  const text = /\bcolumn: Column\b/.test(shader)
    ? byColumns(code, columns)
    : functionText("epilogue(value: F, i: u32) -> F", [...code.statements, returned(code)]);
  const helpers = helpersBesideF(text, width);
  const output = `@binding(${inputs}) var<storage, read_write>`;
  return {
    text: shader
      .replace(output, `@binding(${inputs + code.values.length}) var<storage, read_write>`)
      .replace(MARKED, () => `${code.bindings}\n${helpers}${text}`),
    values: code.values,
  };
}

const returned = (code: ElementCode): string => `return ${code.results[0]};`;

function functionText(head: string, statements: readonly string[]): string {
  return `fn ${head} {\n${statements.map((line) => `  ${line}\n`).join("")}}\n`;
}

/** The epilogue in two functions: what it reads of a column, and the rest of it. */
function byColumns(code: ElementCode, columns: number | undefined): string {
  const alike = code.loads.filter(
    ({ period }) => period !== undefined && columns !== undefined && columns % period === 0,
  );
  const loads = alike.map((load) => load.statement);
  // A struct has at least one member.
  const members = alike.length > 0 ? alike.map(({ name }) => `${name}: F`) : ["none: u32"];
  const rest = code.statements.filter((statement) => !loads.includes(statement));
  const names = alike.map(({ name }) => `let ${name} = column.${name};`);
  const column = `return Column(${alike.map(({ name }) => name).join(", ")});`;
  return [
    `struct Column { ${members.join(", ")} }\n`,
    functionText("columnAt(i: u32) -> Column", [...loads, column]),
    functionText("epilogue(value: F, i: u32, column: Column) -> F", [
      ...names,
      ...rest,
      returned(code),
    ]),
  ].join("");
}

function epilogueCode(epilogue: Epilogue, width: 1 | 4, firstBinding: number): ElementCode {
  const { shape, inputs, expression, hole } = epilogue;
  const holes = new Set(inputs.flatMap((view, k) => (view.value === hole ? [k] : [])));
  return elementCode({ shape, inputs, outputs: [{ expression }] }, width, firstBinding, holes);
}

/** Buffers that an epilogue reads, in binding order, when its kernel stores `width` elements at once. */
function epilogueValues(epilogue: Epilogue, width: 1 | 4): readonly Value[] {
  return epilogueCode(epilogue, width, 0).values;
}

/** Bytes that a kernel moves: each buffer counted once. */
export function bytesOf(values: readonly Value[]): number {
  return [...new Set(values)].reduce((sum, v) => sum + v.bytes, 0);
}

/** What a kernel with an epilogue stores: the output, and behind it what is kept. */
export function storedBy(epilogue: Epilogue | undefined, result: Value): Value[] {
  if (!epilogue) return [result];
  return epilogue.keepsHole ? [epilogue.output, epilogue.hole] : [epilogue.output];
}

/** Constants for the folded grid, which every kernel file has. */
export function gridConstants(workgroups: KernelSource["workgroups"]): Record<string, number> {
  return { GROUPS_X: workgroups[0], GROUPS_XY: workgroups[0] * workgroups[1] };
}

/** A call that stores its result through an epilogue, and that the fusion pass may give one. */
export function callWithEpilogue(spec: {
  readonly op: string;
  readonly inputs: readonly Value[];
  /** What the kernel computes before the epilogue. */
  readonly result: Value;
  /** Elements that it stores at once. */
  readonly width: 1 | 4;
  readonly epilogue: Epilogue | undefined;
  /** The same call with another epilogue; absent where the kernel can have none. */
  readonly again: ((epilogue: Epilogue) => Call) | undefined;
  readonly source: (inputs: readonly Value[]) => KernelSource;
  /** Whether the kernel reads its own inputs through textures, where it has chosen that itself. */
  readonly textures?: boolean;
  /** Its epilogue may keep the hole. */
  readonly canKeep?: boolean;
  readonly movable?: boolean;
}): Call {
  const { op, result, epilogue, again, width } = spec;
  const extra = epilogue ? epilogueValues(epilogue, width) : [];
  const inputs = [...spec.inputs, ...extra];
  const facet: Facet = {
    kind: "kernel",
    result,
    epilogue,
    ...(spec.canKeep ? { canKeep: true } : {}),
    ...(again ? { withEpilogue: again, ownInputs: spec.inputs.length } : {}),
  };
  return {
    op,
    inputs,
    outputs: storedBy(epilogue, result),
    updates: [],
    ...(spec.textures === undefined ? {} : { settled: spec.inputs.length }),
    ...(spec.textures ? { textures: [...spec.inputs.keys()] } : {}),
    ...(spec.movable ? { movable: true } : {}),
    kernel: () => spec.source(inputs),
    fusible: facet,
  };
}
