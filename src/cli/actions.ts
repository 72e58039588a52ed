import type { runNamedLadder } from "../bench/ladders/run.ts";
import type { OwnKernelOptions, OwnKernelReport } from "../bench/own-kernels.ts";
import type { listProgram } from "../bench/program.ts";
import type { runBenchmarks } from "../bench/run.ts";
import type { examine } from "../doctor/examine.ts";
import type { embed } from "../figures/embed.ts";
import type { interpolate } from "../figures/interpolate.ts";
import type { manifold } from "../figures/manifold.ts";
import type { reconstruct } from "../figures/reconstruct.ts";
import type { report } from "../figures/report.ts";
import type { sample } from "../figures/sample.ts";
import type { swap } from "../figures/swap.ts";
import type { traverse } from "../figures/traverse.ts";
import type { Host } from "../host/host.ts";
import type { Interruption } from "../host/interruption.ts";
import type { evaluate } from "../metrics/evaluate.ts";
import type { ModelDescription } from "../models/definition.ts";
import type { exportRun } from "../train/onnx/export-run.ts";
import type { TrainOptions } from "../train/options.ts";
import type { TrainHooks, TrainResult } from "../train/train.ts";
import type { TuneModelsOptions, TuneModelsReport } from "../tune/tune-models.ts";

/** Who looks on while a model is trained. */
export type TrainWatch = Pick<
  TrainHooks,
  | "onStart"
  | "onMachine"
  | "onPhase"
  | "onProgress"
  | "onEpoch"
  | "onNotice"
  | "onDownload"
  | "interruption"
>;

/** A page that is served. */
export interface ServedPage {
  readonly url: string;
  /** Resolves when it is served no more. */
  readonly closed: Promise<void>;
}

/** What the commands call: the training layer, or a test's double of it. */
export interface Actions {
  readonly train: (options: TrainOptions, host: Host, watch: TrainWatch) => Promise<TrainResult>;
  readonly evaluate: typeof evaluate;
  readonly report: typeof report;
  readonly sample: typeof sample;
  readonly reconstruct: typeof reconstruct;
  readonly interpolate: typeof interpolate;
  readonly manifold: typeof manifold;
  readonly traverse: typeof traverse;
  readonly embed: typeof embed;
  readonly swap: typeof swap;
  readonly exportRun: typeof exportRun;
  /** What `doctor` finds out. */
  readonly examine: typeof examine;
  readonly bench: typeof runBenchmarks;
  /** The same, and the comparison with other engines. */
  readonly benchWithPeers: typeof runBenchmarks;
  /** Serves the benchmark's page on a port of 127.0.0.1; 0 is any that is free. */
  readonly serveBenchPage: (port: number) => Promise<ServedPage>;
  readonly benchProgram: typeof listProgram;
  readonly benchLadder: typeof runNamedLadder;
  /** Rates the ops that a module exports. */
  readonly benchKernel: (
    file: string,
    options: OwnKernelOptions,
    log: (line: string) => void,
  ) => Promise<OwnKernelReport>;
  readonly tune: (
    options: TuneModelsOptions,
    host: Host,
    log: (line: string) => void,
    interruption?: Interruption,
  ) => Promise<TuneModelsReport>;
  readonly models: readonly ModelDescription[];
}
