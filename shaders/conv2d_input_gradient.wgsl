// Input gradient of conv2d = forward of transposed convolution, NHWC:
// dx[n, ih, iw, ci] = Σ dy[n, oh, ow, co] · w[kh, kw, ci, co] over all oh·STRIDE + kh − PAD_TOP = ih
// (and likewise for the width).
//
// A pixel ih meets only the taps kh ≡ ih + PAD_TOP (mod STRIDE). So the pixels are taken in
// STRIDE_H · STRIDE_W phases, all pixels of a phase meet the same taps, and the loops visit just
// those. Within a phase this is implicit GEMM as in conv2d.wgsl: rows are pixels, columns are input
// channels, the sum runs over taps and output channels. The weights lie with co innermost, which is
// the summed axis here: a load gives one column's weights for four co. Four such loads are turned
// into vectors across columns, which costs nothing and lets the accumulators be vectors (1.4 times as
// fast on llvmpipe as sums of scalars).

alias Y = vec4f; // f32, or vec4f when the summed channels are a multiple of 4
alias F = vec4f; // f32, or vec4f when the columns are a multiple of 4
const WORKGROUP = 64u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const ROWS = 2u;
const COLS = 1u; // columns of a tile in units of F
const UNROLL_STORES = true;
const BATCH = 1u;
const IN_H = 3u; // of dx
const IN_W = 3u;
const COLUMNS = 1u; // input channels in units of F
const OUT_H = 2u; // of dy
const OUT_W = 2u;
const OUT_C = 1u; // output channels in units of Y
const KERNEL_H = 2u;
const KERNEL_W = 2u;
const STRIDE_H = 1u;
const STRIDE_W = 1u;
const PAD_TOP = 0u;
const PAD_LEFT = 0u;
const Y_WIDTH = 4u; // elements of a Y
const F_WIDTH = 4u; // elements of an F
const PHASE_H = (IN_H + STRIDE_H - 1u) / STRIDE_H; // rows of a phase's image
const PHASE_W = (IN_W + STRIDE_W - 1u) / STRIDE_W;
const PIXELS = BATCH * PHASE_H * PHASE_W;
const ROW_TILES = (PIXELS + ROWS - 1u) / ROWS;
const COLUMN_TILES = (COLUMNS + COLS - 1u) / COLS;
const RAGGED_COLUMNS = COLUMNS % COLS != 0u;

@group(0) @binding(0) var<storage, read> dy: array<Y>;
@group(0) @binding(1) var<storage, read> w: array<Y>;
@group(0) @binding(2) var<storage, read_write> dx: array<F>;

fn loadY(i: u32) -> Y {
  return dy[i];
}

fn loadW(i: u32) -> Y {
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
  if (thread >= ROW_TILES * COLUMN_TILES * STRIDE_H * STRIDE_W) {
    return;
  }
  let phase = thread / (ROW_TILES * COLUMN_TILES);
  let tile = thread % (ROW_TILES * COLUMN_TILES);
  let row = (tile / COLUMN_TILES) * ROWS;
  let col = (tile % COLUMN_TILES) * COLS;
  let phaseH = phase / STRIDE_W;
  let phaseW = phase % STRIDE_W;
  let firstKh = (phaseH + PAD_TOP) % STRIDE_H;
  let firstKw = (phaseW + PAD_LEFT) % STRIDE_W;
  let shiftH = (phaseH + PAD_TOP) / STRIDE_H; // oh = pixel row within the phase + shift − taps before
  let shiftW = (phaseW + PAD_LEFT) / STRIDE_W;

  var top: array<u32, ROWS>; //@registers
  var left: array<u32, ROWS>; //@registers
  var image: array<u32, ROWS>; //@registers
  //@unroll
  for (var i = 0u; i < ROWS; i++) {
    let pixel = min(row + i, PIXELS - 1u);
    left[i] = pixel % PHASE_W + shiftW;
    top[i] = (pixel / PHASE_W) % PHASE_H + shiftH;
    image[i] = (pixel / (PHASE_W * PHASE_H)) * (OUT_H * OUT_W * OUT_C);
  }

  var acc: array<F, ROWS * COLS>; //@registers
  var start: array<u32, ROWS>; //@registers
  var inside: array<bool, ROWS>; //@registers
  var stepH = 0u;
  for (var kh = firstKh; kh < KERNEL_H; kh += STRIDE_H) {
    var stepW = 0u;
    for (var kw = firstKw; kw < KERNEL_W; kw += STRIDE_W) {
      //@unroll
      for (var i = 0u; i < ROWS; i++) {
        let oh = top[i] - stepH; // wraps below zero, which the bounds test catches
        let ow = left[i] - stepW;
        inside[i] = oh < OUT_H && ow < OUT_W;
        start[i] = select(0u, image[i] + (oh * OUT_W + ow) * OUT_C, inside[i]);
      }
      let tap = (kh * KERNEL_W + kw) * COLUMNS * F_WIDTH * OUT_C;
      for (var c = 0u; c < OUT_C; c++) {
        var a: array<Y, ROWS>; //@registers
        //@unroll
        for (var i = 0u; i < ROWS; i++) {
          a[i] = select(Y(0.0), loadY(start[i] + c), inside[i]);
        }
        //@unroll
        for (var j = 0u; j < COLS; j++) {
          var column = col + j;
          if (RAGGED_COLUMNS) { //@static
            column = min(column, COLUMNS - 1u);
          }
          let base = tap + column * F_WIDTH * OUT_C + c;
          let b0 = loadW(base);
          if (F_WIDTH == 4u) { //@static
            let b1 = loadW(base + OUT_C);
            let b2 = loadW(base + 2u * OUT_C);
            let b3 = loadW(base + 3u * OUT_C);
            if (Y_WIDTH == 4u) { //@static
              let bx = vec4f(b0.x, b1.x, b2.x, b3.x);
              let by = vec4f(b0.y, b1.y, b2.y, b3.y);
              let bz = vec4f(b0.z, b1.z, b2.z, b3.z);
              let bw = vec4f(b0.w, b1.w, b2.w, b3.w);
              //@unroll
              for (var i = 0u; i < ROWS; i++) {
                acc[i * COLS + j] += a[i].x * bx + a[i].y * by + a[i].z * bz + a[i].w * bw;
              }
            } else {
              // vec4f(…).x is valid for either width of a load.
              let b = vec4f(vec4f(b0).x, vec4f(b1).x, vec4f(b2).x, vec4f(b3).x);
              //@unroll
              for (var i = 0u; i < ROWS; i++) {
                acc[i * COLS + j] += vec4f(a[i]).x * b;
              }
            }
          } else {
            //@unroll
            for (var i = 0u; i < ROWS; i++) {
              if (Y_WIDTH == 4u) { //@static
                acc[i * COLS + j] += F(dot(vec4f(a[i]), vec4f(b0)));
              } else {
                acc[i * COLS + j] += F(vec4f(a[i] * b0).x);
              }
            }
          }
        }
      }
      stepW++;
    }
    stepH++;
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
    let pixel = row + i;
    let ih = ((pixel / PHASE_W) % PHASE_H) * STRIDE_H + phaseH;
    let iw = (pixel % PHASE_W) * STRIDE_W + phaseW;
    if (pixel < PIXELS && ih < IN_H && iw < IN_W) {
      let at = (((pixel / (PHASE_W * PHASE_H)) * IN_H + ih) * IN_W + iw) * COLUMNS + col;
      //@unroll
      for (var j = 0u; j < COLS; j++) {
        if (!RAGGED_COLUMNS || col + j < COLUMNS) {
          dx[at + j] = epilogue(results[i * COLS + j], (at + j) * F_WIDTH, columns[j]);
        }
      }
    }
  }
}
