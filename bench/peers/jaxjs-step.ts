import type { Array as JaxArray } from "@jax-js/jax";
import { blockUntilReady, jit, lax, nn, numpy as np, tree, valueAndGrad } from "@jax-js/jax";
import {
  ADAM,
  images,
  initialParameters,
  LATENT,
  noise,
  type Parameter,
  transpose,
} from "./data.ts";
import type { Step } from "./side.ts";

type Arrays = Record<string, JaxArray>;

/**
 * A parameter in the layout that serves jax-js best: channels before pixels, as its convolutions
 * want them. Its `convTranspose` is a correlation with the dilated input, so that the weights of
 * the convolution it is the gradient of are turned by 180°.
 */
function convert({ name, shape, values }: Parameter): JaxArray {
  const array = (data: Float32Array<ArrayBuffer>, dimensions: readonly number[]) =>
    np.array(data, { shape: [...dimensions] });
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
export function jaxjsStep(batch: number): Step {
  let parameters: Arrays = Object.fromEntries(initialParameters().map((p) => [p.name, convert(p)]));
  const names = Object.keys(parameters);
  const zeros = (): Arrays =>
    Object.fromEntries(names.map((name) => [name, np.zeros((parameters[name] as JaxArray).shape)]));
  let first = zeros();
  let second = zeros();
  const x = np.array(images(batch), { shape: [batch, 1, 28, 28] });

  const loss = (p: Arrays, x: JaxArray, epsilon: JaxArray): JaxArray => {
    const weight = (layer: string) => p[`${layer}.weight`] as JaxArray;
    const bias = (layer: string) => p[`${layer}.bias`] as JaxArray;
    const conv = (h: JaxArray, layer: string) =>
      lax.convGeneralDilated(h, weight(layer), [2, 2], "SAME").add(bias(layer));
    const dense = (h: JaxArray, layer: string) => np.matmul(h, weight(layer)).add(bias(layer));
    const enlarge = (h: JaxArray, layer: string) =>
      lax.convTranspose(h, weight(layer), [2, 2], "SAME").add(bias(layer));
    let h = nn.relu(conv(x.ref, "encoder.0"));
    h = nn.relu(conv(h, "encoder.2"));
    h = nn.relu(dense(h.reshape([batch, 3136]), "encoder.5"));
    const both = dense(h, "head");
    const mu = both.ref.slice([], [0, LATENT]);
    const logVariance = both.slice([], [LATENT, 2 * LATENT]);
    const z = mu.ref.add(np.exp(logVariance.ref.mul(0.5)).mul(epsilon));
    let g = nn.relu(dense(z, "decoder.0")).reshape([batch, 64, 7, 7]);
    g = nn.relu(enlarge(g, "decoder.3"));
    g = nn.relu(enlarge(g, "decoder.5"));
    g = lax.convGeneralDilated(g, weight("decoder.7"), [1, 1], "SAME").add(bias("decoder.7"));
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
    async step(step) {
      const epsilon = np.array(noise(batch, step), { shape: [batch, LATENT] });
      const corrections = [ADAM.beta1, ADAM.beta2].map((beta) =>
        np.array(Float32Array.of(1 / (1 - beta ** step)), { shape: [] }),
      ) as [JaxArray, JaxArray];
      const [value, p, m, v] = update(parameters, first, second, x.ref, epsilon, ...corrections);
      [parameters, first, second] = [p, m, v];
      const [number] = await value.data();
      await blockUntilReady([parameters, first, second]);
      return number as number;
    },
  };
}
