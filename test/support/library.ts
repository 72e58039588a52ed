/** All that the package exports, whatever the entry point. */
export * from "../../src/entries/bench.ts";
export * from "../../src/entries/checkpoints.ts";
export * from "../../src/entries/data.ts";
export * from "../../src/entries/figures.ts";
export * from "../../src/entries/index.ts";
export * from "../../src/entries/metrics.ts";
export * from "../../src/entries/models/all.ts";
export * from "../../src/entries/models.ts";
export * from "../../src/entries/train.ts";
