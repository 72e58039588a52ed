// Matrix product C = A · B. A: [M, K], B: [K, N], C: [M, N], row-major; N and K are multiples of 4.
//
// Step 7, four turns of the sum in one: A's rows are read as vec4f too, four elements along K, and
// the loop over K makes a quarter of the turns. Loads for a multiply-add fall from 5/16 to 8/64,
// and the loop's own cost (a test of all lanes on software adapters) to a quarter.

const M = 4u;
const N = 4u;
const K = 4u;
const ROWS = 4u;
const COLS = 1u; // columns of the tile in vectors of 4
const COLUMNS = N / 4u; // columns of B and C in vectors of 4
const BLOCKS = K / 4u; // columns of A in vectors of 4

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
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
  for (var k = 0u; k < BLOCKS; k++) {
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
        c[(row + i) * COLUMNS + col + j] = acc[i * COLS + j];
      }
    }
  }
}
