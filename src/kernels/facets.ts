import type { Call } from "../gpu/call.ts";
import type { Value } from "../gpu/value.ts";
import type { MapSpec } from "./elementwise.ts";
import type { Expression } from "./expression.ts";
import type { View } from "./view.ts";

/** What a kernel computes on each of its results before storing it. */
export interface Epilogue {
  readonly shape: readonly number[];
  readonly inputs: readonly View[];
  /** The kernel's own result: inputs that view it are not loaded, they are in a register. */
  readonly hole: Value;
  readonly expression: Expression;
  readonly output: Value;
  /** The kernel's own result is read elsewhere, too: it is stored behind the output. */
  readonly keepsHole?: boolean;
}

/** What a reduction computes of its inputs before it combines them. */
export interface Prologue {
  readonly shape: readonly number[];
  readonly inputs: readonly View[];
  readonly expression: Expression;
  /** What it stores of each element on the way, as long as the shape. */
  readonly stores?: readonly { readonly value: Value; readonly expression: Expression }[];
}

/** What a call adds up: the rows of a matrix, nothing else. */
export interface ColumnSum {
  /** f32 [rows, columns] */
  readonly source: Value;
  readonly rows: number;
  readonly columns: number;
}

/** What the fusion pass may do with a call. */
export type Facet =
  | { readonly kind: "map"; readonly spec: MapSpec; readonly rebuild: (spec: MapSpec) => Call }
  | {
      readonly kind: "kernel";
      /** The call with an elementwise computation on its only output, in place of an earlier one. */
      readonly withEpilogue?: (epilogue: Epilogue) => Call;
      /** Whether its epilogue may keep the hole. */
      readonly canKeep?: boolean;
      /** What the kernel computes before any epilogue. */
      readonly result?: Value;
      readonly epilogue?: Epilogue | undefined;
      /** How many of the call's inputs are not the epilogue's. */
      readonly ownInputs?: number;
      /** The call with an elementwise computation on its only input, of the given shape. */
      readonly withPrologue?: (prologue: Prologue) => Call;
      readonly prologue?: Prologue;
      /** Whether its prologue may store. */
      readonly canStore?: boolean;
      readonly columnSum?: ColumnSum | undefined;
    };

export function facetOf(call: Call): Facet | undefined {
  return call.fusible as Facet | undefined;
}

export function columnSumOf(call: Call): ColumnSum | undefined {
  const facet = facetOf(call);
  return facet?.kind === "kernel" ? facet.columnSum : undefined;
}
