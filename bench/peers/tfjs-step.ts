import * as tf from "@tensorflow/tfjs-core";
import { ADAM, images, initialParameters, LATENT, noise } from "./data.ts";
import type { Step } from "./side.ts";

/** The step in TensorFlow.js; its layouts are latentgrad's. */
export function tfjsStep(batch: number): Step {
  const variables = initialParameters().map(({ name, shape, values }) => ({
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
  const loss = (epsilon: tf.Tensor): tf.Tensor => {
    let h = tf.relu(conv(x, "encoder.0"));
    h = tf.relu(conv(h, "encoder.2"));
    h = tf.relu(dense(tf.reshape(h, [batch, 3136]), "encoder.5"));
    const [mu, logVariance] = tf.split(dense(h, "head"), 2, 1) as [tf.Tensor, tf.Tensor];
    const z = tf.add(mu, tf.mul(tf.exp(tf.mul(logVariance, 0.5)), epsilon));
    let g = tf.reshape(tf.relu(dense(z, "decoder.0")), [batch, 7, 7, 64]);
    g = tf.relu(enlarge(g, "decoder.3", 14, 64, 2));
    g = tf.relu(enlarge(g, "decoder.5", 28, 32, 2));
    g = enlarge(g, "decoder.7", 28, 1, 1);
    const nll = tf.sum(tf.sub(tf.softplus(g), tf.mul(g, x)), [1, 2, 3]);
    const divergence = tf.sum(
      tf.sub(tf.sub(tf.add(tf.square(mu), tf.exp(logVariance)), 1), logVariance),
      1,
    );
    return tf.mean(tf.add(nll, tf.mul(divergence, 0.5)));
  };
  return {
    async step(step) {
      const epsilon = tf.tensor(noise(batch, step), [batch, LATENT]);
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
