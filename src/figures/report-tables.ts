import { namedSettings } from "../settings/settings.ts";
import { type EpochSpan, soundSpans } from "../train/calendar.ts";
import { type TrainOption, type TrainOptionName, trainOptions } from "../train/options.ts";
import type { EpochRow } from "./history.ts";
import { type Markup, markup, type Piece } from "./markup.ts";
import { isDefault, quoted, repeatCommand } from "./repeat.ts";
import type { ReportData } from "./report-data.ts";
import { type Row, table } from "./table.ts";
import { bytes, counted, date, nats, short, time, whole } from "./text.ts";

/** Longer tables are thinned. */
const MOST_ROWS = 60;

/** What each epoch came to. */
export function epochTable({ history }: ReportData): Markup | undefined {
  const { epochs, terms, best } = history;
  if (epochs.length === 0) return undefined;
  const validated = epochs.some(({ validation }) => Object.keys(validation).length > 0);
  const rates = [
    { title: "learning rate", value: (row: EpochRow) => row.learningRate },
    { title: "β", value: (row: EpochRow) => row.beta },
  ].filter(({ value }) => new Set(epochs.map(value)).size > 1);
  const number = (title: string) => ({ title, numeric: true });
  const columns = [
    { title: "epoch" },
    number("steps"),
    number("time"),
    ...terms.map(number),
    ...(validated ? terms.map((term) => number(`validation ${term}`)) : []),
    ...rates.map(({ title }) => number(title)),
  ];
  const shown = thinned(epochs, best);
  const rows = shown.map((row): Row => {
    const isBest = validated && row === best;
    const cells = [
      `${whole(row.epoch)}${isBest ? " (best)" : ""}`,
      whole(row.step),
      row.seconds === undefined ? "–" : time(row.seconds),
      ...terms.map((term) => nats(row.training[term])),
      ...(validated ? terms.map((term) => nats(row.validation[term])) : []),
      ...rates.map(({ value }) => rateText(value(row))),
    ];
    return { cells, style: isBest ? "strong" : undefined };
  });
  const some =
    shown.length < epochs.length
      ? `; ${whole(shown.length)} of ${whole(epochs.length)} epochs, with the first, the best and the last`
      : "";
  const content = table("epochs-caption", `Terms in nats per sample${some}.`, columns, rows);
  return folded(`Table of ${counted(shown.length, "epoch")}`, content);
}

/** What only some want to read, behind a line that opens it. */
function folded(title: string, content: Markup): Markup {
  return markup`<details>
<summary>${title}</summary>
${content}</details>
`;
}

function rateText(value: number | undefined): string {
  return value === undefined ? "–" : short(value);
}

/** Evenly chosen epochs, the first, the last and the best among them. */
function thinned(epochs: readonly EpochRow[], best: EpochRow | undefined): EpochRow[] {
  const every = Math.ceil(epochs.length / MOST_ROWS);
  const chosen = (row: EpochRow, i: number) =>
    i % every === 0 || i === epochs.length - 1 || row === best;
  return epochs.filter(chosen);
}

/** Every option and every setting; what is not the default stands out. */
export function configuration({ config }: ReportData): Markup {
  const { given, entry } = config;
  const columns = [{ title: "name" }, { title: "value" }, { title: "meaning", wide: true }];
  const row = (
    name: string,
    text: string | undefined,
    preset: string | undefined,
    help: string,
  ) => {
    const value: Piece = text ?? "not given";
    return {
      cells: [name, value, help],
      style: isDefault(text, preset) ? "quiet" : "changed",
    } as const;
  };
  const options = Object.entries(trainOptions as Record<string, TrainOption<unknown>>)
    .filter(([, { kept }]) => kept)
    .map(([name, option]) =>
      row(
        name,
        given.texts[name as TrainOptionName] ?? option.default,
        option.default,
        option.help,
      ),
    );
  const settings = namedSettings(entry).map(({ option, preset, setting }) =>
    row(option, given.settings[option] ?? preset, preset, setting.help),
  );
  const caption = "What differs from the defaults is bold.";
  const changed = [...options, ...settings].filter(({ style }) => style === "changed").length;
  const all = markup`<h3>Training</h3>
${table("options-caption", caption, columns, options)}
<h3>${`Settings of ${entry.name}`}</h3>
${table("settings-caption", caption, columns, settings)}
`;
  const count = options.length + settings.length;
  return folded(`All ${count} options and settings, ${changed} of them not the default`, all);
}

/** Epochs have had several lengths where a run went on with other data. */
function stepsText({ stepsPerEpoch, epochSpans }: ReportData["config"]["facts"]): string {
  const steps = typeof stepsPerEpoch === "number" ? whole(stepsPerEpoch) : "";
  const part = ({ stepsPerEpoch: length, epochs }: EpochSpan) =>
    `${whole(length)} from epoch ${whole(epochs + 1)} on`;
  return soundSpans(epochSpans)?.map(part).join(", ") ?? steps;
}

/** What the run was trained on and with. */
export function environment({ config }: ReportData): Markup {
  const { facts } = config;
  const adapter = record(facts.adapter);
  const runtime = record(facts.environment);
  const step = record(facts.step);
  const count = (value: unknown) => (typeof value === "number" ? whole(value) : "");
  const size = (value: unknown) => (typeof value === "number" ? bytes(value) : "");
  const flops = typeof step.flops === "number" ? `${short(step.flops / 1e9)} GFLOP` : "";
  const rows = [
    ["Adapter", [text(adapter.name), text(adapter.kind)].filter(Boolean).join(", ")],
    ["Runtime", `${text(runtime.runtime)} ${text(runtime.version)}`.trim()],
    ["System", text(runtime.system)],
    ["Threads", count(runtime.threads)],
    ["latentgrad", text(facts.version)],
    ["Parameters", count(facts.parameters)],
    ["Steps an epoch", stepsText(facts)],
    ["Dispatches a step", count(step.dispatches)],
    ["Copies a step", count(step.copies)],
    ["Submits a step", count(step.submits)],
    ["Buffers of a step", size(step.peakBytes)],
    ["Textures of a step", size(step.textureBytes)],
    ["Operations of a step", flops],
  ].filter(([, value]) => value !== "");
  return markup`<dl class="facts">
${rows.map(([title, value]) => markup`<dt>${title}</dt><dd>${value}</dd>\n`)}</dl>
`;
}

/** How to train the same again. */
export function repeat({ config, path }: ReportData): Markup {
  // A line breaks between options, not within their names.
  const parts = repeatCommand(config).map((part) => markup`<span>${part}</span> `);
  return markup`<pre><code>${parts}</code></pre>
<p>The run’s config.json is a configuration file, too:</p>
<pre><code>${`latentgrad train --config ${quoted(`${path}/config.json`)} --out runs/again`}</code></pre>
<p class="note">On the same adapter, with the same version and data, the bits are the same; elsewhere the curve is the same within rounding.</p>
`;
}

/** Everything that happened to the run. */
export function events({ history }: ReportData): Markup {
  const { events } = history;
  if (events.length === 0) return markup`<p>None: nothing interrupted this run.</p>`;
  const columns = [
    { title: "event" },
    { title: "epoch", numeric: true },
    { title: "step", numeric: true },
    { title: "time" },
    { title: "what was said", wide: true },
  ];
  const rows = events.slice(-MOST_ROWS).map(({ time, epoch, step, name, message }) => ({
    cells: [name, whole(epoch), whole(step), time === undefined ? "–" : date(time), message ?? ""],
  }));
  const left = events.length - rows.length;
  const caption =
    left > 0
      ? `The last ${rows.length}; ${counted(left, "earlier one")} left out.`
      : "In order of time.";
  return table("events-caption", caption, columns, rows);
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
