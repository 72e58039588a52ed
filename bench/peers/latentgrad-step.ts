import { add } from "../../src/autograd/ops/elementwise.ts";
import { mean } from "../../src/autograd/ops/reduce.ts";
import { grad } from "../../src/autograd/tape.ts";
import type { Device } from "../../src/gpu/device.ts";
import { bernoulliNll } from "../../src/models/likelihoods.ts";
import { klToStandardNormal, reparameterise } from "../../src/models/losses.ts";
import { Vae } from "../../src/models/vae.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { Adam } from "../../src/optim/adam.ts";
import { variable } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import { ADAM, images, initialParameters, LATENT, noise } from "./data.ts";
import type { Step } from "./side.ts";
import type { StepTask } from "./tasks.ts";

/** The step as `train` records it, but for the noise, which is a variable here. */
export async function latentgradStep(device: Device, { network, batch }: StepTask): Promise<Step> {
  const image = { height: 28, width: 28, channels: 1 };
  const model = new Vae(device, new HostRandom(1), image, { network, latent: LATENT });
  const given = new Map(initialParameters(network).map((p) => [p.name, p.values]));
  const parameters = model.parameters().map(({ name, tensor }) => {
    const values = given.get(name);
    if (!values) throw new Error(`the comparison has no weights for ${name}`);
    tensor.set(values);
    return tensor;
  });
  const x = variable(device, images(batch), [batch, 28, 28, 1], "images");
  const epsilon = variable(device, noise(batch, 1), [batch, LATENT], "noise");
  const optimiser = new Adam(device, parameters, ADAM);
  const { program, result } = await record(device, () => {
    const { mean: mu, logVariance } = model.posterior({ x });
    const logits = model.decoder.forward(reparameterise(mu, logVariance, epsilon));
    const loss = mean(add(bernoulliNll(logits, x), klToStandardNormal(mu, logVariance)));
    optimiser.step(grad(loss, parameters), { guard: [loss] });
    return { loss };
  });
  return {
    step(step, given) {
      optimiser.setStep(step);
      epsilon.set(given);
      program.run();
      return result.loss.item();
    },
  };
}
