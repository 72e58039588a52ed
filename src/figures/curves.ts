import { termsOf } from "../train/metrics.ts";
import type { Line, Mark, Panel } from "./chart.ts";
import type { EpochRow, History } from "./history.ts";
import { type LegendEntry, panelsSvg } from "./panels.ts";
import { fullRange, type Point, thin } from "./series.ts";
import { counted, listed, nats, short, whole } from "./text.ts";

/** Most points of a curve; a panel is about 270 pixels wide. */
const MOST_POINTS = 600;
/** Epochs are marked as points as long as there are no more. */
const MOST_DOTS = 40;

/** A panel and what it shows, in words. */
export interface Curves {
  readonly panel: Panel;
  readonly description: string;
}

/**
 * One panel for each loss term, and one for each schedule that is not constant. Means over an epoch
 * stand in the middle of it, validation at its end.
 */
export function curvesOf(history: History): Curves[] {
  const { terms, epochs, calendar } = history;
  if (terms.length === 0) return [];
  const place = (step: number) => calendar?.placeOf(step) ?? step;
  const marks = marksOf(history, place);
  const xEnd = Math.max(place(history.lastStep), ...marks.map(({ x }) => x));
  const base = { xTitle: calendar ? "epoch" : "step", xEnd };
  const losses = terms.map((name): Curves => {
    const panel = {
      ...base,
      title: name,
      yTitle: "nats per sample",
      ...lossLines(history, name, place),
      marks,
    };
    return { panel, description: describeLoss(history, name) };
  });
  const rates = [
    { title: "learning rate", yTitle: "step size of the optimiser", value: rateOf("learningRate") },
    { title: "β", yTitle: "weight of the KL term", value: rateOf("beta") },
  ];
  const schedules = rates.flatMap(({ title, yTitle, value }): Curves[] => {
    const points = epochs.map((row) => ({ x: place(row.step), y: value(row) }));
    const values = points.flatMap(({ y }) => (y === null ? [] : [y]));
    if (new Set(values).size < 2) return [];
    const [first, last] = [short(values[0]!), short(values.at(-1)!)];
    return [
      {
        panel: {
          ...{ ...base, title, yTitle, marks: [] },
          lines: [epochLine(points, "training")],
          full: fullRange([points]),
        },
        description: `${title} from ${first} in the first epoch to ${last} in the last.`,
      },
    ];
  });
  return [...losses, ...schedules];
}

function rateOf(name: "learningRate" | "beta"): (row: EpochRow) => number | null {
  return (row) => row[name] ?? null;
}

function lossLines({ steps, epochs }: History, name: string, place: (step: number) => number) {
  const perStep = steps.map((record) => ({
    x: place(record.step),
    y: termsOf(record)[name] ?? null,
  }));
  const means = epochs.map((row, i) => ({
    x: (place(row.step) + place(epochs[i - 1]?.step ?? 0)) / 2,
    y: row.training[name] ?? null,
  }));
  const validation = epochs.map((row) => ({
    x: place(row.step),
    y: row.validation[name] ?? null,
  }));
  const lines: Line[] = [{ points: thin(perStep, MOST_POINTS), style: "steps" }];
  if (means.length > 0) lines.push(epochLine(means, "training"));
  if (validation.some(({ y }) => y !== null)) lines.push(epochLine(validation, "validation"));
  return { lines, full: fullRange([perStep, means, validation]) };
}

function epochLine(points: readonly Point[], style: "training" | "validation"): Line {
  return { points: thin(points, MOST_POINTS), style, dots: points.length <= MOST_DOTS };
}

function marksOf({ best, epochs, ending }: History, place: (step: number) => number): Mark[] {
  const marks: Mark[] = [];
  // The newest of several epochs without validation is called the best, which says nothing.
  if (best && epochs.some(({ validation }) => Object.keys(validation).length > 0))
    marks.push({ x: place(best.step), label: `best: epoch ${whole(best.epoch)}`, style: "axis" });
  if (ending.kind === "stopped" && ending.event.name === "diverged")
    marks.push({ x: place(ending.event.step), label: "diverged", style: "bad" });
  return marks;
}

function describeLoss({ steps, epochs, best }: History, name: string): string {
  const at = (row: { readonly [name: string]: number | null } | undefined) => nats(row?.[name]);
  const [first, last] = [steps[0], steps.at(-1)];
  const sentences = [
    first && last
      ? `${name} in training: ${at(termsOf(first))} nats per sample in step ${whole(first.step)}, ${at(termsOf(last))} in step ${whole(last.step)}.`
      : "",
    epochs.length > 0
      ? `Mean over the last epoch, ${whole(epochs.at(-1)!.epoch)}: ${at(epochs.at(-1)!.training)}.`
      : "",
    typeof best?.validation[name] === "number"
      ? `On the validation images in the best epoch, ${whole(best.epoch)}: ${at(best.validation)}.`
      : "",
  ];
  return sentences.filter((sentence) => sentence !== "").join(" ");
}

/** What the lines of the panels are. */
export function legendOf(curves: readonly Curves[], history: History): LegendEntry[] {
  const lines = curves.flatMap(({ panel }) => panel.lines);
  const a = Math.ceil(history.steps.length / MOST_POINTS);
  const texts = {
    steps: a > 1 ? `training, means of ${whole(a)} steps` : "training, each step",
    training: "training, mean of an epoch",
    validation: "validation",
  } as const;
  return (["steps", "training", "validation"] as const).flatMap((style) => {
    const line = lines.find((other) => other.style === style && other.points.length > 0);
    return line ? [{ style, dots: line.dots === true, text: texts[style] }] : [];
  });
}

/**
 * `figures/curves.svg`: every loss term over the epochs, in two columns. Undefined for a run without a
 * single step.
 */
export function curvesSvg(history: History, name: string): string | undefined {
  const curves = curvesOf(history);
  if (curves.length === 0) return undefined;
  const terms = listed(curves.map(({ panel }) => panel.title));
  const epochs = counted(history.epochs.length, "whole epoch");
  const summary = curves.map(({ description }) => description).join(" ");
  return panelsSvg({
    title: `Training curves of ${name}: ${terms}`,
    description: `${epochs}. ${summary}`,
    panels: curves.map(({ panel }) => panel),
    legend: legendOf(curves, history),
  });
}
