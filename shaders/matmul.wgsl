// Batched matrix product C[b] = op(A[b]) · op(B[b]), where op may transpose.
//
// Each thread keeps a tile of ROWS rows × COLS columns of C (a column is an F: one element of a row,
// or four) in registers and walks along the summed axis K in blocks of BLOCK elements. How a block
// of A or B is loaded depends on which axis is contiguous; with four at a time where the lengths
// allow (a scalar load is written vec4f(…).x, so that the text is valid for either width). Loads of
// a transposed B that run along K are turned into vectors along N, which costs nothing. No workgroup memory: on software
// adapters it costs more than it saves (matmul_tiled.wgsl is the version for GPUs).

alias AX = vec4f; // what a load of A gives: f32, or vec4f when A's contiguous length is a multiple of 4
alias BX = vec4f; // likewise B
alias F = vec4f; // element of C: f32, or vec4f when N is a multiple of 4
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
const ROWS = 4u;
const COLS = 1u; // columns of a tile in units of F
const UNROLL_STORES = true;
const BLOCK = 4u; // elements along K at once: 4 when K is a multiple of 4, else 1
const A_WIDTH = 4u; // elements of an AX
const B_WIDTH = 4u;
const F_WIDTH = 4u;
const SPLITS = 1u; // K may be split over threads; a reduction then adds up [split, …]
const SHARE = ((K / BLOCK + SPLITS - 1u) / SPLITS) * BLOCK;
const ROW_TILES = (M + ROWS - 1u) / ROWS;
const COLUMNS = N / F_WIDTH;
const COLUMN_TILES = (COLUMNS + COLS - 1u) / COLS;
const RAGGED_ROWS = M % ROWS != 0u;
const RAGGED_COLUMNS = COLUMNS % COLS != 0u;

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
  @builtin(local_invocation_index) lane: u32,
) {
  let thread = (group.x + group.y * GROUPS_X + group.z * GROUPS_XY) * WORKGROUP + lane;
  if (thread >= ROW_TILES * COLUMN_TILES * BATCH * SPLITS) {
    return;
  }
  let tile = thread % (ROW_TILES * COLUMN_TILES);
  let matrix = (thread / (ROW_TILES * COLUMN_TILES)) % BATCH;
  let share = thread / (ROW_TILES * COLUMN_TILES * BATCH);
  let row = (tile / COLUMN_TILES) * ROWS;
  let col = (tile % COLUMN_TILES) * COLS;
  let startA = matrix * A_STRIDE;
  let startB = matrix * B_STRIDE;

  var acc: array<F, ROWS * COLS>; //@registers
  let end = min((share + 1u) * SHARE, K);
  for (var k = share * SHARE; k < end; k += BLOCK) {
    var x: array<f32, ROWS * BLOCK>; //@registers
    var y: array<F, BLOCK * COLS>; //@registers
    if (TRANSPOSE_A) { //@static
      //@unroll
      for (var q = 0u; q < BLOCK; q++) {
        //@unroll
        for (var i = 0u; i < ROWS; i += A_WIDTH) {
          let at = startA + (k + q) * M + min(row + i, M - A_WIDTH);
          if (A_WIDTH == 4u) { //@static
            let v = loadA(at / 4u);
            x[i * BLOCK + q] = v.x;
            x[(i + 1u) * BLOCK + q] = v.y;
            x[(i + 2u) * BLOCK + q] = v.z;
            x[(i + 3u) * BLOCK + q] = v.w;
          } else {
            x[i * BLOCK + q] = vec4f(loadA(at)).x;
          }
        }
      }
    } else {
      //@unroll
      for (var i = 0u; i < ROWS; i++) {
        let at = startA + min(row + i, M - 1u) * K + k;
        if (A_WIDTH == 4u) { //@static
          let v = loadA(at / 4u);
          x[i * 4u] = v.x;
          x[i * 4u + 1u] = v.y;
          x[i * 4u + 2u] = v.z;
          x[i * 4u + 3u] = v.w;
        } else {
          //@unroll
          for (var q = 0u; q < BLOCK; q++) {
            x[i * BLOCK + q] = vec4f(loadA(at + q)).x;
          }
        }
      }
    }
    //@unroll
    for (var j = 0u; j < COLS; j++) {
      let column = min(col + j, COLUMNS - 1u) * F_WIDTH;
      if (TRANSPOSE_B) { //@static
        let at = startB + column * K + k;
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
        } else {
          //@unroll
          for (var q = 0u; q < BLOCK; q++) {
            if (F_WIDTH == 4u) { //@static
              y[q * COLS + j] = F(vec4f(loadB(at + q)).x, vec4f(loadB(at + K + q)).x, vec4f(loadB(at + 2u * K + q)).x, vec4f(loadB(at + 3u * K + q)).x);
            } else {
              y[q * COLS + j] = F(vec4f(loadB(at + q)).x);
            }
          }
        }
      } else {
        //@unroll
        for (var q = 0u; q < BLOCK; q++) {
          y[q * COLS + j] = F(loadB((startB + (k + q) * N + column) / B_WIDTH));
        }
      }
    }
    if (BLOCK == 4u) { //@static
      //@unroll
      for (var i = 0u; i < ROWS; i++) {
        //@unroll
        for (var j = 0u; j < COLS; j++) {
          acc[i * COLS + j] += x[i * 4u] * y[j] + x[i * 4u + 1u] * y[COLS + j] + x[i * 4u + 2u] * y[2u * COLS + j] + x[i * 4u + 3u] * y[3u * COLS + j];
        }
      }
    } else {
      //@unroll
      for (var i = 0u; i < ROWS; i++) {
        //@unroll
        for (var j = 0u; j < COLS; j++) {
          acc[i * COLS + j] += x[i] * y[j];
        }
      }
    }
  }

  let start = (share * BATCH + matrix) * M * COLUMNS;
  var columns: array<Column, COLS>; //@registers
  //@unroll
  for (var j = 0u; j < COLS; j++) {
    columns[j] = columnAt((col + j) * F_WIDTH);
  }
  // Where compilers take long for each copy of the epilogue, its rows are a loop, over an array.
  var results: array<F, ROWS * COLS>; //@registers
  //@unroll
  for (var k = 0u; k < ROWS * COLS; k++) {
    results[k] = acc[k];
  }
  //@unroll UNROLL_STORES
  for (var i = 0u; i < ROWS; i++) {
    if (!RAGGED_ROWS || row + i < M) {
      //@unroll
      for (var j = 0u; j < COLS; j++) {
        if (!RAGGED_COLUMNS || col + j < COLUMNS) {
          let at = start + (row + i) * COLUMNS + col + j;
          c[at] = epilogue(results[i * COLS + j], at * F_WIDTH, columns[j]);
        }
      }
    }
  }
}
