// The example of docs/define-op.md, which quotes it: time it with `latentgrad bench --kernel`.
import { defineOp } from "latentgrad";

/** C = A·B with one thread for each element of C. */
export const naiveMatmul = defineOp({
  name: "naiveMatmul",
  wgsl: `
    const M = 1u; const K = 1u; const N = 1u; // set by the host

    @group(0) @binding(0) var<storage, read> a: array<f32>;
    @group(0) @binding(1) var<storage, read> b: array<f32>;
    @group(0) @binding(2) var<storage, read_write> c: array<f32>;

    @compute @workgroup_size(8, 8, 1)
    fn main(@builtin(global_invocation_id) id: vec3u) {
      let row = id.y;
      let column = id.x;
      if (row >= M || column >= N) {
        return;
      }
      var sum = 0.0;
      for (var k = 0u; k < K; k++) {
        sum += a[row * K + k] * b[k * N + column];
      }
      c[row * N + column] = sum;
    }
  `,
  shape: ([m, k], [l, n]) => {
    if (k !== l) throw new Error("the inner lengths differ");
    return [m, n];
  },
  constants: ([m, k], [, n]) => ({ M: m, K: k, N: n }),
  workgroups: ([m, n]) => [Math.ceil(n / 8), Math.ceil(m / 8), 1],
  flops: ([m, k], [, n]) => 2 * m * k * n,
  bench: {
    inputs: [
      [128, 128],
      [128, 128],
    ],
    against: "matmul",
  },
});
