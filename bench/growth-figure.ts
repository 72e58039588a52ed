import type { BenchReport } from "../src/bench/run.ts";
import type { StepMeasurement } from "../src/bench/step.ts";
import type { Line, Panel } from "../src/figures/chart.ts";
import { type LegendEntry, panelsSvg } from "../src/figures/panels.ts";
import { fullRange } from "../src/figures/series.ts";

/** A line of measurements, and where on the axis each stands. */
interface Series {
  readonly style: Line["style"];
  readonly places: readonly number[];
  readonly steps: readonly StepMeasurement[];
}

/** The VAE's networks, each with its lines' style. */
const networks = [
  { model: "vae-conv", style: "training", text: "convolutional VAE" },
  { model: "vae-dense", style: "validation", text: "dense VAE" },
] as const;

/** How time and memory of a step grow with the batch and with the latent dimensions, four panels. */
export function growthPanels({ steps, growth }: Pick<BenchReport, "steps" | "growth">): Panel[] {
  const overBatch = networks.map(({ model, style }): Series => {
    const own = steps.filter((step) => step.model === model);
    return { style, steps: own, places: own.map(({ batch }) => batch) };
  });
  const overLatent: Series = {
    style: "training",
    steps: growth,
    places: growth.map(({ latent }) => latent),
  };
  const batch = growth[0]?.batch;
  return [
    ...[{ series: overBatch, over: "batch", title: (what: string) => what }],
    ...[{ series: [overLatent], over: "latent dimensions", title: atBatch(batch) }],
  ].flatMap(({ series, over, title }) => [
    panelOf(title("time of a step"), over, "ms", series, ({ ms }) => ms),
    panelOf(title("buffers of a step"), over, "MiB", series, (step) => step.peakBytes / 2 ** 20),
  ]);
}

function atBatch(batch: number | undefined): (what: string) => string {
  return (what) => (batch === undefined ? what : `${what}, batch ${batch}`);
}

function panelOf(
  title: string,
  xTitle: string,
  yTitle: string,
  series: readonly Series[],
  value: (step: StepMeasurement) => number,
): Panel {
  const lines = series
    .filter(({ steps }) => steps.length > 0)
    .map(({ style, steps, places }): Line => {
      const points = steps.map((step, i) => ({ x: places[i] as number, y: value(step) }));
      return { style, dots: true, points };
    });
  const full = fullRange(lines.map(({ points }) => points));
  const xEnd = Math.max(0, ...series.flatMap(({ places }) => places));
  return { title, xTitle, yTitle, xEnd, lines, full, marks: [], fromZero: true };
}

/** An SVG file of the four panels. */
export function growthSvg(report: BenchReport): string {
  const panels = growthPanels(report);
  const legend = networks.flatMap(({ model, style, text }): LegendEntry[] =>
    [...report.steps, ...report.growth].some((step) => step.model === model)
      ? [{ style, dots: true, text }]
      : [],
  );
  const sentences = panels.flatMap(({ title, xTitle, yTitle, full }) =>
    full
      ? [
          `${title} over the ${xTitle}: ${full.low.toFixed(1)} to ${full.high.toFixed(1)} ${yTitle}.`,
        ]
      : [],
  );
  return panelsSvg({
    title: `Scaling of a training step on ${report.adapter}, ${report.runtime}`,
    description: sentences.join(" "),
    panels,
    legend,
  });
}
