/** What each model's default settings have to learn, and how long that may take. */
import * as assert from "uvu/assert";
import type { Learning } from "../support/learning.ts";

/** A training with all settings as by default, but for the width. */
export interface Lesson {
  readonly model: string;
  readonly steps: number;
  /** Factor on the width where a step at full width is beyond a software adapter. Default 1. */
  readonly width?: string;
  /** Network of the plain autoencoder beside it, which has the same width and steps. */
  readonly beside: "conv" | "dense" | "two-stage";
  /** Least share of the way from the mean image to the plain autoencoder. Default 0.6. */
  readonly bound?: number;
  /** Where the way begins; default the mean image. */
  readonly from?: "untrained";
  /** Why the bound or the beginning is another one. */
  readonly reason?: string;
  /** Fast enough for `npm test`. */
  readonly fast?: true;
}

/**
 * Squared errors of test reconstructions on glyphs behind `steps` steps of 128 images, with the model's own
 * optimisers and rates: at least `bound` of the way from the mean image to the plain autoencoder `ae` of the
 * same kind of network, width and number of steps, which has eight latent dimensions and no regulariser.
 */
export const lessons: readonly Lesson[] = [
  { model: "info-vae", steps: 200, width: "0.25", beside: "dense", fast: true },
  { model: "cvae", steps: 200, width: "0.25", beside: "dense", fast: true },
  {
    ...{ model: "vae", steps: 600, width: "0.25", beside: "conv" },
    bound: 0.2,
    reason: "two latent dimensions, as published, are fewer than the causes of a glyph",
  },
  { model: "cvae", steps: 300, beside: "dense" },
  { model: "lambda-hot", steps: 300, beside: "dense" },
  { model: "kmeans-vae", steps: 300, beside: "dense" },
  { model: "info-vae", steps: 300, beside: "dense" },
  { model: "factor-vae", steps: 300, width: "0.25", beside: "dense" },
  { model: "flow-vae", steps: 300, beside: "dense" },
  // After 200 steps it is at 0.53.
  { model: "two-stage", steps: 400, width: "0.125", beside: "two-stage" },
  { model: "wae-mmd", steps: 600, width: "0.25", beside: "conv" },
  { model: "wae-gan", steps: 600, width: "0.25", beside: "dense" },
  { model: "aae", steps: 600, width: "0.25", beside: "conv" },
  { model: "dual-aae", steps: 200, width: "0.25", beside: "dense" },
  {
    ...{ model: "mask-aae", steps: 200, width: "0.25", beside: "dense" },
    from: "untrained",
    reason:
      "its rates are made for 500,000 steps: behind so few it has just come to the mean image",
  },
  {
    ...{ model: "flex-ae", steps: 100, width: "0.125", beside: "two-stage" },
    ...{ from: "untrained", bound: 0.5 },
    reason: "at a fifth of the plain autoencoder's rate, as published, it is still on the way",
  },
  {
    ...{ model: "flex-ae-sr", steps: 100, width: "0.125", beside: "two-stage" },
    from: "untrained",
    reason: "at a fifth of the plain autoencoder's rate, as published, it is still on the way",
  },
];

/** A test for each lesson. */
export function teach(
  test: (title: string, body: () => Promise<void>) => void,
  learning: Learning,
  which: readonly Lesson[],
): void {
  for (const lesson of which) {
    const { model, steps, width = "1", beside, bound = 0.6, from, reason = "" } = lesson;
    const narrower = width === "1" ? "" : ` of ${width} times the width`;
    const because = reason === "" ? "" : ` (${reason})`;
    const title = `${model}${narrower}, ${steps} steps: at least ${bound} of what a plain autoencoder learns${because}`;
    test(title, async () => {
      const plain = { network: beside, width };
      const fraction = await learning.fraction(model, steps, { width }, plain, from);
      assert.ok(fraction >= bound, `${model} learned ${fraction.toFixed(2)} of it`);
    });
  }
}
