import { binariseDataset } from "../data/binarise.ts";
import { absoluteName, isOwnData, loadDataset } from "../data/datasets.ts";
import type { DataSource } from "../data/files.ts";
import {
  dataDifference,
  type Fingerprint,
  fingerprintOf,
  soundFingerprint,
  soundFingerprints,
} from "../data/fingerprint.ts";
import { MissingDataError } from "../data/missing-data.ts";
import { pictureOptions } from "../data/picture-values.ts";
import type { Dataset } from "../data/types.ts";
import { DataError } from "../gpu/errors.ts";
import type { Host } from "../host/host.ts";
import type { ImageShape } from "../models/model.ts";
import { requireSameLabels } from "./labels.ts";
import { readMetadata } from "./model-file.ts";
import type { RunConfig } from "./open-run.ts";
import { makePlan, type Plan } from "./plan.ts";
import type { RunFolder } from "./run-folder.ts";
import { fingerprintIn } from "./state.ts";

/** Where a run's data are now, if not where the run was trained. */
export interface RunDataPlace {
  /** As `--data` takes it. Default: the name that the run was trained with. */
  readonly data?: string | undefined;
  /** Default: the folder that the run was trained with. */
  readonly dataDir?: string | undefined;
}

/** Who is told of a run's data while they are loaded. */
export interface RunDataWatch extends Pick<DataSource, "onDownload"> {
  /** Told in a line where the data are not those, or not all, that the run was trained on. */
  readonly onOtherData?: ((line: string) => void) | undefined;
}

/** What errors call a run's data: as the user names them now, or did when it was trained. */
export function runDataName({ options }: RunConfig, { data = options.data }: RunDataPlace): string {
  return data;
}

/**
 * Loads the data set of a run, binarised as it was trained on where that is done once and for all.
 *
 * @throws DataError for images of another size than the run's, and for other classes where the model
 *   knows them
 */
export async function loadRunData(
  config: RunConfig,
  host: Host,
  place: RunDataPlace = {},
  { onDownload, onOtherData }: RunDataWatch = {},
): Promise<Dataset> {
  const { options, image } = config;
  const { dataDir = options.dataDir } = place;
  const data = runDataName(config, place);
  const pictures = pictureOptions(options);
  const load = () => loadDataset(data, { host, dataDir, onDownload, pictures });
  const loaded = place.data === undefined ? await sayingWhereNow(data, "", load) : await load();
  const size = ({ height, width, channels }: ImageShape) => `${height}×${width}×${channels}`;
  if (size(loaded) !== size(image))
    throw new DataError(`${data}: images of ${size(loaded)}, the run has ${size(image)}`);
  requireSameLabels(data, loaded, config);
  if (onOtherData) {
    const line = await otherDataOf(loaded, config);
    if (line !== undefined) onOtherData(line);
  }
  return options.binarise === "static" ? binariseDataset(loaded) : loaded;
}

/**
 * In words, that a run was trained on other data than these, at last or before; undefined as far as it was
 * not. A set that parts itself anew may have put images into the test part that were not there before.
 */
async function otherDataOf(data: Dataset, { facts }: RunConfig): Promise<string | undefined> {
  const last = soundFingerprint(facts.trainingData);
  if (!last) return undefined;
  const now = await fingerprintOf(data);
  const difference = dataDifference(now, last);
  if (difference !== undefined)
    return `the data are not those it was trained on (${difference}); it may have been trained on some of these`;
  const before = (soundFingerprints(facts.earlierData) ?? []).flatMap(
    (earlier) => dataDifference(now, earlier) ?? [],
  );
  return before.length === 0
    ? undefined
    : `the run was trained on other data before (${before.join("; ")}): some test images may have been trained on`;
}

/**
 * The plan of a run that goes on.
 *
 * @throws DataError where its data are not there, or not those that it had as far as its checkpoint says
 */
export async function planResumed(
  folder: RunFolder,
  run: RunConfig,
  ...[options, host, told]: Parameters<typeof makePlan>
): Promise<Plan> {
  const plan = () => makePlan(options, host, told);
  const moved = absoluteName(options.data, host.cwd) !== run.options.data;
  const found = moved
    ? await plan()
    : await sayingWhereNow(options.data, `--resume --out ${folder.path} `, plan);
  await requireSameData(found, folder, run, moved);
  return found;
}

/** Checks that a run goes on with the data that it had. `moved`: they have another name now. */
async function requireSameData(
  { dataset, fingerprint, options }: Plan,
  folder: RunFolder,
  run: RunConfig,
  moved: boolean,
): Promise<void> {
  requireSameLabels(options.data, dataset, run);
  if (options.allowOtherData) return;
  const known = await knownData(folder, run, moved);
  const goesOn = "--allow-other-data goes on with them";
  if (known === undefined && moved)
    throw new DataError(
      `${options.data}: the run does not say whether these are the data it had, ${run.options.data}; ${goesOn}`,
    );
  const difference = known && dataDifference(fingerprint, known);
  if (difference !== undefined)
    throw new DataError(
      `${options.data}: the data are not those it had (${difference}); ${goesOn}`,
    );
}

/** What the run was trained on last. Before its first checkpoint that is what it was to be trained on. */
async function knownData(
  folder: RunFolder,
  { facts }: RunConfig,
  moved: boolean,
): Promise<Fingerprint | undefined> {
  if (!(await folder.hasCheckpoint()))
    return moved ? soundFingerprint(facts.trainingData) : undefined;
  const file = await folder.readCheckpoint();
  return fingerprintIn(await readMetadata(file), file.path);
}

/**
 * Loads a run's data; where files of the user's own are not there, the error says how their new place is
 * named.
 *
 * @param before what stands before `--data` in the command, with a space behind it
 */
async function sayingWhereNow<T>(data: string, before: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (!(error instanceof MissingDataError) || !isOwnData(data)) throw error;
    const kind = data.slice(0, data.indexOf(":"));
    throw new MissingDataError(
      `${error.message}; if the data were moved, ${before}--data ${kind}:PATH says where they are`,
    );
  }
}
