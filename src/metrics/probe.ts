import { DeviceImages } from "../data/loader.ts";
import { selectImages } from "../data/splits.ts";
import type { Dataset, Split } from "../data/types.ts";
import { UsageError } from "../gpu/errors.ts";
import { encodeAll } from "../models/codes.ts";
import { fitLinearProbe, type LabelledCodes } from "../models/linear-probe.ts";
import type { OpenRun } from "../train/open-run.ts";

/** Training images that the probe learns from, at most. */
const MOST_PROBED = 10_000;

/**
 * Accuracy of a linear probe on a run's codes: fitted to the first training images' classes, measured on
 * the test part.
 *
 * @param source what the error calls the set, as the user has
 * @throws UsageError for a set without classes
 */
export async function probeAccuracy(
  { device, model }: OpenRun,
  dataset: Dataset,
  source: string,
): Promise<{ readonly accuracy: number; readonly fitted: number }> {
  if (dataset.classes < 2)
    throw new UsageError(`--probe tells classes apart, and ${source} has none`);
  const { train, test } = dataset;
  const first = Uint32Array.from({ length: Math.min(MOST_PROBED, train.count) }, (_, i) => i);
  const codesOf = async (split: Split): Promise<LabelledCodes> => {
    const images = new DeviceImages(device, split, dataset, "probed images");
    const codes = await encodeAll(device, model, images);
    return { codes: await codes.data(), labels: split.labels, count: split.count };
  };
  const seen = await codesOf(selectImages(train, first));
  const probe = await fitLinearProbe(device, seen, dataset.classes);
  const { codes, labels, count } = await codesOf(test);
  const right = probe.predict(codes).filter((found, i) => found === labels[i]).length;
  return { accuracy: right / count, fitted: seen.count };
}
