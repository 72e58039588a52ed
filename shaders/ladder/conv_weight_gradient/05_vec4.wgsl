// Weight gradient of a convolution, NHWC: x: [batch, in_h, in_w, in_c], dy: [batch, out_h, out_w, out_c],
// dw[kh, kw, ci, co] = Σ x[n, oh·STRIDE_H + kh − PAD_TOP, ow·STRIDE_W + kw − PAD_LEFT, ci] · dy[n, oh, ow, co];
// both counts of channels are multiples of 4.
//
// Step 5, four channels in a load: x, dy and dw are read and written as vec4f, which the layout with
// channels last allows. The 4 × 4 tile needs two loads instead of eight for its 16 multiply-adds.
// Should gain where the number of loads counts, not their bytes.

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
const ROWS = 1u; // input channels of a tile in vectors of 4
const COLS = 1u; // output channels of a tile in vectors of 4
const IN_VECTORS = IN_C / 4u;
const OUT_VECTORS = OUT_C / 4u;
const ROW_TILES = (IN_VECTORS + ROWS - 1u) / ROWS;
const COLUMN_TILES = (OUT_VECTORS + COLS - 1u) / COLS;
const LINES = BATCH * OUT_H; // rows of output pixels

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dw: array<vec4f>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= KERNEL_H * KERNEL_W * ROW_TILES * COLUMN_TILES) {
    return;
  }
  let co = (id.x % COLUMN_TILES) * COLS;
  let ci = ((id.x / COLUMN_TILES) % ROW_TILES) * ROWS;
  let tap = id.x / (COLUMN_TILES * ROW_TILES);
  let kw = tap % KERNEL_W;
  let kh = tap / KERNEL_W;
  // Output columns whose tap lies inside the image.
  let firstOw = (max(PAD_LEFT, kw) - kw + STRIDE_W - 1u) / STRIDE_W;
  let endOw = min(OUT_W, (max(IN_W + PAD_LEFT, kw) - kw + STRIDE_W - 1u) / STRIDE_W);
  var acc: array<vec4f, 4u * ROWS * COLS>; //@registers
  for (var line = 0u; line < LINES; line++) {
    let ih = (line % OUT_H) * STRIDE_H + kh - PAD_TOP;
    if (ih >= IN_H) {
      continue;
    }
    let row = ((line / OUT_H) * IN_H + ih) * IN_W;
    for (var ow = firstOw; ow < endOw; ow++) {
      let iw = ow * STRIDE_W + kw - PAD_LEFT;
      let inPixel = (row + iw) * IN_VECTORS;
      let outPixel = (line * OUT_W + ow) * OUT_VECTORS;
      var a: array<vec4f, ROWS>; //@registers
      //@unroll
      for (var i = 0u; i < ROWS; i++) {
        a[i] = x[inPixel + min(ci + i, IN_VECTORS - 1u)];
      }
      //@unroll
      for (var j = 0u; j < COLS; j++) {
        let b = dy[outPixel + min(co + j, OUT_VECTORS - 1u)];
        //@unroll
        for (var i = 0u; i < ROWS; i++) {
          //@unroll
          for (var q = 0u; q < 4u; q++) {
            acc[(i * 4u + q) * COLS + j] += a[i][q] * b;
          }
        }
      }
    }
  }
  //@unroll
  for (var i = 0u; i < ROWS; i++) {
    //@unroll
    for (var j = 0u; j < COLS; j++) {
      if (ci + i < IN_VECTORS && co + j < OUT_VECTORS) {
        //@unroll
        for (var q = 0u; q < 4u; q++) {
          dw[(tap * IN_C + (ci + i) * 4u + q) * OUT_VECTORS + co + j] = acc[(i * 4u + q) * COLS + j];
        }
      }
    }
  }
}
