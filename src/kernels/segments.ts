import shader from "../../shaders/sum_segments.wgsl";
import { type Call, foldWorkgroups } from "../gpu/call.ts";
import type { Value } from "../gpu/value.ts";
import { helpersBesideF } from "./elementwise.ts";
import { gridConstants } from "./epilogue.ts";
import { specialise } from "./specialise.ts";

const WORKGROUP = 64;

/** A matrix whose rows are added up, as a part of a buffer. All counts are in elements. */
export interface Segment {
  readonly source: Value;
  /** Where it starts in the source; a multiple of 4. */
  readonly start: number;
  readonly rows: number;
  readonly columns: number;
  /**
   * Rows that one thread adds up: each of the ⌈rows / chunk⌉ chunks leaves sums of its own. Less than
   * the rows only where the columns are a multiple of 4.
   */
  readonly chunk: number;
  readonly target: Value;
  /** Where the sums go, chunk behind chunk; a multiple of 4. */
  readonly at: number;
}

/** Chunks that a segment's rows are cut into. */
export function chunksOf({ rows, chunk }: Pick<Segment, "rows" | "chunk">): number {
  return Math.ceil(rows / chunk);
}

/** Sums over the rows of several matrices, in one dispatch. At most 8 sources and targets. */
export function segmentsCall(op: string, segments: readonly Segment[]): Call {
  const sources = [...new Set(segments.map((s) => s.source))];
  const targets = [...new Set(segments.map((s) => s.target))];
  const threads = segments.reduce((sum, s) => sum + threadsOf(s), 0);
  const elements = segments.reduce((sum, s) => sum + s.rows * s.columns, 0);
  const results = segments.reduce((sum, s) => sum + chunksOf(s) * s.columns, 0);
  return {
    op,
    inputs: sources,
    outputs: targets,
    updates: [],
    kernel: () => {
      const workgroups = foldWorkgroups(Math.ceil(threads / WORKGROUP));
      const bindings = targets.map(
        (_, k) =>
          `@group(0) @binding(${sources.length + k}) var<storage, read_write> sums${k}: array<vec4f>;`,
      );
      const reads = [...new Set(segments.map((s) => readOf(s, sources)))];
      let first = 0;
      const branches = segments.map((segment) => {
        const from = first;
        first += threadsOf(segment);
        const read = reads.indexOf(readOf(segment, sources));
        return branch(segment, from, read, targets.indexOf(segment.target));
      });
      const broken = segments.some(({ columns }) => columns % 4 !== 0);
      const writes = targets.map((_, k) => storeOf(`sums${k}`, broken));
      return {
        name: `${op} of ${segments.length}, ${describe(segments)}`,
        code: specialise(repeatSources(sources.length), {
          op,
          constants: { ...gridConstants(workgroups), THREADS: threads },
          inserts: {
            helpers: helpersBesideF(shader, 4),
            results: bindings.join("\n"),
            segments: branches.join("\n"),
            reads: chosen("read", reads),
            writes: chosen("sums", writes),
          },
        }),
        workgroups,
        flops: elements,
        bytes: (elements + results) * 4,
      };
    },
  };
}

/** One thread for four columns of a chunk. */
function threadsOf(segment: Segment): number {
  return chunksOf(segment) * Math.ceil(segment.columns / 4);
}

/** The largest matrix, where most of the time goes. */
function describe(segments: readonly Segment[]): string {
  const [largest] = [...segments].sort((a, b) => b.rows * b.columns - a.rows * a.columns);
  return largest ? `(${largest.rows})×${largest.columns}` : "";
}

/** The shader with what it marks as repeated once for each buffer that is read. */
function repeatSources(count: number): string {
  return shader.replace(/^\/\/@each source\n([\s\S]*?)^\/\/@end\n/m, (_, block: string) =>
    Array.from({ length: count }, (_, k) =>
      block
        .replace("@binding(0)", `@binding(${k})`)
        .replace(/\b(source|sumVectors|sumNumbers)\b/g, `$1${k}`),
    ).join("\n"),
  );
}

/** The sum of a segment's buffer that its threads ask for. */
function readOf({ source, columns }: Segment, sources: readonly Value[]): string {
  const k = sources.indexOf(source);
  return columns % 4 === 0
    ? `total = sumVectors${k}(start, rows, stride);`
    : `total = sumNumbers${k}(start, rows, stride, lanes);`;
}

/** @param broken there are sums that end within a vector: what follows may be another's */
function storeOf(sums: string, broken: boolean): string {
  const whole = `${sums}[place] = total;`;
  if (!broken) return whole;
  return `if (lanes == 4u) { ${whole} } else { for (var k = 0u; k < lanes; k++) { ${sums}[place][k] = total[k]; } }`;
}

/** The statement whose number a variable holds. */
function chosen(variable: string, statements: readonly string[]): string {
  if (statements.length === 1) return `  ${statements[0]}`;
  return statements.map((text, k) => `  if (${variable} == ${k}u) { ${text} }`).join("\n");
}

/** What the threads of one segment read and write, from the thread `first` on. */
function branch(segment: Segment, first: number, read: number, sums: number): string {
  const { rows, columns, chunk, start, at } = segment;
  const units = Math.ceil(columns / 4);
  const lines = [
    `read = ${read}u;`,
    `sums = ${sums}u;`,
    `own = thread - ${first}u;`,
    `place = ${at / 4}u + own;`,
  ];
  if (columns % 4 === 0) {
    lines.push(
      `let row = (own / ${units}u) * ${chunk}u;`,
      `start = ${start / 4}u + row * ${units}u + own % ${units}u;`,
      `rows = min(${chunk}u, ${rows}u - row);`,
      `stride = ${units}u;`,
    );
  } else {
    lines.push(
      `lanes = min(4u, ${columns}u - own * 4u);`,
      `start = ${start}u + own * 4u;`,
      `rows = ${rows}u;`,
      `stride = ${columns}u;`,
    );
  }
  const body = lines.map((line) => `    ${line}`).join("\n");
  // No chain of `else if`: parsers count how deep that nests.
  return `  if (thread >= ${first}u && thread < ${first + threadsOf(segment)}u) {\n${body}\n  }`;
}
