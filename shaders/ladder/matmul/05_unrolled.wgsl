// Matrix product C = A · B. A: [M, K], B: [K, N], C: [M, N], row-major.
//
// Step 5, the same tile written out: the text is step 4's, with marks. The host writes out each loop
// behind //@unroll, and makes a variable of its own of each element of an array marked //@registers,
// so that no compiler has a reason to keep the tile in memory. Should gain nothing where the compiler
// unrolls by itself (drivers of GPUs mostly do) and most of the tile's worth where it does not.

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
  var acc: array<f32, ROWS * COLS>; //@registers
  for (var k = 0u; k < K; k++) {
    var x: array<f32, ROWS>; //@registers
    var y: array<f32, COLS>; //@registers
    //@unroll
    for (var i = 0u; i < ROWS; i++) {
      x[i] = a[min(row + i, M - 1u) * K + k];
    }
    //@unroll
    for (var j = 0u; j < COLS; j++) {
      y[j] = b[k * N + min(col + j, N - 1u)];
    }
    //@unroll
    for (var i = 0u; i < ROWS; i++) {
      //@unroll
      for (var j = 0u; j < COLS; j++) {
        acc[i * COLS + j] += x[i] * y[j];
      }
    }
  }
  //@unroll
  for (var i = 0u; i < ROWS; i++) {
    //@unroll
    for (var j = 0u; j < COLS; j++) {
      if (row + i < M && col + j < N) {
        c[(row + i) * N + col + j] = acc[i * COLS + j];
      }
    }
  }
}
