import { UsageError } from "../gpu/errors.ts";
import { didYouMean } from "../gpu/suggest.ts";
import { AdversarialAutoencoder } from "./aae.ts";
import { PlainAutoencoder } from "./ae.ts";
import { Classifier } from "./classifier.ts";
import { ConditionalVae } from "./cvae.ts";
import { definitionOf, type ModelDefinition, type ModelDescription } from "./definition.ts";
import { DualAae } from "./dual-aae.ts";
import { FactorVae } from "./factor-vae.ts";
import { FlexAe, FlexAeSr } from "./flex-ae.ts";
import { FlowVae } from "./flow-vae.ts";
import { InfoVae } from "./info-vae.ts";
import { KMeansVae } from "./kmeans-vae.ts";
import { LambdaHotVae } from "./lambda-hot.ts";
import { MaskAae } from "./mask-aae.ts";
import { TwoStageVae } from "./two-stage.ts";
import { Vae } from "./vae.ts";
import { WaeGan, WaeMmd } from "./wae.ts";

/** The classes of all models, by their names. */
export const modelClasses = {
  vae: Vae,
  cvae: ConditionalVae,
  "lambda-hot": LambdaHotVae,
  "kmeans-vae": KMeansVae,
  "info-vae": InfoVae,
  "factor-vae": FactorVae,
  "flow-vae": FlowVae,
  "two-stage": TwoStageVae,
  "wae-mmd": WaeMmd,
  "wae-gan": WaeGan,
  ae: PlainAutoencoder,
  aae: AdversarialAutoencoder,
  "dual-aae": DualAae,
  "mask-aae": MaskAae,
  "flex-ae": FlexAe,
  "flex-ae-sr": FlexAeSr,
  classifier: Classifier,
} as const;

/** The name of a model. */
export type ModelName = keyof typeof modelClasses;

/** The models that can be trained. */
export const models: readonly ModelDefinition[] = Object.values(modelClasses).map(definitionOf);

/** The model of that name. Throws UsageError with the nearest name and the list. */
export function findModel<T extends ModelDescription>(name: string, among: readonly T[]): T {
  const found = among.find((entry) => entry.name === name);
  if (found) return found;
  const names = among.map((entry) => entry.name);
  throw new UsageError(
    `unknown model "${name}"${didYouMean(name, names)}; there are ${names.join(", ")}`,
  );
}
