// Weight gradient of a convolution, NHWC: x: [batch, in_h, in_w, in_c], dy: [batch, out_h, out_w, out_c],
// dw[kh, kw, ci, co] = Σ x[n, oh·STRIDE_H + kh − PAD_TOP, ow·STRIDE_W + kw − PAD_LEFT, ci] · dy[n, oh, ow, co].
//
// Step 2, nothing but the product in the inner loop: the one loop over pixels becomes loops over lines
// and over the pixels of a line. The line's place and test are found once a line; which pixels of a
// line have their tap inside the image depends on the tap alone and is found once. What is left
// in the inner loop is two loads and a multiply-add. Should gain what divisions and tests cost:
// much on software adapters, and on GPUs too, which divide integers slowly.

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
const WEIGHTS = KERNEL_H * KERNEL_W * IN_C * OUT_C;
const LINES = BATCH * OUT_H; // rows of output pixels

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= WEIGHTS) {
    return;
  }
  let co = id.x % OUT_C;
  let ci = (id.x / OUT_C) % IN_C;
  let kw = (id.x / (OUT_C * IN_C)) % KERNEL_W;
  let kh = id.x / (OUT_C * IN_C * KERNEL_W);
  // Output columns whose tap lies inside the image.
  let firstOw = (max(PAD_LEFT, kw) - kw + STRIDE_W - 1u) / STRIDE_W;
  let endOw = min(OUT_W, (max(IN_W + PAD_LEFT, kw) - kw + STRIDE_W - 1u) / STRIDE_W);
  var sum = 0.0;
  for (var line = 0u; line < LINES; line++) {
    let ih = (line % OUT_H) * STRIDE_H + kh - PAD_TOP;
    if (ih >= IN_H) {
      continue;
    }
    let row = ((line / OUT_H) * IN_H + ih) * IN_W;
    for (var ow = firstOw; ow < endOw; ow++) {
      let iw = ow * STRIDE_W + kw - PAD_LEFT;
      sum += x[(row + iw) * IN_C + ci] * dy[(line * OUT_W + ow) * OUT_C + co];
    }
  }
  dw[id.x] = sum;
}
