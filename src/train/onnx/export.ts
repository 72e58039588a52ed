import { type OnnxValue, writeOnnx } from "../../formats/onnx.ts";
import { UsageError } from "../../gpu/errors.ts";
import type { ImageShape, Model } from "../../models/model.ts";
import type { NetworkOutputs } from "../../models/network-graph.ts";
import { version } from "../../version.ts";
import { OnnxNetwork } from "./graph.ts";

/** A network as a file, and what it takes and gives. */
export interface OnnxFile {
  /** The content of the file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

/** What each result of an encoder is. */
const codes: Readonly<Record<string, string>> = {
  mean: "mean of the posterior: the latent code",
  log_variance: "ln of the posterior's variance",
  latent: "latent codes",
};

/** What of a class says how its networks are written, by what it says. */
const written = {
  encode: "writeEncoder",
  posterior: "writeEncoder",
  posteriorOf: "writeEncoder",
  encoderInput: "writeEncoderInput",
  decode: "writeDecoder",
  decoderInput: "writeDecoderInput",
} as const;

/**
 * A model's encoder and decoder, as they compute in evaluation, as ONNX graphs: images [batch, channels,
 * height, width] in [0, 1] or vectors [batch, n] go in and come out, the batch is as long as one likes.
 *
 * @param name of the model, for the files and messages
 * @param image that the model was built for
 * @param metadata what else the files say
 * @throws UsageError for a model that has no decoder, or whose networks are not all layers
 */
export async function writeNetworks(
  model: Model,
  name: string,
  image: ImageShape,
  metadata: Readonly<Record<string, string>> = {},
): Promise<{ readonly encoder: OnnxFile; readonly decoder: OnnxFile }> {
  requireWritten(model, name);
  const file = async (
    part: "encoder" | "decoder",
    write: (network: OnnxNetwork) => NetworkOutputs,
  ): Promise<OnnxFile> => {
    const network = new OnnxNetwork(model, image);
    const { nodes, outputs } = network.finish(write(network), {
      ...codes,
      image: "pixels in [0, 1], channels first",
      vector: "values as they are",
    });
    const { inputs } = network;
    const bytes = writeOnnx({
      ...{ name: `${name}-${part}`, description: `The ${part} of a ${name}, in evaluation.` },
      ...{ producer: { name: "latentgrad", version }, metadata: { model: name, ...metadata } },
      ...{ inputs, outputs, nodes, constants: await network.weights.read() },
    });
    return { bytes, inputs, outputs };
  };
  const result = image.vectors ? "vector" : "image";
  return {
    encoder: await file("encoder", (network) => model.writeEncoder!(network)),
    decoder: await file("decoder", (network) => {
      const output = model.writeDecoder!(network);
      return { [result]: image.vectors ? network.flatten(output) : output };
    }),
  };
}

/** Refuses a model that does not say what its networks are, or of which only a base class does. */
function requireWritten(model: Model, name: string): void {
  if (!model.decode)
    throw new UsageError(`${name}: it has no decoder, so there is nothing to export`);
  if (!model.writeEncoder || !model.writeDecoder)
    throw new UsageError(
      `${name}: it does not write its networks down, so they cannot be exported`,
    );
  for (const [does, says] of Object.entries(written))
    if (depthOf(model, does) < depthOf(model, says))
      throw new UsageError(
        `${name}: its class has a ${does} of its own and no ${says}, so it cannot be exported`,
      );
}

/** How many classes up the class stands that has a method; Infinity where none has it. */
function depthOf(model: object, method: string): number {
  let depth = 0;
  for (let at: object | null = model; at; at = Object.getPrototypeOf(at)) {
    if (Object.hasOwn(at, method)) return depth;
    depth++;
  }
  return Number.POSITIVE_INFINITY;
}
