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
const DEPTH = 4u; // pixels at once: 4 where an X is four channels, else 1
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
const PIXELS = BATCH * OUT_H * OUT_W; // over which the sum runs
const WEIGHT_ROWS = KERNEL_H * KERNEL_W * IN_C;
const ROW_TILES = (WEIGHT_ROWS + ROWS - 1u) / ROWS;
const COLUMN_TILES = (COLUMNS + COLS - 1u) / COLS;
const RAGGED_COLUMNS = COLUMNS % COLS != 0u;
const RAGGED_PIXELS = PIXELS % DEPTH != 0u;
const SHARE = (((PIXELS + DEPTH - 1u) / DEPTH + SPLITS - 1u) / SPLITS) * DEPTH;

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

  // Position of each row's weight in the kernel's window, shifted by the padding (may wrap), and
  // its distance from the window's first element.
  var kh: array<u32, ROWS>; //@registers
  var kw: array<u32, ROWS>; //@registers
  var distance: array<u32, ROWS>; //@registers
  //@unroll
  for (var i = 0u; i < ROWS; i++) {
    let weight = min(row + i, WEIGHT_ROWS - 1u);
    kw[i] = (weight / IN_C) % KERNEL_W - PAD_LEFT;
    kh[i] = weight / (IN_C * KERNEL_W) - PAD_TOP;
    distance[i] = (kh[i] * IN_W + kw[i]) * IN_C + weight % IN_C;
  }

  var acc: array<F, ROWS * X_WIDTH * COLS>; //@registers
  let end = min((share + 1u) * SHARE, PIXELS);
  // One loop over all pixels: at the borders of nested loops llvmpipe copies all accumulators.
  for (var pixel = share * SHARE; pixel < end; pixel += DEPTH) {
    var a: array<X, ROWS * DEPTH>; //@registers
    //@unroll
    for (var d = 0u; d < DEPTH; d++) {
      let ow = ((pixel + d) % OUT_W) * STRIDE_W;
      let oh = (((pixel + d) / OUT_W) % OUT_H) * STRIDE_H;
      let n = (pixel + d) / (OUT_W * OUT_H);
      let start = ((n * IN_H + oh) * IN_W + ow) * IN_C;
      //@unroll
      for (var i = 0u; i < ROWS; i++) {
        // A load outside the image gives some number (WebGPU sees to that), which is not taken.
        let value = loadX(start + distance[i]);
        let within = oh + kh[i] < IN_H && ow + kw[i] < IN_W;
        a[i * DEPTH + d] = select(X(0.0), value, within && (!RAGGED_PIXELS || pixel + d < end));
      }
    }
    //@unroll
    for (var j = 0u; j < COLS; j++) {
      var column = col + j;
      if (RAGGED_COLUMNS) { //@static
        column = min(column, COLUMNS - 1u);
      }
      var b: array<F, DEPTH>; //@registers
      //@unroll
      for (var d = 0u; d < DEPTH; d++) {
        var at = pixel * COLUMNS + d * COLUMNS + column;
        if (RAGGED_PIXELS) { //@static
          at = min(at, PIXELS * COLUMNS - 1u); // must be finite: it is multiplied by 0
        }
        b[d] = loadY(at);
      }
      if (DEPTH == 4u) { //@static
        // One sum for each accumulator, which is then loaded and stored once for four pixels.
        //@unroll
        for (var i = 0u; i < ROWS; i++) {
          acc[(i * 4u) * COLS + j] += a[i * 4u].x * b[0] + a[i * 4u + 1u].x * b[1] + a[i * 4u + 2u].x * b[2] + a[i * 4u + 3u].x * b[3];
          acc[(i * 4u + 1u) * COLS + j] += a[i * 4u].y * b[0] + a[i * 4u + 1u].y * b[1] + a[i * 4u + 2u].y * b[2] + a[i * 4u + 3u].y * b[3];
          acc[(i * 4u + 2u) * COLS + j] += a[i * 4u].z * b[0] + a[i * 4u + 1u].z * b[1] + a[i * 4u + 2u].z * b[2] + a[i * 4u + 3u].z * b[3];
          acc[(i * 4u + 3u) * COLS + j] += a[i * 4u].w * b[0] + a[i * 4u + 1u].w * b[1] + a[i * 4u + 2u].w * b[2] + a[i * 4u + 3u].w * b[3];
        }
      } else {
        //@unroll
        for (var i = 0u; i < ROWS; i++) {
          acc[i * COLS + j] += a[i] * b[0];
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
