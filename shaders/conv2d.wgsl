// conv2d, NHWC: y[n, oh, ow, co] = Σ x[n, oh·STRIDE + kh − PAD_TOP, ow·STRIDE + kw − PAD_LEFT, ci] · w[kh, kw, ci, co]
//
// Implicit GEMM: the rows are output pixels, the columns output channels, and the sum runs over
// kernel taps and input channels; no patch matrix is stored. Each thread keeps a tile of ROWS
// pixels × COLS columns (a column is an F: one channel, or four) in registers.
// Also the input gradient of a transposed convolution.

alias X = vec4f; // f32, or vec4f when the input channels are a multiple of 4
alias F = vec4f; // f32, or vec4f when the output channels are a multiple of 4
const WORKGROUP = 64u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const ROWS = 2u;
const COLS = 2u;
const UNROLL_STORES = true;
const PIXELS = 4u; // batch · OUT_H · OUT_W
const COLUMNS = 2u; // output channels in units of F
const IN_H = 3u;
const IN_W = 3u;
const IN_C = 1u; // input channels in units of X
const OUT_H = 2u;
const OUT_W = 2u;
const KERNEL_H = 2u;
const KERNEL_W = 2u;
const STRIDE_H = 1u;
const STRIDE_W = 1u;
const PAD_TOP = 0u;
const PAD_LEFT = 0u;
const X_WIDTH = 4u; // elements of an X
const F_WIDTH = 4u; // elements of an F
const ROW_TILES = (PIXELS + ROWS - 1u) / ROWS;
const COLUMN_TILES = (COLUMNS + COLS - 1u) / COLS;
const RAGGED_COLUMNS = COLUMNS % COLS != 0u;

@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read> w: array<F>;
@group(0) @binding(2) var<storage, read_write> y: array<F>;

fn loadX(i: u32) -> X {
  return x[i];
}

fn loadW(i: u32) -> F {
  return w[i];
}

//@epilogue
struct Column { none: u32 } // what it reads alike for all rows of a column
fn columnAt(i: u32) -> Column {
  return Column();
}
fn epilogue(value: F, i: u32, column: Column) -> F {
  return value;
}

@compute @workgroup_size(64, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let thread = (group.x + group.y * GROUPS_X + group.z * GROUPS_XY) * WORKGROUP + lane;
  if (thread >= ROW_TILES * COLUMN_TILES) {
    return;
  }
  let row = (thread / COLUMN_TILES) * ROWS;
  let col = (thread % COLUMN_TILES) * COLS;

  // Where each pixel's window begins. Unsigned numbers wrap, which the bounds test below catches.
  var top: array<u32, ROWS>; //@registers
  var left: array<u32, ROWS>; //@registers
  var image: array<u32, ROWS>; //@registers
  //@unroll
  for (var i = 0u; i < ROWS; i++) {
    let pixel = min(row + i, PIXELS - 1u);
    left[i] = (pixel % OUT_W) * STRIDE_W - PAD_LEFT;
    top[i] = ((pixel / OUT_W) % OUT_H) * STRIDE_H - PAD_TOP;
    image[i] = (pixel / (OUT_W * OUT_H)) * (IN_H * IN_W * IN_C);
  }

  var acc: array<F, ROWS * COLS>; //@registers
  var start: array<u32, ROWS>; //@registers
  var inside: array<bool, ROWS>; //@registers
  for (var kh = 0u; kh < KERNEL_H; kh++) {
    for (var kw = 0u; kw < KERNEL_W; kw++) {
      //@unroll
      for (var i = 0u; i < ROWS; i++) {
        let ih = top[i] + kh;
        let iw = left[i] + kw;
        inside[i] = ih < IN_H && iw < IN_W;
        start[i] = select(0u, image[i] + (ih * IN_W + iw) * IN_C, inside[i]);
      }
      let tap = (kh * KERNEL_W + kw) * IN_C * X_WIDTH * COLUMNS;
      for (var c = 0u; c < IN_C; c++) {
        var a: array<X, ROWS>; //@registers
        //@unroll
        for (var i = 0u; i < ROWS; i++) {
          a[i] = select(X(0.0), loadX(start[i] + c), inside[i]);
        }
        //@unroll
        for (var j = 0u; j < COLS; j++) {
          var column = col + j;
          if (RAGGED_COLUMNS) { //@static
            column = min(column, COLUMNS - 1u);
          }
          let base = tap + c * X_WIDTH * COLUMNS + column;
          if (X_WIDTH == 4u) { //@static
            let b0 = loadW(base);
            let b1 = loadW(base + COLUMNS);
            let b2 = loadW(base + 2u * COLUMNS);
            let b3 = loadW(base + 3u * COLUMNS);
            //@unroll
            for (var i = 0u; i < ROWS; i++) {
              acc[i * COLS + j] += a[i].x * b0 + a[i].y * b1 + a[i].z * b2 + a[i].w * b3;
            }
          } else {
            let b = loadW(base);
            //@unroll
            for (var i = 0u; i < ROWS; i++) {
              acc[i * COLS + j] += a[i] * b;
            }
          }
        }
      }
    }
  }

  var columns: array<Column, COLS>; //@registers
  //@unroll
  for (var j = 0u; j < COLS; j++) {
    columns[j] = columnAt((col + j) * F_WIDTH);
  }
  // Where compilers take long for each copy of the epilogue, its rows are a loop, over an array.
  var results: array<F, ROWS * COLS>; //@registers
  //@unroll
  for (var k = 0u; k < ROWS * COLS; k++) {
    results[k] = acc[k];
  }
  //@unroll UNROLL_STORES
  for (var i = 0u; i < ROWS; i++) {
    if (row + i < PIXELS) {
      //@unroll
      for (var j = 0u; j < COLS; j++) {
        if (!RAGGED_COLUMNS || col + j < COLUMNS) {
          let at = (row + i) * COLUMNS + col + j;
          y[at] = epilogue(results[i * COLS + j], at * F_WIDTH, columns[j]);
        }
      }
    }
  }
}
