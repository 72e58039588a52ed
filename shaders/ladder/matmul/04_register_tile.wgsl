// Matrix product C = A · B. A: [M, K], B: [K, N], C: [M, N], row-major.
//
// Step 4, a two-dimensional register tile: ROWS + COLS loads serve ROWS · COLS multiply-adds, so
// a 4 × 4 tile needs half a load for each. That should gain 2× and more over step 3, but only
// if the tile is in registers. Here the loops over it are left to the compiler, and many compilers
// keep an array that is indexed by a loop's counter in memory.

const M = 4u;
const N = 4u;
const K = 4u;
const ROWS = 4u;
const COLS = 4u;

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.y * ROWS;
  let col = id.x * COLS;
  if (row >= M || col >= N) {
    return;
  }
  var acc: array<f32, ROWS * COLS>;
  for (var k = 0u; k < K; k++) {
    var x: array<f32, ROWS>;
    var y: array<f32, COLS>;
    for (var i = 0u; i < ROWS; i++) {
      x[i] = a[min(row + i, M - 1u) * K + k];
    }
    for (var j = 0u; j < COLS; j++) {
      y[j] = b[k * N + min(col + j, N - 1u)];
    }
    for (var i = 0u; i < ROWS; i++) {
      for (var j = 0u; j < COLS; j++) {
        acc[i * COLS + j] += x[i] * y[j];
      }
    }
  }
  for (var i = 0u; i < ROWS; i++) {
    for (var j = 0u; j < COLS; j++) {
      if (row + i < M && col + j < N) {
        c[(row + i) * N + col + j] = acc[i * COLS + j];
      }
    }
  }
}
