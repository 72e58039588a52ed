// Batched matrix product C[b] = op(A[b]) · op(B[b]) for GPUs: a workgroup of 64 threads computes a
// TILE × TILE block of C. Slices of A and B, DEPTH deep, are staged in workgroup memory, so that
// each element is read from storage once per block instead of once per thread; every thread keeps
// 8 × 8 elements of C in registers.

alias F = vec4f; // element of C: f32, or vec4f when N is a multiple of 4
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const TRANSPOSE_A = false;
const TRANSPOSE_B = false;
const BATCH = 1u;
const A_STRIDE = 4u;
const B_STRIDE = 4u;
const M = 4u;
const N = 4u;
const K = 4u;
const F_WIDTH = 4u;
const TILE = 64u; // edge of the workgroup's block
const DEPTH = 8u; // summed elements staged at once
const SIDE = 8u; // edge of a thread's block
const THREADS = TILE / SIDE; // along one edge; THREADS² is the workgroup's 64
const DOWN = (M + TILE - 1u) / TILE;
const ACROSS = (N + TILE - 1u) / TILE;
const STAGED = TILE * DEPTH;

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<F>;

var<workgroup> stageA: array<f32, STAGED>; // [DEPTH, TILE]
var<workgroup> stageB: array<f32, STAGED>; // [DEPTH, TILE]

//@epilogue
fn epilogue(value: F, i: u32) -> F {
  return value;
}

@compute @workgroup_size(64, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  // The group's number is uniform, so that leaving early keeps the barriers uniform too.
  let tile = group.x + group.y * GROUPS_X + group.z * GROUPS_XY;
  if (tile >= DOWN * ACROSS * BATCH) {
    return;
  }
  let matrix = tile / (DOWN * ACROSS);
  let firstRow = ((tile / ACROSS) % DOWN) * TILE;
  let firstCol = (tile % ACROSS) * TILE;
  let row = (lane / THREADS) * SIDE;
  let col = (lane % THREADS) * SIDE;

  var acc: array<f32, SIDE * SIDE>; //@registers
  for (var k0 = 0u; k0 < K; k0 += DEPTH) {
    // Neighbouring threads read neighbouring elements of whichever axis is contiguous.
    for (var s = lane; s < STAGED; s += 64u) {
      var m = s / DEPTH;
      var d = s % DEPTH;
      if (TRANSPOSE_A) { //@static
        m = s % TILE;
        d = s / TILE;
      }
      let k = k0 + d;
      var at = matrix * A_STRIDE + (firstRow + m) * K + k;
      if (TRANSPOSE_A) { //@static
        at = matrix * A_STRIDE + k * M + firstRow + m;
      }
      var value = 0.0;
      if (firstRow + m < M && k < K) {
        value = a[at];
      }
      stageA[d * TILE + m] = value;
    }
    for (var s = lane; s < STAGED; s += 64u) {
      var n = s % TILE;
      var d = s / TILE;
      if (TRANSPOSE_B) { //@static
        n = s / DEPTH;
        d = s % DEPTH;
      }
      let k = k0 + d;
      var at = matrix * B_STRIDE + k * N + firstCol + n;
      if (TRANSPOSE_B) { //@static
        at = matrix * B_STRIDE + (firstCol + n) * K + k;
      }
      var value = 0.0;
      if (firstCol + n < N && k < K) {
        value = b[at];
      }
      stageB[d * TILE + n] = value;
    }
    workgroupBarrier();
    for (var d = 0u; d < DEPTH; d++) {
      var x: array<f32, SIDE>; //@registers
      var y: array<f32, SIDE>; //@registers
      //@unroll
      for (var i = 0u; i < SIDE; i++) {
        x[i] = stageA[d * TILE + row + i];
        y[i] = stageB[d * TILE + col + i];
      }
      //@unroll
      for (var i = 0u; i < SIDE; i++) {
        //@unroll
        for (var j = 0u; j < SIDE; j++) {
          acc[i * SIDE + j] += x[i] * y[j];
        }
      }
    }
    workgroupBarrier();
  }

  //@unroll
  for (var i = 0u; i < SIDE; i++) {
    let r = firstRow + row + i;
    if (r < M) {
      let at = matrix * M * N + r * N + firstCol + col;
      if (F_WIDTH == 4u) { //@static
        //@unroll
        for (var j = 0u; j < SIDE; j += 4u) {
          if (firstCol + col + j < N) {
            let value = vec4f(acc[i * SIDE + j], acc[i * SIDE + j + 1u], acc[i * SIDE + j + 2u], acc[i * SIDE + j + 3u]);
            c[(at + j) / 4u] = epilogue(value, at + j);
          }
        }
      } else {
        //@unroll
        for (var j = 0u; j < SIDE; j++) {
          if (firstCol + col + j < N) {
            c[at + j] = epilogue(F(acc[i * SIDE + j]), at + j);
          }
        }
      }
    }
  }
}
