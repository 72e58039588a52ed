// Matrix product C = A · B. A: [M, K], B: [K, N], C: [M, N], row-major.
//
// Step 2, which axis is the lane: neighbouring threads work on neighbouring columns. Their loads of
// B and their stores to C are now neighbours, which a GPU makes one access, and all of them load
// the same element of A, which it reads once. Should gain several times on GPUs. Software adapters
// gain what their caches gain; those that load one lane at a time have nothing to merge.

const M = 4u;
const N = 4u;
const K = 4u;

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.y;
  let col = id.x;
  if (row >= M || col >= N) {
    return;
  }
  var sum = 0.0;
  for (var k = 0u; k < K; k++) {
    sum += a[row * K + k] * b[k * N + col];
  }
  c[row * N + col] = sum;
}
