// Batched matrix product C[b] = op(A[b]) · op(B[b]), where op may transpose, for GPUs with subgroups.
//
// A workgroup of 64 threads computes ROWS rows × COLS · 64 columns of C (a column is an F: one
// element of a row, or four): all of it needs the same rows of A, and every thread has COLS columns
// of its own, whose neighbours are its neighbours'. Each lane loads one block of A, BLOCK elements
// along the summed axis K, for every row; then the lanes of a subgroup hand their blocks round by
// shuffles. So an element of A is loaded once by a subgroup instead of once by each of its lanes,
// without workgroup memory and without a barrier.
//
// How many lanes take part is counted, not presumed: a subgroup may be of any size, and the last one
// of a workgroup may not be full. Only neighbouring lanes share; were there a gap between them, each
// would load everything itself.

enable subgroups;
// The lanes of a subgroup stay together, which the compiler cannot see: how many they are is no
// constant, and another number in another subgroup of the workgroup.
diagnostic(off, subgroup_uniformity);

alias AX = vec4f; // what a load of A gives: f32, or vec4f when A's contiguous length is a multiple of 4
alias BX = vec4f; // likewise B
alias X = vec4f; // a block of A: f32, or vec4f when K is a multiple of 4
alias F = vec4f; // element of C: f32 or vec4f
const WORKGROUP = 64u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const TRANSPOSE_A = false; // A is [K, M] instead of [M, K]
const TRANSPOSE_B = false; // B is [N, K] instead of [K, N]
const BATCH = 1u;
const A_STRIDE = 4u; // elements between matrices of A; 0 repeats one matrix
const B_STRIDE = 4u;
const M = 4u;
const N = 4u;
const K = 4u;
const ROWS = 4u; // a multiple of 4 where A is transposed and read by fours
const COLS = 1u; // columns of a thread in units of F
const A_WIDTH = 4u; // elements of an AX
const B_WIDTH = 4u;
const BLOCK = 4u; // elements of an X
const F_WIDTH = 4u;
const ROW_TILES = (M + ROWS - 1u) / ROWS;
const COLUMNS = N / F_WIDTH;
const COLUMN_TILES = (COLUMNS + COLS * WORKGROUP - 1u) / (COLS * WORKGROUP);

@group(0) @binding(0) var<storage, read> a: array<AX>;
@group(0) @binding(1) var<storage, read> b: array<BX>;
@group(0) @binding(2) var<storage, read_write> c: array<F>;

fn loadA(i: u32) -> AX {
  return a[i];
}

fn loadB(i: u32) -> BX {
  return b[i];
}

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
  if (tile >= ROW_TILES * COLUMN_TILES * BATCH) {
    return;
  }
  let matrix = tile / (ROW_TILES * COLUMN_TILES);
  let row = ((tile / COLUMN_TILES) % ROW_TILES) * ROWS;
  let col = (tile % COLUMN_TILES) * COLS * WORKGROUP + thread;
  let startA = matrix * A_STRIDE;
  let startB = matrix * B_STRIDE;

  let first = subgroupMin(lane);
  let lanes = subgroupAdd(1u);
  let neighbours = subgroupMax(lane) - first + 1u == lanes;
  let depth = select(1u, lanes, neighbours); // blocks that are loaded at once
  let mine = select(0u, lane - first, neighbours); // the one that this lane loads

  var acc: array<F, ROWS * COLS>; //@registers
  for (var k0 = 0u; k0 < K; k0 += depth * BLOCK) {
    var held: array<X, ROWS>; //@registers
    let k = min(k0 + mine * BLOCK, K - BLOCK);
    if (TRANSPOSE_A) { //@static
      if (A_WIDTH == 4u) { //@static
        //@unroll
        for (var i = 0u; i < ROWS; i += 4u) {
          let at = startA + k * M + min(row + i, M - 4u);
          let v0 = vec4f(loadA(at / 4u));
          if (BLOCK == 4u) { //@static
            let v1 = vec4f(loadA((at + M) / 4u));
            let v2 = vec4f(loadA((at + 2u * M) / 4u));
            let v3 = vec4f(loadA((at + 3u * M) / 4u));
            held[i] = X(v0.x, v1.x, v2.x, v3.x);
            held[i + 1u] = X(v0.y, v1.y, v2.y, v3.y);
            held[i + 2u] = X(v0.z, v1.z, v2.z, v3.z);
            held[i + 3u] = X(v0.w, v1.w, v2.w, v3.w);
          } else {
            held[i] = X(v0.x);
            held[i + 1u] = X(v0.y);
            held[i + 2u] = X(v0.z);
            held[i + 3u] = X(v0.w);
          }
        }
      } else {
        //@unroll
        for (var i = 0u; i < ROWS; i++) {
          let at = startA + k * M + min(row + i, M - 1u);
          if (BLOCK == 4u) { //@static
            held[i] = X(vec4f(loadA(at)).x, vec4f(loadA(at + M)).x, vec4f(loadA(at + 2u * M)).x, vec4f(loadA(at + 3u * M)).x);
          } else {
            held[i] = X(vec4f(loadA(at)).x);
          }
        }
      }
    } else {
      //@unroll
      for (var i = 0u; i < ROWS; i++) {
        held[i] = loadA((startA + min(row + i, M - 1u) * K + k) / BLOCK);
      }
    }

    let turns = min(depth, (K - k0) / BLOCK);
    for (var q = 0u; q < turns; q++) {
      let k1 = k0 + q * BLOCK;
      var y: array<F, BLOCK * COLS>; //@registers
      //@unroll
      for (var j = 0u; j < COLS; j++) {
        let column = min(col + j * WORKGROUP, COLUMNS - 1u) * F_WIDTH;
        if (TRANSPOSE_B) { //@static
          let at = startB + column * K + k1;
          if (B_WIDTH == 4u) { //@static
            let b0 = vec4f(loadB(at / 4u));
            if (F_WIDTH == 4u) { //@static
              let b1 = vec4f(loadB((at + K) / 4u));
              let b2 = vec4f(loadB((at + 2u * K) / 4u));
              let b3 = vec4f(loadB((at + 3u * K) / 4u));
              y[j] = F(b0.x, b1.x, b2.x, b3.x);
              y[COLS + j] = F(b0.y, b1.y, b2.y, b3.y);
              y[2u * COLS + j] = F(b0.z, b1.z, b2.z, b3.z);
              y[3u * COLS + j] = F(b0.w, b1.w, b2.w, b3.w);
            } else {
              y[j] = F(b0.x);
              y[COLS + j] = F(b0.y);
              y[2u * COLS + j] = F(b0.z);
              y[3u * COLS + j] = F(b0.w);
            }
          } else if (F_WIDTH == 4u) { //@static
            y[j] = F(vec4f(loadB(at)).x, vec4f(loadB(at + K)).x, vec4f(loadB(at + 2u * K)).x, vec4f(loadB(at + 3u * K)).x);
          } else {
            y[j] = F(vec4f(loadB(at)).x);
          }
        } else {
          //@unroll
          for (var t = 0u; t < BLOCK; t++) {
            y[t * COLS + j] = F(loadB((startB + (k1 + t) * N + column) / B_WIDTH));
          }
        }
      }
      //@unroll
      for (var i = 0u; i < ROWS; i++) {
        let x = subgroupShuffle(held[i], first + q);
        //@unroll
        for (var j = 0u; j < COLS; j++) {
          if (BLOCK == 4u) { //@static
            acc[i * COLS + j] += x.x * y[j] + x.y * y[COLS + j] + x.z * y[2u * COLS + j] + x.w * y[3u * COLS + j];
          } else {
            acc[i * COLS + j] += x * y[j];
          }
        }
      }
    }
  }

  let start = matrix * M * COLUMNS;
  var columns: array<Column, COLS>; //@registers
  //@unroll
  for (var j = 0u; j < COLS; j++) {
    columns[j] = columnAt((col + j * WORKGROUP) * F_WIDTH);
  }
  //@unroll
  for (var i = 0u; i < ROWS; i++) {
    if (row + i < M) {
      //@unroll
      for (var j = 0u; j < COLS; j++) {
        let column = col + j * WORKGROUP;
        if (column < COLUMNS) {
          let at = start + (row + i) * COLUMNS + column;
          c[at] = epilogue(acc[i * COLS + j], at * F_WIDTH, columns[j]);
        }
      }
    }
  }
}
