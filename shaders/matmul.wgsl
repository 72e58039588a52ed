// Batched matrix product C[b] = op(A[b]) · op(B[b]), where op may transpose.
//
// Each thread keeps a tile of ROWS × COLS elements of C in registers and walks along the summed
// axis K in blocks of BLOCK elements. How a block of A or B is loaded depends on which axis is
// contiguous; with four at a time where the lengths allow (a scalar load is written vec4f(…).x, so
// that the text is valid for either width). No workgroup memory: on software
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
const COLS = 4u;
const BLOCK = 4u; // elements along K at once: 4 when K is a multiple of 4, else 1
const A_WIDTH = 4u; // elements of an AX
const B_WIDTH = 4u;
const F_WIDTH = 4u;
const SPLITS = 1u; // K may be split over threads; a reduction then adds up [split, …]
const SHARE = ((K / BLOCK + SPLITS - 1u) / SPLITS) * BLOCK;
const ROW_TILES = (M + ROWS - 1u) / ROWS;
const COLUMN_TILES = (N + COLS - 1u) / COLS;
const RAGGED_ROWS = M % ROWS != 0u;
const RAGGED_COLUMNS = N % COLS != 0u;

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
fn epilogue(value: F, i: u32) -> F {
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

  var acc: array<f32, ROWS * COLS>; //@registers
  let end = min((share + 1u) * SHARE, K);
  for (var k = share * SHARE; k < end; k += BLOCK) {
    var x: array<f32, ROWS * BLOCK>; //@registers
    var y: array<f32, BLOCK * COLS>; //@registers
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
    if (TRANSPOSE_B) { //@static
      //@unroll
      for (var j = 0u; j < COLS; j++) {
        let at = startB + min(col + j, N - 1u) * K + k;
        if (B_WIDTH == 4u) { //@static
          let v = loadB(at / 4u);
          y[j] = v.x;
          y[COLS + j] = v.y;
          y[2u * COLS + j] = v.z;
          y[3u * COLS + j] = v.w;
        } else {
          //@unroll
          for (var q = 0u; q < BLOCK; q++) {
            y[q * COLS + j] = vec4f(loadB(at + q)).x;
          }
        }
      }
    } else {
      //@unroll
      for (var q = 0u; q < BLOCK; q++) {
        //@unroll
        for (var j = 0u; j < COLS; j += B_WIDTH) {
          let at = startB + (k + q) * N + min(col + j, N - B_WIDTH);
          if (B_WIDTH == 4u) { //@static
            let v = loadB(at / 4u);
            y[q * COLS + j] = v.x;
            y[q * COLS + j + 1u] = v.y;
            y[q * COLS + j + 2u] = v.z;
            y[q * COLS + j + 3u] = v.w;
          } else {
            y[q * COLS + j] = vec4f(loadB(at)).x;
          }
        }
      }
    }
    //@unroll
    for (var q = 0u; q < BLOCK; q++) {
      //@unroll
      for (var i = 0u; i < ROWS; i++) {
        //@unroll
        for (var j = 0u; j < COLS; j++) {
          acc[i * COLS + j] += x[i * BLOCK + q] * y[q * COLS + j];
        }
      }
    }
  }

  let start = (share * BATCH + matrix) * M * N;
  //@unroll
  for (var i = 0u; i < ROWS; i++) {
    if (!RAGGED_ROWS || row + i < M) {
      let at = start + (row + i) * N + col;
      if (F_WIDTH == 4u) { //@static
        //@unroll
        for (var j = 0u; j < COLS; j += 4u) {
          if (!RAGGED_COLUMNS || col + j < N) {
            let value = vec4f(acc[i * COLS + j], acc[i * COLS + j + 1u], acc[i * COLS + j + 2u], acc[i * COLS + j + 3u]);
            c[(at + j) / 4u] = epilogue(value, at + j);
          }
        }
      } else {
        //@unroll
        for (var j = 0u; j < COLS; j++) {
          if (!RAGGED_COLUMNS || col + j < N) {
            c[at + j] = epilogue(F(acc[i * COLS + j]), at + j);
          }
        }
      }
    }
  }
}
