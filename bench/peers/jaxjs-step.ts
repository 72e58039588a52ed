import type { Array as JaxArray } from "@jax-js/jax";
import { blockUntilReady, jit, lax, nn, numpy as np, tree, valueAndGrad } from "@jax-js/jax";
import { ADAM, images, initialParameters, LATENT, type Parameter, transpose } from "./data.ts";
import type { Step } from "./side.ts";
import type { StepTask } from "./tasks.ts";

type Arrays = Record<string, JaxArray>;

const array = (values: Float32Array<ArrayBuffer>, shape: readonly number[]) =>
  np.array(values, { shape: [...shape] });

/**
 * A parameter of the convolutional network in the layout that serves jax-js best: channels before pixels, as its convolutions
 * want them. Its `convTranspose` is a correlation with the dilated input, so that the weights of
 * the convolution it is the gradient of are turned by 180°.
 */
function convert({ name, shape, values }: Parameter): JaxArray {
  if (name === "encoder.5.weight") {
    const moved = transpose(values, [7, 7, 64, 16], [2, 0, 1, 3]);
    return array(moved, shape);
  }
  if (name === "decoder.0.weight")
    return array(transpose(values, [LATENT, 7, 7, 64], [0, 3, 1, 2]), shape);
  if (name === "decoder.0.bias") return array(transpose(values, [7, 7, 64], [2, 0, 1]), shape);
  const [h, w, a, b] = shape as [number, number, number, number];
  if (shape.length === 4 && name.startsWith("encoder"))
    return array(transpose(values, shape, [3, 2, 0, 1]), [b, a, h, w]); // OIHW
  if (shape.length === 4) {
    const moved = transpose(values, shape, [2, 3, 0, 1]); // [out, in, h, w]
    for (let k = 0; k < a * b; k++) moved.subarray(k * h * w, (k + 1) * h * w).reverse();
    return array(moved, [a, b, h, w]);
  }
  const isPixelBias = /^(encoder\.[02]|decoder\.[357])\.bias$/.test(name);
  return array(values, isPixelBias ? [...shape, 1, 1] : shape);
}

/** The step in jax-js, compiled as a whole by its `jit`. */
export function jaxjsStep({ network, batch }: StepTask): Step {
  const place = (p: Parameter) => (network === "conv" ? convert(p) : array(p.values, p.shape));
  let parameters: Arrays = Object.fromEntries(
    initialParameters(network).map((p) => [p.name, place(p)]),
  );
  const names = Object.keys(parameters);
  const zeros = (): Arrays =>
    Object.fromEntries(names.map((name) => [name, np.zeros((parameters[name] as JaxArray).shape)]));
  let first = zeros();
  let second = zeros();
  const x = array(images(batch), network === "conv" ? [batch, 1, 28, 28] : [batch, 784]);

  const loss = (p: Arrays, x: JaxArray, epsilon: JaxArray): JaxArray => {
    const weight = (layer: string) => p[`${layer}.weight`] as JaxArray;
    const bias = (layer: string) => p[`${layer}.bias`] as JaxArray;
    const conv = (h: JaxArray, layer: string) =>
      lax.convGeneralDilated(h, weight(layer), [2, 2], "SAME").add(bias(layer));
    const dense = (h: JaxArray, layer: string) => np.matmul(h, weight(layer)).add(bias(layer));
    const enlarge = (h: JaxArray, layer: string) =>
      lax.convTranspose(h, weight(layer), [2, 2], "SAME").add(bias(layer));
    const encode = (): JaxArray => {
      if (network === "dense") return nn.relu(dense(x.ref, "encoder.1"));
      const h = nn.relu(conv(nn.relu(conv(x.ref, "encoder.0")), "encoder.2"));
      return nn.relu(dense(h.reshape([batch, 3136]), "encoder.5"));
    };
    /** The pixels' logits. */
    const decode = (z: JaxArray): JaxArray => {
      const h = nn.relu(dense(z, "decoder.0"));
      if (network === "dense") return dense(h, "decoder.2");
      let g = h.reshape([batch, 64, 7, 7]);
      g = nn.relu(enlarge(g, "decoder.3"));
      g = nn.relu(enlarge(g, "decoder.5"));
      return lax.convGeneralDilated(g, weight("decoder.7"), [1, 1], "SAME").add(bias("decoder.7"));
    };
    const both = dense(encode(), "head");
    const mu = both.ref.slice([], [0, LATENT]);
    const logVariance = both.slice([], [LATENT, 2 * LATENT]);
    const g = decode(mu.ref.add(np.exp(logVariance.ref.mul(0.5)).mul(epsilon)));
    const nll = nn.softplus(g.ref).sub(g.mul(x)).sum();
    const divergence = np
      .square(mu)
      .add(np.exp(logVariance.ref))
      .sub(1)
      .sub(logVariance)
      .sum()
      .mul(0.5);
    return nll.add(divergence).div(batch);
  };

  /** `c1` and `c2` are 1 / (1 − βᵗ), Adam's bias corrections. */
  const update = jit(
    (
      p: Arrays,
      m: Arrays,
      v: Arrays,
      x: JaxArray,
      epsilon: JaxArray,
      c1: JaxArray,
      c2: JaxArray,
    ): [JaxArray, Arrays, Arrays, Arrays] => {
      const [value, gradient] = valueAndGrad(loss)(tree.ref(p), x, epsilon);
      const result: [Arrays, Arrays, Arrays] = [{}, {}, {}];
      for (const name of names) {
        const g = gradient[name] as JaxArray;
        const m1 = (m[name] as JaxArray).mul(ADAM.beta1).add(g.ref.mul(1 - ADAM.beta1));
        const v1 = (v[name] as JaxArray).mul(ADAM.beta2).add(np.square(g).mul(1 - ADAM.beta2));
        const size = np.sqrt(v1.ref.mul(c2.ref)).add(ADAM.epsilon);
        const change = m1.ref.mul(c1.ref).mul(ADAM.learningRate).div(size);
        result[0][name] = (p[name] as JaxArray).sub(change);
        result[1][name] = m1;
        result[2][name] = v1;
      }
      c1.dispose();
      c2.dispose();
      return [value, ...result];
    },
  );

  return {
    async step(step, noise) {
      const epsilon = array(noise, [batch, LATENT]);
      const corrections = [ADAM.beta1, ADAM.beta2].map((beta) =>
        array(Float32Array.of(1 / (1 - beta ** step)), []),
      ) as [JaxArray, JaxArray];
      const [value, p, m, v] = update(parameters, first, second, x.ref, epsilon, ...corrections);
      [parameters, first, second] = [p, m, v];
      const [number] = await value.data();
      await blockUntilReady([parameters, first, second]);
      return number as number;
    },
  };
}
