import { absoluteName, loadDataset } from "../data/datasets.ts";
import type { DataSource } from "../data/files.ts";
import { joinPath } from "../data/paths.ts";
import { pictureOptions } from "../data/picture-values.ts";
import { UsageError } from "../gpu/errors.ts";
import type { Host } from "../host/host.ts";
import { findModel, models } from "../models/registry.ts";
import { optionName, parseSettings, settingsTexts } from "../settings/settings.ts";
import { toConfig } from "./config.ts";
import { fixedOptions, type TrainOptions } from "./options.ts";
import { planTraining, type TrainingPlan } from "./training-plan.ts";

/** Everything about a run of the command line that is decided before a device is opened. */
export interface Plan extends TrainingPlan {
  readonly options: TrainOptions;
  readonly epochs: number;
}

/**
 * Loads the data and works out what will be done.
 *
 * @throws UsageError for settings that the model does not have, DataError for bad or too few data
 */
export async function makePlan(
  options: TrainOptions,
  host: Host,
  told: Pick<DataSource, "onDownload" | "onNotice"> = {},
): Promise<Plan> {
  const entry = findModel(options.model, models);
  const settings = parseSettings(entry, options.settings);
  const { data: name, dataDir, dryRun } = options;
  const { onDownload, onNotice } = told;
  const pictures = pictureOptions(options);
  const data = await loadDataset(name, { host, dataDir, pictures, onDownload, onNotice });
  const absolute = {
    ...options,
    data: absoluteName(name, host.cwd),
    dataDir: dataDir === undefined ? undefined : joinPath(host.cwd, dataDir),
  };
  const plan = await planTraining({
    ...{ entry, settings, data, options, source: name },
    epochs: dryRun ? 1 : options.epochs,
    config: toConfig(absolute, settingsTexts(entry, settings)),
    fixed: fixedOptions,
    named: (option) => `--${optionName(option)}`,
  });
  if (options.patience !== undefined && plan.split.validation.length === 0)
    throw new UsageError("--patience needs validation images, and none are held out");
  return { ...plan, options, epochs: dryRun ? 1 : options.epochs };
}
