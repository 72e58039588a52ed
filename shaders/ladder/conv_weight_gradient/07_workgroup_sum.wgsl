// Weight gradient of a convolution, NHWC: x: [batch, in_h, in_w, in_c], dy: [batch, out_h, out_w, out_c],
// dw[kh, kw, ci, co] = Σ x[n, oh·STRIDE_H + kh − PAD_TOP, ow·STRIDE_W + kw − PAD_LEFT, ci] · dy[n, oh, ow, co];
// both counts of channels are multiples of 4.
//
// Step 7, lines shared by the lanes of a workgroup: weights are few and pixels many, so a workgroup
// takes one tile of step 5, and each of its lanes every 64th line of pixels. The 64 sums of a weight
// meet in workgroup memory (4 KiB for a tile), where 4 lanes, one for each row, add them up in
// order. Should gain on GPUs, which get 64 times as many threads, and lose where barriers and
// workgroup memory are dear.

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
const IN_VECTORS = IN_C / 4u;
const OUT_VECTORS = OUT_C / 4u;
const LANES = 64u;
const LINES = BATCH * OUT_H; // rows of output pixels

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dw: array<vec4f>;

var<workgroup> sums: array<vec4f, LANES * 4u>; // [lane, row of the tile]

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  if (group.x >= KERNEL_H * KERNEL_W * IN_VECTORS * OUT_VECTORS) {
    return;
  }
  let co = group.x % OUT_VECTORS;
  let ci = (group.x / OUT_VECTORS) % IN_VECTORS;
  let tap = group.x / (OUT_VECTORS * IN_VECTORS);
  let kw = tap % KERNEL_W;
  let kh = tap / KERNEL_W;
  // Output columns whose tap lies inside the image.
  let firstOw = (max(PAD_LEFT, kw) - kw + STRIDE_W - 1u) / STRIDE_W;
  let endOw = min(OUT_W, (max(IN_W + PAD_LEFT, kw) - kw + STRIDE_W - 1u) / STRIDE_W);
  var acc: array<vec4f, 4>; //@registers
  for (var line = lane; line < LINES; line += LANES) {
    let ih = (line % OUT_H) * STRIDE_H + kh - PAD_TOP;
    if (ih >= IN_H) {
      continue;
    }
    let row = ((line / OUT_H) * IN_H + ih) * IN_W;
    for (var ow = firstOw; ow < endOw; ow++) {
      let iw = ow * STRIDE_W + kw - PAD_LEFT;
      let a = x[(row + iw) * IN_VECTORS + ci];
      let b = dy[(line * OUT_W + ow) * OUT_VECTORS + co];
      //@unroll
      for (var q = 0u; q < 4u; q++) {
        acc[q] += a[q] * b;
      }
    }
  }
  //@unroll
  for (var q = 0u; q < 4u; q++) {
    sums[lane * 4u + q] = acc[q];
  }
  workgroupBarrier();
  if (lane < 4u) {
    var sum = vec4f();
    for (var l = 0u; l < LANES; l++) {
      sum += sums[l * 4u + lane];
    }
    dw[(tap * IN_C + ci * 4u + lane) * OUT_VECTORS + co] = sum;
  }
}
