// Matrix product C = A · B. A: [M, K], B: [K, N], C: [M, N], row-major.
//
// Step 3, a one-dimensional register tile: a thread computes ROWS elements of one column, so that
// each element of B that it loads serves ROWS multiply-adds. Loads for a multiply-add fall from 2
// to 1 + 1/ROWS, and the loop's own cost is shared by ROWS of them. Should gain up to 1.8×.

const M = 4u;
const N = 4u;
const K = 4u;
const ROWS = 8u; // rows of C that a thread computes

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.y * ROWS;
  let col = id.x;
  if (row >= M || col >= N) {
    return;
  }
  var acc: array<f32, ROWS>;
  for (var k = 0u; k < K; k++) {
    let y = b[k * N + col];
    for (var i = 0u; i < ROWS; i++) {
      acc[i] += a[min(row + i, M - 1u) * K + k] * y;
    }
  }
  for (var i = 0u; i < ROWS; i++) {
    if (row + i < M) {
      c[(row + i) * N + col] = acc[i];
    }
  }
}
