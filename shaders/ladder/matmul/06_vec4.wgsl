// Matrix product C = A · B. A: [M, K], B: [K, N], C: [M, N], row-major; N is a multiple of 4.
//
// Step 6, four elements in a load: rows of B and C are read and written as vec4f. A multiply-add of
// the 4 × 4 tile now costs 5/16 of a load instead of 8/16, and the text names four multiply-adds at
// once. Should gain where the number of loads counts, not their bytes.

const M = 4u;
const N = 4u;
const K = 4u;
const ROWS = 4u;
const COLS = 1u; // columns of the tile in vectors of 4
const COLUMNS = N / 4u; // columns of B and C in vectors of 4

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4f>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.y * ROWS;
  let col = id.x * COLS;
  if (row >= M || col >= COLUMNS) {
    return;
  }
  var acc: array<vec4f, ROWS * COLS>; //@registers
  for (var k = 0u; k < K; k++) {
    var x: array<f32, ROWS>; //@registers
    //@unroll
    for (var i = 0u; i < ROWS; i++) {
      x[i] = a[min(row + i, M - 1u) * K + k];
    }
    //@unroll
    for (var j = 0u; j < COLS; j++) {
      let y = b[k * COLUMNS + min(col + j, COLUMNS - 1u)];
      //@unroll
      for (var i = 0u; i < ROWS; i++) {
        acc[i * COLS + j] += x[i] * y;
      }
    }
  }
  //@unroll
  for (var i = 0u; i < ROWS; i++) {
    //@unroll
    for (var j = 0u; j < COLS; j++) {
      if (row + i < M && col + j < COLUMNS) {
        c[(row + i) * COLUMNS + col + j] = acc[i * COLS + j];
      }
    }
  }
}
