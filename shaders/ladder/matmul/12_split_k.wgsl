// Matrix product C = A · B. A: [M, K], B: [K, N], C: [M, N], row-major; N and K are multiples of 4.
//
// Step 12, a split sum: step 8 has M · N / 64 threads, 4,096 for 512 × 512, and a GPU has places
// for a hundred thousand. So SPLITS threads share each tile's sum over K; each writes its share, and
// a second pass adds the shares up, always in the same order (atomic additions would not). Should
// gain where tiles are few and K is long; elsewhere the second pass is only a cost.

const M = 4u;
const N = 4u;
const K = 4u;
const ROWS = 8u;
const COLS = 2u; // columns of the tile in vectors of 4
const COLUMNS = N / 4u; // columns of B and C in vectors of 4
const SPLITS = 1u; // shares of the sum
const BLOCKS = K / 4u; // columns of A in vectors of 4
const SHARE = (BLOCKS + SPLITS - 1u) / SPLITS; // blocks of K that a thread adds up

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4f>; // [SPLITS, M, N]

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.y * ROWS;
  let col = id.x * COLS;
  if (row >= M || col >= COLUMNS) {
    return;
  }
  let share = id.z;
  let end = min((share + 1u) * SHARE, BLOCKS);
  var acc: array<vec4f, ROWS * COLS>; //@registers
  for (var k = share * SHARE; k < end; k++) {
    var x: array<vec4f, ROWS>; //@registers
    //@unroll
    for (var i = 0u; i < ROWS; i++) {
      x[i] = a[min(row + i, M - 1u) * BLOCKS + k];
    }
    //@unroll
    for (var q = 0u; q < 4u; q++) {
      //@unroll
      for (var j = 0u; j < COLS; j++) {
        let y = b[(k * 4u + q) * COLUMNS + min(col + j, COLUMNS - 1u)];
        //@unroll
        for (var i = 0u; i < ROWS; i++) {
          acc[i * COLS + j] += x[i][q] * y;
        }
      }
    }
  }
  //@unroll
  for (var i = 0u; i < ROWS; i++) {
    //@unroll
    for (var j = 0u; j < COLS; j++) {
      if (row + i < M && col + j < COLUMNS) {
        c[(share * M + row + i) * COLUMNS + col + j] = acc[i * COLS + j];
      }
    }
  }
}
