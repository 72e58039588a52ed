import { termsOf } from "../train/metrics.ts";
import type { EpochRow, EvaluationRow, History } from "./history.ts";
import { type Markup, markup, type Piece } from "./markup.ts";
import { quoted } from "./repeat.ts";
import type { ReportData } from "./report-data.ts";
import { type Column, type Row, table } from "./table.ts";
import { counted, date, listed, nats, time, whole } from "./text.ts";

/** How the run ended, in one sentence, and whether that is good. */
export function endingOf({ history, config }: ReportData): Markup {
  const { ending, lastStep, epochs, events } = history;
  const done = `${counted(epochs.length, "whole epoch")} and ${counted(lastStep, "step")}`;
  const lost = events.filter(({ name }) => name === "device lost").length;
  const times = lost === 1 ? "once" : `${whole(lost)} times`;
  const losses = lost > 0 ? ` The device was lost ${times}, and the run went on with another.` : "";
  const say = (style: string, word: string, text: string) =>
    markup`<p class="ending ${style}"><strong>${word}</strong><span>${text + losses}</span></p>`;
  if (ending.kind === "complete")
    return say("good", "Complete", `All ${counted(config.options.epochs, "epoch")} were trained.`);
  if (ending.kind === "open")
    return say(
      "warn",
      "Not finished",
      `After ${done} nothing says how it ended: it is still training, or was ended from outside. With --resume it goes on from what was saved last.`,
    );
  const { name, message, step } = ending.event;
  const said = message === undefined ? "" : `: ${message}`;
  if (name === "diverged") return say("bad", "Diverged", `${message ?? `In step ${whole(step)}`}.`);
  if (name === "stopped early") return say("good", "Stopped early", `After ${done}${said}.`);
  const word = name === "interrupted" ? "Interrupted" : "Time is up";
  return say("warn", word, `After ${done}${said}. With --resume it goes on.`);
}

/** The numbers that one looks for first, and what was trained on what. */
export function summary(data: ReportData): Markup {
  const { config, history, name } = data;
  const { entry, options, image, facts } = config;
  const { height, width, channels } = image;
  const classes = Array.isArray(facts.classes) ? facts.classes.map(String) : [];
  const some = classes.length > 20 ? [...classes.slice(0, 20), "…"] : classes;
  const last = history.epochs.at(-1);
  const rows: [string, Piece][] = [
    ["Run", name],
    ["Model", `${entry.name}: ${entry.summary} (${entry.source})`],
    ["Data set", options.data],
    ["Images", `${height} × ${width}, ${channels === 1 ? "grey" : counted(channels, "channel")}`],
    ["Trained on", parts(facts)],
    ["Classes", classes.length > 0 ? `${whole(classes.length)}: ${listed(some)}` : ""],
    ["Seed", String(options.seed)],
    ["Last epoch", last?.time === undefined ? "" : date(last.time)],
  ];
  const shown = rows.filter(([, value]) => value !== "");
  return markup`<dl class="tiles">
${tiles(data).map(({ title, value, unit }) => markup`<div><dt>${title}</dt><dd>${value}${unit && markup`<small>${unit}</small>`}</dd></div>\n`)}</dl>
<dl class="facts">
${shown.map(([title, value]) => markup`<dt>${title}</dt><dd>${value}</dd>\n`)}</dl>
`;
}

function parts(facts: Readonly<Record<string, unknown>>): string {
  const said = [
    ["training", facts.trainingImages],
    ["validation", facts.validationImages],
  ].flatMap(([part, n]) =>
    typeof n === "number" && n > 0 ? [`${whole(n)} ${part} image${n === 1 ? "" : "s"}`] : [],
  );
  const none = facts.validationImages === 0 ? " (none held out for validation)" : "";
  return said.join(" and ") + none;
}

interface Tile {
  readonly title: string;
  readonly value: string;
  readonly unit?: string;
}

function tiles({ config, history }: ReportData): Tile[] {
  const { best, epochs, evaluations, lastStep, steps } = history;
  const unit = "nats per sample";
  const found: Tile[] = [];
  const test = evaluations.at(-1);
  if (test?.terms.elbo !== undefined)
    found.push({
      title: `Test −ELBO, ${test.checkpoint} checkpoint`,
      value: nats(negative(test.terms.elbo)),
      unit,
    });
  if (typeof best?.validation.loss === "number")
    found.push({
      title: `Validation loss, best epoch ${whole(best.epoch)}`,
      value: nats(best.validation.loss),
      unit,
    });
  const last = epochs.at(-1);
  if (last) {
    const title = `Training loss, epoch ${whole(last.epoch)}`;
    found.push({ title, value: nats(last.training.loss), unit });
  } else if (steps.length > 0) {
    const { loss } = steps.at(-1)!;
    const title = `Training loss, step ${whole(lastStep)}`;
    found.push({ title, value: nats(typeof loss === "number" ? loss : null), unit });
  }
  const progress = `${whole(lastStep)} steps`;
  found.push({
    title: "Epochs",
    value: `${whole(epochs.length)} of ${whole(config.options.epochs)}`,
    unit: progress,
  });
  const seconds = [...epochs, ...history.events].flatMap((row) => row.seconds ?? []);
  const total = seconds.reduce((sum, value) => sum + value, 0);
  if (total > 0)
    found.push({ title: "Time of training", value: time(total), unit: "validation left out" });
  const speed = medianSpeed(history);
  if (speed !== undefined)
    found.push({ title: "Speed, median epoch", value: whole(speed), unit: "images a second" });
  return found;
}

/** Images a second in the median epoch: in the first one, kernels are compiled. */
function medianSpeed({ epochs }: History): number | undefined {
  const speeds = epochs.flatMap(({ imagesPerSecond }) => imagesPerSecond ?? []);
  return speeds.sort((a, b) => a - b)[Math.floor(speeds.length / 2)];
}

/** Every loss term at the places that count. */
export function numbers({ config, history, path }: ReportData): Markup {
  const { terms, evaluations, epochs } = history;
  const withElbo = config.entry.bound !== undefined;
  const columns: Column[] = [
    { title: "part and epoch" },
    ...terms.map((term) => ({ title: term, numeric: true })),
    ...(withElbo ? [{ title: "ELBO", numeric: true }] : []),
  ];
  const row = (
    title: string,
    values: Readonly<Record<string, number | null>>,
    style?: "strong",
  ): Row => {
    const elbo = values.elbo ?? elboOf(values);
    const cells = terms.map((term) => nats(values[term]));
    return { cells: [title, ...cells, ...(withElbo ? [nats(elbo)] : [])], style };
  };
  const places = [
    ...trainingRows(history, row),
    ...evaluations.map((e) => row(titleOf(e), e.terms)),
  ];
  const caption =
    "Nats per sample: summed over the pixels and the latent dimensions of an image, averaged over images.";
  const notes: Piece[] = [
    epochs.length > 0
      ? "Numbers of training are means over an epoch’s steps, during which the weights change. "
      : "",
    withElbo ? "The ELBO is −(reconstruction + kl), whatever β was. " : "",
    evaluations.length === 0 && epochs.length > 0
      ? markup`<code>latentgrad evaluate ${quoted(path)}</code> adds the test images.`
      : "",
  ];
  if (places.length === 0) return markup`<p>No step was finished.</p>`;
  return markup`${table("numbers-caption", caption, columns, places)}
<p class="note">${notes}</p>
`;
}

function trainingRows(
  { epochs, best, steps }: History,
  row: (title: string, values: EpochRow["training"], style?: "strong") => Row,
): Row[] {
  const of = (epoch: EpochRow, which: string) => {
    const validated = Object.keys(epoch.validation).length > 0;
    const place = `${which} epoch (${whole(epoch.epoch)})`;
    return [
      row(`Training, ${place}`, epoch.training),
      ...(validated ? [row(`Validation, ${place}`, epoch.validation, "strong")] : []),
    ];
  };
  const last = epochs.at(-1);
  if (!last) {
    const step = steps.at(-1);
    return step ? [row(`Training, step ${whole(step.step)}`, termsOf(step))] : [];
  }
  if (!best || best.epoch === last.epoch) return of(last, "last");
  return [...of(last, "last"), ...of(best, "best")];
}

function titleOf({ split, checkpoint, epoch, step, images }: EvaluationRow): string {
  const part = split === "test" ? "Test" : split;
  const place = epoch > 0 ? `epoch ${whole(epoch)}` : `step ${whole(step)}`;
  const count = images === undefined ? "" : `, ${counted(images, "image")}`;
  return `${part}, ${checkpoint} checkpoint (${place})${count}`;
}

function elboOf({
  reconstruction,
  kl,
}: Readonly<Record<string, number | null>>): number | null | undefined {
  if (reconstruction === undefined || kl === undefined) return undefined;
  return reconstruction === null || kl === null ? null : -(reconstruction + kl);
}

function negative(value: number | null): number | null {
  return value === null ? null : -value;
}
