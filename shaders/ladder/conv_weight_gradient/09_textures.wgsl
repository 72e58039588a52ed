// Weight gradient of a convolution, NHWC: x: [batch, in_h, in_w, in_c], dy: [batch, out_h, out_w, out_c],
// dw[kh, kw, ci, co] = Σ x[n, oh·STRIDE_H + kh − PAD_TOP, ow·STRIDE_W + kw − PAD_LEFT, ci] · dy[n, oh, ow, co];
// both counts of channels are multiples of 4.
//
// Step 9, reading through textures: x and dy are copied into textures of four-channel texels first,
// which the time includes. llvmpipe reads a storage buffer one lane at a time and a texture eight
// lanes at once, so there each load should cost a fraction. On GPUs both ways end in the same caches:
// nothing to gain. (On llvmpipe the host makes them read-only storage textures, whose loads are
// written out in place; a load of a sampled texture is a call there.)

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
const ROWS = 2u; // input channels of a tile in vectors of 4
const COLS = 2u; // output channels of a tile in vectors of 4
const IN_VECTORS = IN_C / 4u;
const OUT_VECTORS = OUT_C / 4u;
const ROW_TILES = (IN_VECTORS + ROWS - 1u) / ROWS;
const COLUMN_TILES = (OUT_VECTORS + COLS - 1u) / COLS;
const SPLITS = 1u; // shares of the sum
const LINES = BATCH * OUT_H; // rows of output pixels
const SHARE = (LINES + SPLITS - 1u) / SPLITS; // lines that a thread adds up
const WIDTH = 4096u; // texels in a row of a texture

@group(0) @binding(0) var x: texture_2d<f32>;
@group(0) @binding(1) var dy: texture_2d<f32>;
@group(0) @binding(2) var<storage, read_write> dw: array<vec4f>; // [SPLITS, kh, kw, ci, co]

// Element i of an image in vectors of 4: texel i of its texture, counted by rows.
fn load(image: texture_2d<f32>, i: u32) -> vec4f {
  return textureLoad(image, vec2u(i % WIDTH, i / WIDTH), 0);
}

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
  let share = id.y;
  let end = min((share + 1u) * SHARE, LINES);
  var acc: array<vec4f, 4u * ROWS * COLS>; //@registers
  for (var line = share * SHARE; line < end; line++) {
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
        a[i] = load(x, inPixel + min(ci + i, IN_VECTORS - 1u));
      }
      //@unroll
      for (var j = 0u; j < COLS; j++) {
        let b = load(dy, outPixel + min(co + j, OUT_VECTORS - 1u));
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
          let weightRow = (share * KERNEL_H * KERNEL_W + tap) * IN_C + (ci + i) * 4u + q;
          dw[weightRow * OUT_VECTORS + co + j] = acc[(i * 4u + q) * COLS + j];
        }
      }
    }
  }
}
