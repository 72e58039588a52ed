// The example of docs/define-op.md, which quotes it.
import { add, defineOp, mul, sigmoid, sub, sum } from "../../src/entries/index.ts";

/** x·sigmoid(βx), element by element. x: any shape; β: one number. */
export const swish = defineOp({
  name: "swish",
  wgsl: `
    const COUNT = 1u; // set by the host
    const GROUPS_X = 1u; // set by the host where the grid is folded
    const GROUPS_XY = 1u;

    @group(0) @binding(0) var<storage, read> x: array<f32>;
    @group(0) @binding(1) var<storage, read> beta: array<f32>;
    @group(0) @binding(2) var<storage, read_write> y: array<f32>;

    @compute @workgroup_size(64, 1, 1)
    fn main(
      @builtin(workgroup_id) group: vec3u,
      @builtin(local_invocation_index) lane: u32,
    ) {
      let i = (group.x + group.y * GROUPS_X + group.z * GROUPS_XY) * 64u + lane;
      if (i >= COUNT) {
        return;
      }
      y[i] = x[i] / (1.0 + exp(-beta[0] * x[i]));
    }
  `,
  shape: (x, beta) => {
    if (beta.length !== 0) throw new Error("β must be a single number, of shape []");
    return x;
  },
  constants: (x) => ({ COUNT: x.reduce((a, b) => a * b, 1) }),
  workgroups: (y) => Math.ceil(y.reduce((a, b) => a * b, 1) / 64),
  derivatives: [
    // ∂/∂x = s + βy(1 − s) and ∂/∂β = xy(1 − s), where s = sigmoid(βx)
    (dy, y, x, beta) => {
      const s = sigmoid(mul(x, beta));
      return mul(dy, add(s, mul(mul(beta, y), sub(1, s))));
    },
    (dy, y, x, beta) => {
      const s = sigmoid(mul(x, beta));
      return sum(mul(dy, mul(mul(x, y), sub(1, s))));
    },
  ],
});
