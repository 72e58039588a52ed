/** The page of `latentgrad bench --page`: the benchmark and the tuner in the reader's own browser. */
import {
  type BenchmarkReport,
  benchmark,
  benchmarkNotes,
  benchmarkTables,
  loadVariants,
  tuneModel,
} from "../../src/entries/bench.ts";
import { Vae, type VaeOptions } from "../../src/entries/models.ts";
import { tableElement } from "./table.ts";

function element<E extends HTMLElement>(id: string, kind: new () => E): E {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
}

const filter = element("filter", HTMLInputElement);
const tuned = element("tuned", HTMLInputElement);
const network = element("network", HTMLSelectElement);
const batch = element("batch", HTMLInputElement);
const seconds = element("seconds", HTMLInputElement);
const again = element("again", HTMLInputElement);
const buttons = [element("run", HTMLButtonElement), element("tune", HTMLButtonElement)];
const status = element("status", HTMLElement);
const failure = element("error", HTMLElement);
const result = element("result", HTMLElement);
const download = element("download", HTMLAnchorElement);

/** Kernels whose operands and result take more bytes are left to the heuristic. */
const TUNING_BYTES = 512 * 2 ** 20;

const show = (line: string): void => {
  status.textContent = line;
};

/** One thing at a time; what goes wrong is one line. */
async function work(body: () => Promise<string>): Promise<void> {
  for (const button of buttons) button.disabled = true;
  failure.textContent = "";
  try {
    show(await body());
  } catch (error) {
    show("");
    failure.textContent = error instanceof Error ? error.message : String(error);
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

function expression(text: string): RegExp | undefined {
  return text === "" ? undefined : new RegExp(text);
}

async function measure(): Promise<string> {
  const wanted = expression(filter.value.trim());
  const variants = tuned.checked ? loadVariants : undefined;
  const begin = performance.now();
  const report = await benchmark({ filter: wanted, variants, onMeasure: show });
  present(report);
  return `done in ${((performance.now() - begin) / 1000).toFixed(1)} s`;
}

function present(report: BenchmarkReport): void {
  const [facts, ...others] = benchmarkNotes(report).map((line) => {
    const paragraph = document.createElement("p");
    paragraph.textContent = line;
    return paragraph;
  });
  const tables = benchmarkTables(report).map(tableElement);
  result.replaceChildren(...(facts ? [facts] : []), ...tables, ...others);
  const blob = new Blob([`${JSON.stringify(report, null, 2)}\n`], { type: "application/json" });
  if (download.href) URL.revokeObjectURL(download.href);
  download.href = URL.createObjectURL(blob);
  download.download = "bench.json";
  download.hidden = false;
}

async function tuneHere(): Promise<string> {
  const {
    tuned: measured,
    known,
    skipped,
    choices,
    unsaved,
  } = await tuneModel(Vae, {
    settings: { network: network.value as VaeOptions["network"] },
    batch: batch.valueAsNumber,
    seconds: seconds.valueAsNumber,
    bytes: TUNING_BYTES,
    again: again.checked,
    onProgress: show,
  });
  if (unsaved) throw unsaved;
  tuned.checked = true;
  const faster = `${Object.keys(choices).length} of ${measured.length} kernels have a faster variant now; kept in this browser's IndexedDB`;
  const others = [
    ...(known.length > 0 ? [`${known.length} were measured before`] : []),
    ...(skipped.length > 0 ? [`${skipped.length} left for want of time or memory`] : []),
  ];
  return others.length === 0 ? faster : `${faster} (${others.join(", ")})`;
}

element("measure", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  void work(measure);
});
element("tuning", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  void work(tuneHere);
});

if (!navigator.gpu)
  failure.textContent =
    "this browser has no WebGPU: open this page in a current Chrome, Edge, Firefox or Safari, and see that WebGPU and graphics acceleration are switched on there";
