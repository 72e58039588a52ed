// Matrix product C = A · B. A: [M, K], B: [K, N], C: [M, N], row-major.
//
// Step 11, blocks in workgroup memory: the other way to load less, which begins again at step 2. The
// SIDE² threads of a workgroup bring a block of A and one of B into workgroup memory, each thread an
// element of both, wait for each other, and read each of them SIDE times from there. Loads from
// storage fall to 2/SIDE for a multiply-add. The textbook's first gain on GPUs; on software adapters
// workgroup memory is ordinary memory, and the barriers cut the loop in pieces between which all
// threads' state is put aside.

const M = 4u;
const N = 4u;
const K = 4u;
const SIDE = 16u; // edge of a block and of the workgroup

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;

var<workgroup> blockA: array<f32, SIDE * SIDE>; // [row, k]
var<workgroup> blockB: array<f32, SIDE * SIDE>; // [k, col]

@compute @workgroup_size(16, 16, 1)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_id) lane: vec3u) {
  // Threads beyond C's edge help to load, so that all reach the barriers.
  let row = id.y;
  let col = id.x;
  let place = lane.y * SIDE + lane.x;
  var sum = 0.0;
  for (var k0 = 0u; k0 < K; k0 += SIDE) {
    var x = 0.0;
    var y = 0.0;
    if (row < M && k0 + lane.x < K) {
      x = a[row * K + k0 + lane.x];
    }
    if (col < N && k0 + lane.y < K) {
      y = b[(k0 + lane.y) * N + col];
    }
    blockA[place] = x;
    blockB[place] = y;
    workgroupBarrier();
    for (var k = 0u; k < SIDE; k++) {
      sum += blockA[lane.y * SIDE + k] * blockB[k * SIDE + lane.x];
    }
    workgroupBarrier();
  }
  if (row < M && col < N) {
    c[row * N + col] = sum;
  }
}
