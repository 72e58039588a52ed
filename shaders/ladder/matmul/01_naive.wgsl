// Matrix product C = A · B. A: [M, K], B: [K, N], C: [M, N], row-major.
//
// Step 1, the definition: a thread computes one element of C from a row of A and a column of B.
// Every multiply-add needs two loads, and a load costs many multiply-adds on every adapter. And
// neighbouring threads (lanes) work on neighbouring rows: their loads of A lie K elements apart,
// so a GPU fetches a whole cache line for each of them and uses one element of it.

const M = 4u;
const N = 4u;
const K = 4u;

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x;
  let col = id.y;
  if (row >= M || col >= N) {
    return;
  }
  var sum = 0.0;
  for (var k = 0u; k < K; k++) {
    sum += a[row * K + k] * b[k * N + col];
  }
  c[row * N + col] = sum;
}
