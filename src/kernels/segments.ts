import shader from "../../shaders/sum_segments.wgsl";
import { type Call, foldWorkgroups } from "../gpu/call.ts";
import type { Value } from "../gpu/value.ts";
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
      let first = 0;
      const branches = segments.map((segment) => {
        const from = first;
        first += threadsOf(segment);
        const source = sources.indexOf(segment.source);
        return branch(segment, from, source, `sums${targets.indexOf(segment.target)}`);
      });
      return {
        name: `${op} of ${segments.length}, ${describe(segments)}`,
        code: specialise(repeatSources(sources.length), {
          op,
          constants: { ...gridConstants(workgroups), THREADS: threads },
          inserts: { results: bindings.join("\n"), segments: branches.join("\n") },
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

/** What the threads of one segment do, from the thread `first` on. */
function branch(segment: Segment, first: number, source: number, sums: string): string {
  const { rows, columns, chunk, start, at } = segment;
  const units = Math.ceil(columns / 4);
  const rest = columns % 4;
  const lines = [`let own = thread - ${first}u;`];
  if (rest === 0) {
    lines.push(
      `let row = (own / ${units}u) * ${chunk}u;`,
      `let begin = ${start / 4}u + row * ${units}u + own % ${units}u;`,
      `${sums}[${at / 4}u + own] = sumVectors${source}(begin, min(${chunk}u, ${rows}u - row), ${units}u);`,
    );
  } else {
    const count = `min(4u, ${columns}u - own * 4u)`;
    lines.push(
      `let total = sumNumbers${source}(${start}u + own * 4u, ${rows}u, ${columns}u, ${count});`,
    );
    // What follows the last sum may be another's.
    const place = `${sums}[${at / 4}u + own]`;
    const last = ["x", "y", "z"].slice(0, rest).map((lane) => `${place}.${lane} = total.${lane};`);
    if (units > 1)
      lines.push(`if (own < ${units - 1}u) {`, `  ${place} = total;`, "  return;", "}");
    lines.push(...last);
  }
  const body = [...lines, "return;"].map((line) => `    ${line}`).join("\n");
  return `  if (thread < ${first + threadsOf(segment)}u) {\n${body}\n  }`;
}
