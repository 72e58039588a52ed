import { checkOptions, checkWhole, type OptionRules } from "../gpu/arguments.ts";
import { completeSettings, settingsTexts } from "../settings/settings.ts";
import {
  checkModel,
  definitionOfChoice,
  type ModelChoice,
  type TrainerOptions,
} from "../train/trainer-options.ts";
import { type StepTuneReport, tuneSteps } from "../tune/tune-models.ts";
import { loadTable, saveTable } from "../tune/variant-store.ts";
import { kernelsOfStep } from "./step.ts";

/** For which training step the kernels are tuned, and for how long. */
export interface TuneModelOptions<C extends ModelChoice = ModelChoice> {
  /** The model's own settings; what is not given has its default. */
  readonly settings?: TrainerOptions<C>["settings"];
  /** Images a step. Default 128. */
  readonly batch?: number | undefined;
  /** After so many seconds no kernel is begun. */
  readonly seconds: number;
  /** Kernels whose operands and results take more bytes, all variants together, keep the heuristic's. */
  readonly bytes: number;
  /** Measure what was measured before, too. Default false. */
  readonly again?: boolean | undefined;
  /** Told in a line how far it is. */
  readonly onProgress?: ((line: string) => void) | undefined;
}

const OP = "tuneModel";

const rules: OptionRules<TuneModelOptions> = {
  settings: "any?",
  batch: "number?",
  seconds: "number",
  bytes: "number",
  again: "boolean?",
  onProgress: "function?",
};

/**
 * Measures the variants of the kernels that a model's training step on 28×28 images uses, on a device
 * that it opens and closes, and keeps the winners in this page's IndexedDB: `loadVariants` finds them
 * there. They are kept after each kernel. Where the browser does not let the page keep them, the report
 * says why, and has them in `choices`.
 *
 * @param model the class of a model, as `Vae`, or what a list of all has
 * @throws UsageError for options that do not fit, and where there is no IndexedDB, which is outside of pages
 */
export async function tuneModel<C extends ModelChoice>(
  model: C,
  options: TuneModelOptions<C>,
): Promise<StepTuneReport> {
  checkModel(model, OP);
  checkOptions(OP, options, rules as OptionRules<TuneModelOptions<C>>);
  const { settings = {}, batch = 128, seconds, bytes, again, onProgress } = options;
  checkWhole(OP, "options.batch", batch, 1, 65536);
  const entry = definitionOfChoice(model);
  const texts = Object.entries(settingsTexts(entry, completeSettings(entry, settings)));
  const { path: _, ...report } = await tuneSteps(
    {
      ...{ entries: [entry], batch, seconds, bytes, again },
      settings: Object.fromEntries(texts.map(([option, value]) => [option, String(value)])),
    },
    { place: async () => "IndexedDB", load: loadTable, save: saveTable },
    kernelsOfStep,
    (line) => onProgress?.(line),
  );
  return report;
}
