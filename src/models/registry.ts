import { UsageError } from "../gpu/errors.ts";
import { didYouMean } from "../gpu/suggest.ts";
import { aae } from "./aae.ts";
import { ae } from "./ae.ts";
import { classifier } from "./classifier.ts";
import { cvae } from "./cvae.ts";
import {
  type ModelDefinition,
  type ModelEntry,
  vaeNotes,
  vaeOptions,
  vaeSettings,
} from "./definition.ts";
import { dualAae } from "./dual-aae.ts";
import { factorVae } from "./factor-vae.ts";
import { flexAe, flexAeSr } from "./flex-ae.ts";
import { flowVae } from "./flow-vae.ts";
import { infoVae } from "./info-vae.ts";
import { kmeansVae } from "./kmeans-vae.ts";
import { lambdaHot } from "./lambda-hot.ts";
import { maskAae } from "./mask-aae.ts";
import { twoStage } from "./two-stage.ts";
import { Vae } from "./vae.ts";
import { waeGan, waeMmd } from "./wae.ts";

export type { ModelDefinition, ModelEntry } from "./definition.ts";

const vae: ModelDefinition = {
  name: "vae",
  summary: "variational autoencoder with a weight β on the KL term",
  source: "Kingma and Welling 2014; Higgins et al. 2017 for β",
  settings: vaeSettings,
  notes: vaeNotes,
  bound: "ln p(x)",
  build: (device, random, data, settings) => new Vae(device, random, data, vaeOptions(settings)),
};

/** The models that can be trained. */
export const models: readonly ModelDefinition[] = [
  vae,
  cvae,
  lambdaHot,
  kmeansVae,
  infoVae,
  factorVae,
  flowVae,
  twoStage,
  waeMmd,
  waeGan,
  ae,
  aae,
  dualAae,
  maskAae,
  flexAe,
  flexAeSr,
  classifier,
];

/** The model of that name. Throws UsageError with the nearest name and the list. */
export function findModel<T extends ModelEntry>(name: string, among: readonly T[]): T {
  const found = among.find((entry) => entry.name === name);
  if (found) return found;
  const names = among.map((entry) => entry.name);
  throw new UsageError(
    `unknown model "${name}"${didYouMean(name, names)}; there are ${names.join(", ")}`,
  );
}
