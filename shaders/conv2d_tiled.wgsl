// The three directions of conv2d for GPUs, each as a product C[m, n] = Σ A[m, k] · B[k, n] whose
// operands are read in place (implicit GEMM):
//
//   direction        m                k                    n    A    B    C
//   FORWARD          output pixel     (kh, kw, ci)         co   x    w    y
//   INPUT_GRADIENT   pixel of phase   (kh, kw, co)         ci   dy   w    dx
//   WEIGHT_GRADIENT  (kh, kw, ci)     pixel of the share   co   x    dy   dw, a partial sum per share
//
// As in conv2d_input_gradient.wgsl, the pixels of dx are taken in STRIDE_H · STRIDE_W phases, each
// of which meets only some of the taps; as in conv2d_weight_gradient.wgsl, the sum over the pixels
// is split into shares, which a reduction adds up.
//
// As in matmul_tiled.wgsl, a workgroup of 8 × 8 threads computes a TILE_ROWS × TILE_COLS block of C.
// Slices of A and B, DEPTH deep, are staged in workgroup memory; every thread keeps ROWS × COLS
// elements of C in registers.
//
// What stands between `part` and `end part` conv2d_subgroups.wgsl has, too.

alias F = vec4f; // element of C: f32, or vec4f when N and COLS are multiples of 4
const FORWARD = 0u;
const INPUT_GRADIENT = 1u;
const WEIGHT_GRADIENT = 2u;
const DIRECTION = 0u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const M = 4u;
const N = 4u;
const COPIES = 1u; // products of this size: phases of the input gradient, shares of the weight gradient
const SHARE = 1u; // pixels of the batch that a share of the weight gradient adds up
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
const F_WIDTH = 4u; // elements of an F
const ROWS = 8u; // of a thread's block
const COLS = 8u;
const DEPTH = 8u; // summed elements staged at once
// Neighbouring threads read neighbouring k of the same row (column), not neighbouring rows
// (columns) for the same k: whichever lie closer in storage.
const A_ALONG_K = true;
const B_ALONG_K = false;

const TILE_ROWS = 8u * ROWS;
const TILE_COLS = 8u * COLS;
// A slice's rows are four elements longer than the tile: threads that write a column of a slice
// then hit different banks of workgroup memory.
const PITCH_A = TILE_ROWS + 4u;
const PITCH_B = TILE_COLS + 4u;
const STAGED_A = DEPTH * PITCH_A;
const STAGED_B = DEPTH * PITCH_B;
const TURNS_A = DEPTH * TILE_ROWS / 64u; // elements of a slice that each thread loads
const TURNS_B = DEPTH * TILE_COLS / 64u;
const DOWN = (M + TILE_ROWS - 1u) / TILE_ROWS;
const ACROSS = (N + TILE_COLS - 1u) / TILE_COLS;
const PIXELS = BATCH * OUT_H * OUT_W;
const PHASE_H = (IN_H + STRIDE_H - 1u) / STRIDE_H; // rows of a phase's image
const PHASE_W = (IN_W + STRIDE_W - 1u) / STRIDE_W;

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<F>;

var<workgroup> stageA: array<f32, STAGED_A>; // [DEPTH, PITCH_A]
var<workgroup> stageB: array<f32, STAGED_B>; // [DEPTH, PITCH_B]

//@epilogue
fn epilogue(value: F, i: u32) -> F {
  return value;
}

@compute @workgroup_size(64, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  // All that the loop of the barriers depends on follows from the group's number, which is uniform.
  let tile = group.x + group.y * GROUPS_X + group.z * GROUPS_XY;
  if (tile >= DOWN * ACROSS * COPIES) {
    return;
  }
  let copy = tile / (DOWN * ACROSS);
  let firstRow = ((tile / ACROSS) % DOWN) * TILE_ROWS;
  let firstCol = (tile % ACROSS) * TILE_COLS;
  let row = (lane / 8u) * ROWS;
  let col = (lane % 8u) * COLS;

  //@part phase
  // The phase: which taps it meets, and how far its pixels are shifted against those of dy.
  let phaseH = copy / STRIDE_W;
  let phaseW = copy % STRIDE_W;
  let firstKh = (phaseH + PAD_TOP) % STRIDE_H;
  let firstKw = (phaseW + PAD_LEFT) % STRIDE_W;
  let shiftH = (phaseH + PAD_TOP) / STRIDE_H;
  let shiftW = (phaseW + PAD_LEFT) / STRIDE_W;
  let tapsH = (KERNEL_H + STRIDE_H - 1u - firstKh) / STRIDE_H;
  let tapsW = (KERNEL_W + STRIDE_W - 1u - firstKw) / STRIDE_W;

  var start = 0u;
  var end = KERNEL_H * KERNEL_W * IN_C;
  if (DIRECTION == INPUT_GRADIENT) { //@static
    end = tapsH * tapsW * OUT_C;
  } else if (DIRECTION == WEIGHT_GRADIENT) { //@static
    start = copy * SHARE;
    end = min(start + SHARE, PIXELS);
  }
  //@end part

  var acc: array<f32, ROWS * COLS>; //@registers
  for (var k0 = start; k0 < end; k0 += DEPTH) {
    // Compilers for GPUs unroll the loads themselves; on unrolled ones SwiftShader's does not end.
    for (var turn = 0u; turn < TURNS_A; turn++) {
      let s = turn * 64u + lane;
      var r = s % TILE_ROWS;
      var d = s / TILE_ROWS;
      if (A_ALONG_K) { //@static
        r = s / DEPTH;
        d = s % DEPTH;
      }
      let m = firstRow + r;
      let k = k0 + d;
      //@part loadA
      var value = 0.0;
      // Unsigned numbers below zero wrap, which the bounds tests catch.
      if (DIRECTION == INPUT_GRADIENT) { //@static
        let tap = k / OUT_C;
        let oh = (m / PHASE_W) % PHASE_H + shiftH - tap / tapsW;
        let ow = m % PHASE_W + shiftW - tap % tapsW;
        if (m < M && k < end && oh < OUT_H && ow < OUT_W) {
          let image = m / (PHASE_H * PHASE_W);
          value = a[((image * OUT_H + oh) * OUT_W + ow) * OUT_C + k % OUT_C];
        }
      } else {
        var pixel = m;
        var weight = k;
        if (DIRECTION == WEIGHT_GRADIENT) { //@static
          pixel = k;
          weight = m;
        }
        let ih = ((pixel / OUT_W) % OUT_H) * STRIDE_H + weight / (KERNEL_W * IN_C) - PAD_TOP;
        let iw = (pixel % OUT_W) * STRIDE_W + (weight / IN_C) % KERNEL_W - PAD_LEFT;
        if (m < M && k < end && ih < IN_H && iw < IN_W) {
          let image = pixel / (OUT_H * OUT_W);
          value = a[((image * IN_H + ih) * IN_W + iw) * IN_C + weight % IN_C];
        }
      }
      //@end part
      stageA[d * PITCH_A + r] = value;
    }
    for (var turn = 0u; turn < TURNS_B; turn++) {
      let s = turn * 64u + lane;
      var r = s % TILE_COLS;
      var d = s / TILE_COLS;
      if (B_ALONG_K) { //@static
        r = s / DEPTH;
        d = s % DEPTH;
      }
      let n = firstCol + r;
      let k = k0 + d;
      //@part loadB
      var at = k * N + n;
      if (DIRECTION == INPUT_GRADIENT) { //@static
        let tap = k / OUT_C;
        let kh = firstKh + (tap / tapsW) * STRIDE_H;
        let kw = firstKw + (tap % tapsW) * STRIDE_W;
        at = ((kh * KERNEL_W + kw) * IN_C + n) * OUT_C + k % OUT_C;
      }
      var value = 0.0;
      if (n < N && k < end) {
        value = b[at];
      }
      //@end part
      stageB[d * PITCH_B + r] = value;
    }
    workgroupBarrier();
    for (var d = 0u; d < DEPTH; d++) {
      var x: array<f32, ROWS>; //@registers
      var y: array<f32, COLS>; //@registers
      //@unroll
      for (var i = 0u; i < ROWS; i++) {
        x[i] = stageA[d * PITCH_A + row + i];
      }
      //@unroll
      for (var j = 0u; j < COLS; j++) {
        y[j] = stageB[d * PITCH_B + col + j];
      }
      //@unroll
      for (var i = 0u; i < ROWS; i++) {
        //@unroll
        for (var j = 0u; j < COLS; j++) {
          acc[i * COLS + j] += x[i] * y[j];
        }
      }
    }
    workgroupBarrier();
  }

  //@unroll
  for (var i = 0u; i < ROWS; i++) {
    let m = firstRow + row + i;
    //@part place
    var rowStart = (copy * M + m) * N;
    var inside = m < M;
    if (DIRECTION == INPUT_GRADIENT) { //@static
      let ih = ((m / PHASE_W) % PHASE_H) * STRIDE_H + phaseH;
      let iw = (m % PHASE_W) * STRIDE_W + phaseW;
      rowStart = (((m / (PHASE_H * PHASE_W)) * IN_H + ih) * IN_W + iw) * N;
      inside = m < M && ih < IN_H && iw < IN_W;
    }
    //@end part
    let at = rowStart + firstCol + col;
    if (inside) {
      if (F_WIDTH == 4u) { //@static
        //@unroll
        for (var j = 0u; j < COLS; j += 4u) {
          if (firstCol + col + j < N) {
            let value = vec4f(acc[i * COLS + j], acc[i * COLS + j + 1u], acc[i * COLS + j + 2u], acc[i * COLS + j + 3u]);
            c[(at + j) / 4u] = epilogue(value, at + j);
          }
        }
      } else {
        //@unroll
        for (var j = 0u; j < COLS; j++) {
          if (firstCol + col + j < N) {
            c[at + j] = epilogue(F(acc[i * COLS + j]), at + j);
          }
        }
      }
    }
  }
}
