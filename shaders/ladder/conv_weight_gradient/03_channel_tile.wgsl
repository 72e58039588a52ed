// Weight gradient of a convolution, NHWC: x: [batch, in_h, in_w, in_c], dy: [batch, out_h, out_w, out_c],
// dw[kh, kw, ci, co] = Σ x[n, oh·STRIDE_H + kh − PAD_TOP, ow·STRIDE_W + kw − PAD_LEFT, ci] · dy[n, oh, ow, co].
//
// Step 3, a one-dimensional register tile: a thread computes COLS neighbouring output channels of one
// tap and input channel, so that each load of x serves COLS multiply-adds and the loops' own cost is
// shared by them. Loads for a multiply-add fall from 2 to 1 + 1/COLS. The tile is
// written out (//@unroll, //@registers) for the reason that the ladder of matmul shows.

const BATCH = 1u;
const IN_H = 3u;
const IN_W = 3u;
const IN_C = 4u;
const OUT_H = 2u;
const OUT_W = 2u;
const OUT_C = 4u;
const KERNEL_H = 2u;
const KERNEL_W = 2u;
const STRIDE_H = 1u;
const STRIDE_W = 1u;
const PAD_TOP = 0u;
const PAD_LEFT = 0u;
const COLS = 4u; // output channels that a thread computes
const COLUMN_TILES = (OUT_C + COLS - 1u) / COLS;
const ROWS_OF_WEIGHTS = KERNEL_H * KERNEL_W * IN_C;
const LINES = BATCH * OUT_H; // rows of output pixels

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= ROWS_OF_WEIGHTS * COLUMN_TILES) {
    return;
  }
  let co = (id.x % COLUMN_TILES) * COLS;
  let weightRow = id.x / COLUMN_TILES;
  let ci = weightRow % IN_C;
  let kw = (weightRow / IN_C) % KERNEL_W;
  let kh = weightRow / (IN_C * KERNEL_W);
  // Output columns whose tap lies inside the image.
  let firstOw = (max(PAD_LEFT, kw) - kw + STRIDE_W - 1u) / STRIDE_W;
  let endOw = min(OUT_W, (max(IN_W + PAD_LEFT, kw) - kw + STRIDE_W - 1u) / STRIDE_W);
  var acc: array<f32, COLS>; //@registers
  for (var line = 0u; line < LINES; line++) {
    let ih = (line % OUT_H) * STRIDE_H + kh - PAD_TOP;
    if (ih >= IN_H) {
      continue;
    }
    let row = ((line / OUT_H) * IN_H + ih) * IN_W;
    for (var ow = firstOw; ow < endOw; ow++) {
      let iw = ow * STRIDE_W + kw - PAD_LEFT;
      let a = x[(row + iw) * IN_C + ci];
      let pixel = (line * OUT_W + ow) * OUT_C;
      //@unroll
      for (var j = 0u; j < COLS; j++) {
        acc[j] += a * dy[pixel + min(co + j, OUT_C - 1u)];
      }
    }
  }
  //@unroll
  for (var j = 0u; j < COLS; j++) {
    if (co + j < OUT_C) {
      dw[weightRow * OUT_C + co + j] = acc[j];
    }
  }
}
