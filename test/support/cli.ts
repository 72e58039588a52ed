/** The command line over a training layer that only remembers what it was asked. */
import type { Actions } from "../../src/cli/actions.ts";
import { runCommand } from "../../src/cli/program.ts";
import { unusedActions } from "./actions.ts";
import { MemoryHost } from "./memory-host.ts";

export const report = {
  epoch: 1,
  epochs: 5,
  steps: 78,
  seconds: 41.26,
  imagesPerSecond: 241.7,
  train: { loss: 261.42, reconstruction: 257.2, kl: 4.22 },
  validation: { loss: 259.8, reconstruction: 255.1, kl: 4.7 },
  best: true,
};

export const done = {
  adapter: "SwiftShader",
  seconds: 42,
  epochs: 5,
  steps: 390,
  ending: "all epochs",
  final: report,
} as const;

/** A training layer that remembers what it was asked; `fail` is thrown by each call. */
export function double(fail?: unknown) {
  const calls: unknown[][] = [];
  const call = (...parameters: unknown[]) => {
    calls.push(parameters);
    if (fail !== undefined) throw fail;
  };
  const actions: Actions = {
    ...unusedActions,
    train: async (options, _host, watch) => {
      call("train", options);
      watch.onEpoch?.(report);
      const { out } = options;
      const figures = [`${out}/figures/samples.png`];
      return { ...done, out, figures };
    },
    sample: async (run, options) => {
      call("sample", run, options);
      return { figure: "samples.png" };
    },
    reconstruct: async (run, options) => {
      call("reconstruct", run, options);
      const sd = { reconstruction: 60, kl: 1 };
      return { figure: "pairs.png", reconstruction: 250.123, kl: 4.5, sd, n: 5000 };
    },
    manifold: async (run, options) => {
      call("manifold", run, options);
      return { figure: "manifold.png" };
    },
    models: [
      {
        name: "vae",
        summary: "variational autoencoder",
        source: "a paper",
        notes: {},
        settings: {
          beta: { type: "number", default: 1, min: 0, max: 1e6, help: "weight of the KL term" },
          latent: { type: "integer", default: 2, min: 1, max: 512, help: "latent dimensions" },
          network: { type: "choice", default: "conv", choices: ["conv", "dense"], help: "layers" },
        },
      },
    ],
  };
  return { actions, calls };
}

/** Runs a command line given as one string. */
export async function cli(line: string, options: { host?: MemoryHost; fail?: unknown } = {}) {
  const host = options.host ?? new MemoryHost();
  const { actions, calls } = double(options.fail);
  const status = await runCommand(line.split(" ").filter(Boolean), host, actions);
  return { status, calls, out: host.out, err: host.err };
}
