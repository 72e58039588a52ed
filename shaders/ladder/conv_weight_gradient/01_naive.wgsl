// Weight gradient of a convolution, NHWC: x: [batch, in_h, in_w, in_c], dy: [batch, out_h, out_w, out_c],
// dw[kh, kw, ci, co] = Σ x[n, oh·STRIDE_H + kh − PAD_TOP, ow·STRIDE_W + kw − PAD_LEFT, ci] · dy[n, oh, ow, co].
//
// Step 1, the definition: a thread computes one weight and sums over all pixels of all images. It
// finds each pixel's place by divisions and tests whether the tap lies inside the image, for a
// single multiply-add with two loads. Weights are few and pixels many: this direction is
// the one that convolution libraries are slow in.

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
const PIXELS = BATCH * OUT_H * OUT_W;

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
  var sum = 0.0;
  for (var pixel = 0u; pixel < PIXELS; pixel++) {
    let ow = pixel % OUT_W;
    let oh = (pixel / OUT_W) % OUT_H;
    let n = pixel / (OUT_W * OUT_H);
    // Above or left of the image these wrap around and are beyond its other edge.
    let ih = oh * STRIDE_H + kh - PAD_TOP;
    let iw = ow * STRIDE_W + kw - PAD_LEFT;
    if (ih < IN_H && iw < IN_W) {
      sum += x[((n * IN_H + ih) * IN_W + iw) * IN_C + ci] * dy[pixel * OUT_C + co];
    }
  }
  dw[id.x] = sum;
}
