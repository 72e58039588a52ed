import {
  add,
  div,
  log1p,
  mul,
  neg,
  relu,
  sigmoid,
  softplus,
  square,
  sub,
  tanh,
} from "../autograd/ops/elementwise.ts";
import { split } from "../autograd/ops/shape.ts";
import { sum } from "../autograd/ops/sum.ts";
import type { Device } from "../gpu/device.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import { Linear } from "../nn/linear.ts";
import { MaskedLinear } from "../nn/masked-linear.ts";
import { Module } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** An invertible map of codes, whose parameters may depend on what an encoder made of the image. */
export interface Flow {
  /**
   * @param z [batch, latent] @param context [batch, features]: the encoder's last hidden layer
   * @returns where z goes, and ln |det ∂f/∂z|: [batch]
   */
  forwardWith(z: Tensor, context: Tensor): { z: Tensor; logDeterminant: Tensor };
  /** The z that goes to y. */
  inverseWith(y: Tensor, context: Tensor): Tensor;
}

/** The least of 1 + w·û: at 0 the determinant could be 0, too. */
const LEAST = 1e-4;
/** Where softplus is 1 less that. */
const SHIFT = /* @__PURE__ */ Math.log(/* @__PURE__ */ Math.exp(1 - LEAST) - 1);

/** Newton's steps of the planar flow's inverse. */
const NEWTON_STEPS = 40;

/**
 * Planar flow (Rezende and Mohamed 2015): f(z) = z + û·tanh(w·z + b), with û = u + (m(w·u) − w·u)·w/‖w‖²,
 * m(a) = −1 + 10⁻⁴ + softplus(a + shift), so that w·û > −1 and f is invertible. (The paper's m lacks the
 * 10⁻⁴, which keeps rounding from −1, and the shift, with which m(0) = 0, so that a flow with u = 0 is the
 * identity however short w is.) u, w and b depend on the image.
 * ln |det ∂f/∂z| = ln |1 + (1 − tanh²(w·z + b))·w·û|.
 */
export class PlanarFlow extends Module implements Flow {
  /** Context → [u, w, b]. */
  readonly parametersOf: Linear;

  constructor(
    device: Device,
    random: HostRandom,
    private readonly latent: number,
    features: number,
  ) {
    super();
    // Small at first: the flow begins near the identity.
    const initialiser = (r: HostRandom, [rows = 0, columns = 0]: readonly number[]) =>
      r.normal(rows * columns).map((x) => 0.01 * x);
    this.parametersOf = new Linear(device, random, features, 2 * latent + 1, { initialiser });
  }

  override forward(context: Tensor): Tensor {
    return this.parametersOf.forward(context);
  }

  forwardWith(z: Tensor, context: Tensor): { z: Tensor; logDeterminant: Tensor } {
    const { u, w, b, along } = this.planeOf(context);
    const t = tanh(add(dot(w, z), b));
    const slope = mul(sub(1, square(t)), along);
    return { z: add(z, mul(u, t)), logDeterminant: sum(log1p(slope), 1) };
  }

  /** w·z solves a + w·û·tanh(a + b) = w·y, which grows with a: Newton's method, kept from overshooting. */
  inverseWith(y: Tensor, context: Tensor): Tensor {
    const { u, w, b, along } = this.planeOf(context);
    const target = dot(w, y);
    let a = target;
    for (let i = 0; i < NEWTON_STEPS; i++) {
      const t = tanh(add(a, b));
      const error = sub(add(a, mul(along, t)), target);
      const slope = add(mul(along, sub(1, square(t))), 1);
      // The slope is between 1 + along and 1: its largest value makes every step safe.
      const safe = add(relu(along), 1);
      a = sub(a, div(error, i < NEWTON_STEPS / 2 ? safe : slope));
    }
    return sub(y, mul(u, tanh(add(a, b))));
  }

  /** û, w: [batch, latent]; b and w·û: [batch, 1]. */
  private planeOf(context: Tensor) {
    const { latent } = this;
    const all = this.parametersOf.forward(context);
    const [u, w, b] = split(all, 1, [latent, latent, 1]) as [Tensor, Tensor, Tensor];
    const along = dot(w, u);
    const wanted = sub(softplus(add(along, SHIFT)), 1 - LEAST);
    const norm = add(dot(w, w), 1e-12);
    const straight = add(u, mul(w, div(sub(wanted, along), norm)));
    return { u: straight, w, b, along: dot(w, straight) };
  }
}

/**
 * A step of inverse autoregressive flow (Kingma et al. 2016): z ↦ s∘z + (1 − s)∘m, where m and s = sigmoid
 * come from a masked network (MADE, Germain et al. 2015) in which dimension i sees those before it only,
 * and the context: the first one depends on the context alone.
 * ln |det| = Σ ln s. Every second step takes the dimensions in the opposite order.
 */
export class AutoregressiveFlow extends Module implements Flow {
  readonly first: MaskedLinear;
  readonly context: Linear;
  readonly second: MaskedLinear;
  /** Context → shift and gate. No hidden unit reaches the first dimension: this alone moves it. */
  readonly direct: Linear;

  /** @param hidden units of the masked network */
  constructor(
    device: Device,
    random: HostRandom,
    private readonly latent: number,
    features: number,
    { hidden, reversed }: { readonly hidden: number; readonly reversed: boolean },
  ) {
    super();
    const inputs = Array.from({ length: latent }, (_, i) => (reversed ? latent - i : i + 1));
    const units = hiddenDegrees(hidden, latent);
    this.first = new MaskedLinear(device, random, inputs, units);
    this.context = new Linear(device, random, features, hidden, { bias: false });
    this.second = new MaskedLinear(device, random, units, [...inputs, ...inputs], { strict: true });
    this.direct = new Linear(device, random, features, 2 * latent, { bias: false });
  }

  override forward(context: Tensor): Tensor {
    return this.context.forward(context);
  }

  forwardWith(z: Tensor, context: Tensor): { z: Tensor; logDeterminant: Tensor } {
    const { shift, gate } = this.gates(z, context);
    const scale = sigmoid(gate);
    const y = add(mul(scale, z), mul(sub(1, scale), shift));
    return { z: y, logDeterminant: neg(sum(softplus(neg(gate)), 1)) };
  }

  /** Dimension by dimension: each needs those before it. */
  inverseWith(y: Tensor, context: Tensor): Tensor {
    let z = mul(y, 0);
    for (let i = 0; i < this.latent; i++) {
      const { shift, gate } = this.gates(z, context);
      const scale = sigmoid(gate);
      z = div(sub(y, mul(sub(1, scale), shift)), scale);
    }
    return z;
  }

  private gates(z: Tensor, context: Tensor): { shift: Tensor; gate: Tensor } {
    const hidden = relu(add(this.first.forward(z), this.context.forward(context)));
    const both = add(this.second.forward(hidden), this.direct.forward(context));
    const [shift, raw] = split(both, 1, [this.latent, this.latent]) as [Tensor, Tensor];
    // Gates that begin half open let the gradient through (Kingma et al. 2016, section 4).
    return { shift, gate: add(raw, 1) };
  }
}

/**
 * Degrees of a masked network's hidden units, spread evenly over 1 … latent − 1, of fewer units than
 * these, too: a unit of degree d sees the first d dimensions.
 */
export function hiddenDegrees(hidden: number, latent: number): number[] {
  return Array.from({ length: hidden }, (_, i) => 1 + Math.floor((i * (latent - 1)) / hidden));
}

/** Row by row, [batch, n] · [batch, n] → [batch, 1]. */
function dot(a: Tensor, b: Tensor): Tensor {
  return sum(mul(a, b), 1, true);
}
