import * as tf from "@tensorflow/tfjs-core";
import { ADAM, images, initialParameters, LATENT } from "./data.ts";
import type { Step } from "./side.ts";
import type { StepTask } from "./tasks.ts";

/** The step in TensorFlow.js; its layouts are latentgrad's. */
export function tfjsStep({ network, batch }: StepTask): Step {
  const variables = initialParameters(network).map(({ name, shape, values }) => ({
    name,
    variable: tf.variable(tf.tensor(values, shape)),
  }));
  const p = (name: string): tf.Tensor => {
    const found = variables.find((v) => v.name === name);
    if (!found) throw new Error(`no parameter ${name}`);
    return found.variable;
  };
  const x = tf.tensor(images(batch), [batch, 28, 28, 1]);
  const adam = tf.train.adam(ADAM.learningRate, ADAM.beta1, ADAM.beta2, ADAM.epsilon);
  const conv = (h: tf.Tensor, layer: string) =>
    tf.add(tf.conv2d(h, p(`${layer}.weight`), 2, "same"), p(`${layer}.bias`));
  const dense = (h: tf.Tensor, layer: string) =>
    tf.add(tf.matMul(h, p(`${layer}.weight`)), p(`${layer}.bias`));
  const enlarge = (h: tf.Tensor, layer: string, size: number, channels: number, stride: number) =>
    tf.add(
      tf.conv2dTranspose(h, p(`${layer}.weight`), [batch, size, size, channels], stride, "same"),
      p(`${layer}.bias`),
    );
  const encode = (): tf.Tensor => {
    if (network === "dense") return tf.relu(dense(tf.reshape(x, [batch, 784]), "encoder.1"));
    const h = tf.relu(conv(tf.relu(conv(x, "encoder.0")), "encoder.2"));
    return tf.relu(dense(tf.reshape(h, [batch, 3136]), "encoder.5"));
  };
  /** The pixels' logits. */
  const decode = (z: tf.Tensor): tf.Tensor => {
    const h = tf.relu(dense(z, "decoder.0"));
    if (network === "dense") return tf.reshape(dense(h, "decoder.2"), [batch, 28, 28, 1]);
    let g = tf.reshape(h, [batch, 7, 7, 64]);
    g = tf.relu(enlarge(g, "decoder.3", 14, 64, 2));
    g = tf.relu(enlarge(g, "decoder.5", 28, 32, 2));
    return enlarge(g, "decoder.7", 28, 1, 1);
  };
  const loss = (epsilon: tf.Tensor): tf.Tensor => {
    const [mu, logVariance] = tf.split(dense(encode(), "head"), 2, 1) as [tf.Tensor, tf.Tensor];
    const g = decode(tf.add(mu, tf.mul(tf.exp(tf.mul(logVariance, 0.5)), epsilon)));
    const nll = tf.sum(tf.sub(tf.softplus(g), tf.mul(g, x)), [1, 2, 3]);
    const divergence = tf.sum(
      tf.sub(tf.sub(tf.add(tf.square(mu), tf.exp(logVariance)), 1), logVariance),
      1,
    );
    return tf.mean(tf.add(nll, tf.mul(divergence, 0.5)));
  };
  return {
    async step(_step, noise) {
      const epsilon = tf.tensor(noise, [batch, LATENT]);
      const result = adam.minimize(
        () => loss(epsilon),
        true,
        variables.map((v) => v.variable),
      );
      if (!result) throw new Error("TensorFlow.js returned no loss");
      const [value] = await result.data();
      result.dispose();
      epsilon.dispose();
      return value as number;
    },
  };
}
