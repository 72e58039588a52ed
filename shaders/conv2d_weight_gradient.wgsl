// Weight gradient of conv2d, NHWC:
// dw[kh, kw, ci, co] = Σ x[n, oh·STRIDE + kh − PAD_TOP, ow·STRIDE + kw − PAD_LEFT, ci] · dy[n, oh, ow, co]
//
// Implicit GEMM: the rows are (tap, input channel), the columns output channels, and the sum runs
// over the output pixels of the batch. There are few weights and very many pixels, so the sum is
// split: each thread adds up the pixels of its share for a tile of ROWS × COLS weights, and writes
// a partial sum [split, weight]; a reduction adds the shares up (always in the same order).
//
// When the input channels are a multiple of 4, a row is four channels of one tap and each X load
// serves four weights; else a row is any (tap, channel), which suits images of one channel.

alias X = vec4f; // f32, or vec4f: four channels
alias F = vec4f; // f32, or vec4f when the output channels are a multiple of 4
const WORKGROUP = 64u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const ROWS = 2u; // rows of a tile in units of X
const COLS = 2u; // columns of a tile in units of F
const SPLITS = 1u;
const BATCH = 1u;
const IN_H = 3u;
const IN_W = 3u;
const IN_C = 1u; // input channels in units of X
const OUT_H = 2u;
const OUT_W = 2u;
const COLUMNS = 2u; // output channels in units of F
const KERNEL_H = 2u;
const KERNEL_W = 2u;
const STRIDE_H = 1u;
const STRIDE_W = 1u;
const PAD_TOP = 0u;
const PAD_LEFT = 0u;
const X_WIDTH = 4u; // elements of an X
const F_WIDTH = 4u; // elements of an F
const LINES = BATCH * OUT_H; // rows of output pixels, the unit in which the sum is split
const WEIGHT_ROWS = KERNEL_H * KERNEL_W * IN_C;
const ROW_TILES = (WEIGHT_ROWS + ROWS - 1u) / ROWS;
const COLUMN_TILES = (COLUMNS + COLS - 1u) / COLS;
const RAGGED_COLUMNS = COLUMNS % COLS != 0u;
const SHARE = (LINES + SPLITS - 1u) / SPLITS;

@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read> dy: array<F>;
@group(0) @binding(2) var<storage, read_write> dw: array<F>;

fn loadX(i: u32) -> X {
  return x[i];
}

fn loadY(i: u32) -> F {
  return dy[i];
}

//@epilogue
fn epilogue(value: F, i: u32) -> F {
  return value;
}

@compute @workgroup_size(64, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let thread = (group.x + group.y * GROUPS_X + group.z * GROUPS_XY) * WORKGROUP + lane;
  if (thread >= ROW_TILES * COLUMN_TILES * SPLITS) {
    return;
  }
  let share = thread / (ROW_TILES * COLUMN_TILES);
  let tile = thread % (ROW_TILES * COLUMN_TILES);
  let row = (tile / COLUMN_TILES) * ROWS;
  let col = (tile % COLUMN_TILES) * COLS;

  // Position of each row's weight in the kernel's window, shifted by the padding (may wrap).
  var kh: array<u32, ROWS>; //@registers
  var kw: array<u32, ROWS>; //@registers
  var ci: array<u32, ROWS>; //@registers
  //@unroll
  for (var i = 0u; i < ROWS; i++) {
    let weight = min(row + i, WEIGHT_ROWS - 1u);
    ci[i] = weight % IN_C;
    kw[i] = (weight / IN_C) % KERNEL_W - PAD_LEFT;
    kh[i] = weight / (IN_C * KERNEL_W) - PAD_TOP;
  }

  var acc: array<F, ROWS * X_WIDTH * COLS>; //@registers
  var line: array<u32, ROWS>; //@registers
  var lineInside: array<bool, ROWS>; //@registers
  let end = min((share + 1u) * SHARE, LINES);
  for (var l = share * SHARE; l < end; l++) {
    let n = l / OUT_H;
    let oh = l % OUT_H;
    //@unroll
    for (var i = 0u; i < ROWS; i++) {
      let ih = oh * STRIDE_H + kh[i];
      lineInside[i] = ih < IN_H;
      line[i] = (n * IN_H + ih) * IN_W;
    }
    for (var ow = 0u; ow < OUT_W; ow++) {
      var a: array<X, ROWS>; //@registers
      //@unroll
      for (var i = 0u; i < ROWS; i++) {
        let iw = ow * STRIDE_W + kw[i];
        let inside = lineInside[i] && iw < IN_W;
        a[i] = select(X(0.0), loadX(select(0u, (line[i] + iw) * IN_C + ci[i], inside)), inside);
      }
      let pixel = (l * OUT_W + ow) * COLUMNS;
      //@unroll
      for (var j = 0u; j < COLS; j++) {
        var column = col + j;
        if (RAGGED_COLUMNS) { //@static
          column = min(column, COLUMNS - 1u);
        }
        let b = loadY(pixel + column);
        //@unroll
        for (var i = 0u; i < ROWS; i++) {
          if (X_WIDTH == 4u) { //@static
            acc[(i * 4u) * COLS + j] += a[i].x * b;
            acc[(i * 4u + 1u) * COLS + j] += a[i].y * b;
            acc[(i * 4u + 2u) * COLS + j] += a[i].z * b;
            acc[(i * 4u + 3u) * COLS + j] += a[i].w * b;
          } else {
            acc[i * COLS + j] += a[i] * b;
          }
        }
      }
    }
  }

  //@unroll
  for (var i = 0u; i < ROWS; i++) {
    if (row + i < WEIGHT_ROWS) {
      //@unroll
      for (var q = 0u; q < X_WIDTH; q++) {
        //@unroll
        for (var j = 0u; j < COLS; j++) {
          if (!RAGGED_COLUMNS || col + j < COLUMNS) {
            let at = ((share * WEIGHT_ROWS + row + i) * X_WIDTH + q) * COLUMNS + col + j;
            dw[at] = epilogue(acc[(i * X_WIDTH + q) * COLS + j], at * F_WIDTH);
          }
        }
      }
    }
  }
}
