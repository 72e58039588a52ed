/** The page of `latentgrad bench --page`: the benchmark and the tuner in the reader's own browser. */
import { type BenchReport, runBenchmarks } from "../../src/bench/run.ts";
import { kernelsOfStep } from "../../src/bench/step.ts";
import { describeLeftOut, describeTuned, reportTables } from "../../src/bench/tables.ts";
import { findModel, models } from "../../src/models/registry.ts";
import { tuneSteps } from "../../src/tune/tune-models.ts";
import { loadTable, loadVariants, saveTable } from "../../src/tune/variant-store.ts";
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
  const report = await runBenchmarks({ filter: wanted, variants }, show);
  present(report);
  return `done in ${((performance.now() - begin) / 1000).toFixed(1)} s`;
}

function present(report: BenchReport): void {
  const facts = document.createElement("p");
  const variants = report.tuned ? `; variants ${describeTuned(report.tuned)}` : "";
  facts.textContent = `${report.adapter}, ${report.runtime}${variants}`;
  const tables = reportTables(report).map(tableElement);
  const leftOut = document.createElement("p");
  leftOut.textContent = report.leftOut ? describeLeftOut(report.leftOut) : "";
  result.replaceChildren(facts, ...tables, leftOut);
  const blob = new Blob([`${JSON.stringify(report, null, 2)}\n`], { type: "application/json" });
  if (download.href) URL.revokeObjectURL(download.href);
  download.href = URL.createObjectURL(blob);
  download.download = "bench.json";
  download.hidden = false;
}

async function tuneHere(): Promise<string> {
  const wanted = {
    entries: [findModel("vae", models)],
    settings: { network: network.value },
    batch: batch.valueAsNumber,
    seconds: seconds.valueAsNumber,
    bytes: TUNING_BYTES,
    again: again.checked,
  };
  const place = async () => "this browser's IndexedDB";
  const store = { place, load: loadTable, save: saveTable };
  const {
    tuned: measured,
    known,
    skipped,
    choices,
    ...rest
  } = await tuneSteps(wanted, store, kernelsOfStep, show);
  if (rest.unsaved) throw rest.unsaved;
  tuned.checked = true;
  const faster = `${Object.keys(choices).length} of ${measured.length} kernels have a faster variant now; kept in ${rest.path}`;
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
