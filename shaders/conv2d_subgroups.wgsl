// The three directions of conv2d for GPUs with subgroups: the products C[m, n] = Σ A[m, k] · B[k, n] of
// conv2d_tiled.wgsl, whose parts say where the operands lie (the host inserts them here).
//
// As in matmul_subgroups.wgsl, a workgroup of 64 threads computes ROWS rows × COLS · 64 columns of C:
// all of it needs the same rows of A, and each thread has COLS columns of its own. Along k each lane
// of a subgroup loads other elements of these rows; then the lanes hand them round by shuffles. So a
// subgroup finds and loads an element of A once, where a workgroup's tile wants memory and barriers.

enable subgroups;
// The lanes of a subgroup stay together, which the compiler cannot see: how many they are is no
// constant, and another number in another subgroup of the workgroup.
diagnostic(off, subgroup_uniformity);

alias F = f32; // element of C
const FORWARD = 0u;
const INPUT_GRADIENT = 1u;
const WEIGHT_GRADIENT = 2u;
const DIRECTION = 0u;
const WORKGROUP = 64u;
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
const ROWS = 4u;
const COLS = 1u; // columns of a thread, 64 apart
const UNROLL_LOADS = true; // SwiftShader's compiler does not end on unrolled ones
const DOWN = (M + ROWS - 1u) / ROWS;
const ACROSS = (N + COLS * WORKGROUP - 1u) / (COLS * WORKGROUP);
const PIXELS = BATCH * OUT_H * OUT_W;
const PHASE_H = (IN_H + STRIDE_H - 1u) / STRIDE_H; // rows of a phase's image
const PHASE_W = (IN_W + STRIDE_W - 1u) / STRIDE_W;

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<F>;

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
  @builtin(local_invocation_index) thread: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  // All threads of a workgroup leave or none: those beyond C's edge help to load.
  let tile = group.x + group.y * GROUPS_X + group.z * GROUPS_XY;
  if (tile >= DOWN * ACROSS * COPIES) {
    return;
  }
  let copy = tile / (DOWN * ACROSS);
  let firstRow = ((tile / ACROSS) % DOWN) * ROWS;
  let col = (tile % ACROSS) * COLS * WORKGROUP + thread;

  //@insert phase

  // A subgroup may be of any size, the last of a workgroup not full. Only neighbouring lanes share; were
  // there a gap between them, each would load everything itself.
  let first = subgroupMin(lane);
  let lanes = subgroupAdd(1u);
  let neighbours = subgroupMax(lane) - first + 1u == lanes;
  let depth = select(1u, lanes, neighbours); // elements of a row that are loaded at once
  let mine = select(0u, lane - first, neighbours); // the one that this lane loads

  var acc: array<F, ROWS * COLS>; //@registers
  for (var k0 = start; k0 < end; k0 += depth) {
    var held: array<f32, ROWS>; //@registers
    //@unroll UNROLL_LOADS
    for (var i = 0u; i < ROWS; i++) {
      let m = firstRow + i;
      let k = k0 + mine;
      //@insert loadA
      held[i] = value;
    }
    let turns = min(depth, end - k0);
    for (var q = 0u; q < turns; q++) {
      let k = k0 + q;
      var y: array<f32, COLS>; //@registers
      //@unroll
      for (var j = 0u; j < COLS; j++) {
        let n = col + j * WORKGROUP;
        //@insert loadB
        y[j] = value;
      }
      //@unroll
      for (var i = 0u; i < ROWS; i++) {
        let x = subgroupShuffle(held[i], first + q);
        //@unroll
        for (var j = 0u; j < COLS; j++) {
          acc[i * COLS + j] += x * y[j];
        }
      }
    }
  }

  var columns: array<Column, COLS>; //@registers
  //@unroll
  for (var j = 0u; j < COLS; j++) {
    columns[j] = columnAt(col + j * WORKGROUP);
  }
  //@unroll
  for (var i = 0u; i < ROWS; i++) {
    let m = firstRow + i;
    //@insert place
    if (inside) {
      //@unroll
      for (var j = 0u; j < COLS; j++) {
        let n = col + j * WORKGROUP;
        if (n < N) {
          c[rowStart + n] = epilogue(acc[i * COLS + j], rowStart + n, columns[j]);
        }
      }
    }
  }
}
