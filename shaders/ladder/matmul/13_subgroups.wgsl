// Matrix product C = A · B. A: [M, K], B: [K, N], C: [M, N], row-major; N is a multiple of 4.
//
// Step 13, loads shared within a subgroup: step 8's tile, but all lanes of a workgroup need the same
// elements of A. So each loads another one along K, neighbours beside neighbours, and a shuffle
// hands them round among the lanes that run in lockstep, the subgroup. Registers serve as the memory
// that step 11 took from the workgroup, without a barrier. Loads of A fall to 1/subgroup size. Should
// gain on GPUs, where a shuffle costs about as much as a multiply-add. Needs the feature `subgroups`.

enable subgroups;

const M = 4u;
const N = 4u;
const K = 4u;
const ROWS = 8u;
const COLS = 2u; // columns of the tile in vectors of 4
const COLUMNS = N / 4u; // columns of B and C in vectors of 4

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4f>;

@compute @workgroup_size(64, 1, 1)
fn main(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
  @builtin(subgroup_size) size: u32,
) {
  // Threads beyond C's edge help to load, so that a shuffle finds every lane.
  let row = id.y * ROWS;
  let col = id.x * COLS;
  let depth = min(size, 64u);
  var acc: array<vec4f, ROWS * COLS>; //@registers
  for (var k0 = 0u; k0 < K; k0 += depth) {
    var mine: array<f32, ROWS>; //@registers
    //@unroll
    for (var i = 0u; i < ROWS; i++) {
      mine[i] = a[min(row + i, M - 1u) * K + min(k0 + lane, K - 1u)];
    }
    let turns = min(depth, K - k0);
    for (var q = 0u; q < turns; q++) {
      var x: array<f32, ROWS>; //@registers
      //@unroll
      for (var i = 0u; i < ROWS; i++) {
        x[i] = subgroupShuffle(mine[i], q);
      }
      //@unroll
      for (var j = 0u; j < COLS; j++) {
        let y = b[(k0 + q) * COLUMNS + min(col + j, COLUMNS - 1u)];
        //@unroll
        for (var i = 0u; i < ROWS; i++) {
          acc[i * COLS + j] += x[i] * y;
        }
      }
    }
  }
  //@unroll
  for (var i = 0u; i < ROWS; i++) {
    //@unroll
    for (var j = 0u; j < COLS; j++) {
      if (row + i < M && col + j < COLUMNS) {
        c[(row + i) * COLUMNS + col + j] = acc[i * COLS + j];
      }
    }
  }
}
