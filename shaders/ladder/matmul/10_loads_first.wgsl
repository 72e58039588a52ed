// Matrix product C = A · B. A: [M, K], B: [K, N], C: [M, N], row-major; N and K are multiples of 4.
//
// Step 10, loads before products: all 16 loads of a turn stand before its 256 multiply-adds, where
// step 9 loads two vectors of B and multiplies, four times. A software adapter's load is a long piece
// of code that wants registers of its own: in one stretch of arithmetic the accumulators can stay in
// theirs. Should gain where a load is a call; a GPU's compiler orders loads by itself.

const M = 4u;
const N = 4u;
const K = 4u;
const ROWS = 8u;
const COLS = 2u; // columns of the tile in vectors of 4
const COLUMNS = N / 4u; // columns of B and C in vectors of 4
const BLOCKS = K / 4u; // columns of A in vectors of 4
const WIDTH = 4096u; // texels in a row of a texture

@group(0) @binding(0) var a: texture_2d<f32>;
@group(0) @binding(1) var b: texture_2d<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4f>;

// Element i of a matrix in vectors of 4: texel i of its texture, counted by rows.
fn load(matrix: texture_2d<f32>, i: u32) -> vec4f {
  return textureLoad(matrix, vec2u(i % WIDTH, i / WIDTH), 0);
}

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
      x[i] = load(a, min(row + i, M - 1u) * BLOCKS + k);
    }
    var y: array<vec4f, 4u * COLS>; //@registers
    //@unroll
    for (var q = 0u; q < 4u; q++) {
      //@unroll
      for (var j = 0u; j < COLS; j++) {
        y[q * COLS + j] = load(b, (k * 4u + q) * COLUMNS + min(col + j, COLUMNS - 1u));
      }
    }
    //@unroll
    for (var q = 0u; q < 4u; q++) {
      //@unroll
      for (var i = 0u; i < ROWS; i++) {
        //@unroll
        for (var j = 0u; j < COLS; j++) {
          acc[i * COLS + j] += x[i][q] * y[q * COLS + j];
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
