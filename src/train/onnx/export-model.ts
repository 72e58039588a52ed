import { isNot } from "../../gpu/arguments.ts";
import { UsageError } from "../../gpu/errors.ts";
import type { ModelClass } from "../../models/definition.ts";
import { TrainedModel } from "../../models/trained-model.ts";
import { settingsTexts } from "../../settings/settings.ts";
import { type OnnxFile, writeNetworks } from "./export.ts";

/** A model as two files that ONNX Runtime and other programs run. */
export interface OnnxFiles {
  /** Images, or vectors → latent codes. */
  readonly encoder: OnnxFile;
  /** Latent codes → images, or vectors. */
  readonly decoder: OnnxFile;
}

/** What a checkpoint says that the files say, too. */
const kept = ["data", "epoch", "step"] as const;

/**
 * The encoder and the decoder of a model that was loaded, as ONNX files (opset 13), for programs without WebGPU. Each
 * computes what the model computes in evaluation: `image` [batch, channels, height, width] in [0, 1] → `mean` and
 * `log_variance`, or `latent`, [batch, latent]; and `latent` → `image`, pixels and not logits. The batch is as long
 * as one likes. docs/onnx.md has all names.
 *
 * @throws UsageError for a model that has no decoder, or whose networks are not all layers (`FlowVae`);
 *   DeviceLostError
 */
export async function exportOnnx(model: TrainedModel): Promise<OnnxFiles> {
  if (!(model instanceof TrainedModel))
    throw new UsageError(
      `exportOnnx: ${isNot("model", model, "a trained model, as loadModel gives it")}`,
    );
  const { model: network, image, metadata } = model;
  if (model.device.lost) throw model.device.lost;
  const { description } = network.constructor as Partial<ModelClass>;
  const { settings } = network as { settings?: Parameters<typeof settingsTexts>[1] };
  const name = metadata.model ?? description?.name ?? "model";
  const facts: Record<string, string> = {};
  if (description && settings)
    facts.settings = JSON.stringify(settingsTexts(description, settings));
  for (const key of kept) if (metadata[key] !== undefined) facts[key] = metadata[key];
  if (network.classes && metadata.classes !== undefined) facts.classes = metadata.classes;
  return writeNetworks(network, name, image, facts);
}
