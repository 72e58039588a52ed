// The reverse of gather: y[r, :] = Σ over i with indices[i] = r of x[i, :]. Each thread sums one
// element E of a row over a chunk of the indices, in their order: no atomics, so the same bits every
// time. y: [chunks, rows, length]

alias E = f32;
const WORKGROUP = 64u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const THREADS = 1u;
const COUNT = 1u; // indices
const CHUNK = 1u; // of them that a thread looks at
const ROWS = 1u;
const LENGTH = 1u; // of a row, in units of E

@group(0) @binding(0) var<storage, read> x: array<E>;
@group(0) @binding(1) var<storage, read> indices: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<E>;

@compute @workgroup_size(64, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let thread = (group.x + group.y * GROUPS_X + group.z * GROUPS_XY) * WORKGROUP + lane;
  if (thread >= THREADS) {
    return;
  }
  let row = (thread / LENGTH) % ROWS;
  let first = (thread / (LENGTH * ROWS)) * CHUNK;
  let column = thread % LENGTH;
  var sum = E();
  for (var i = first; i < min(first + CHUNK, COUNT); i++) {
    if (indices[i] == row) {
      sum += x[i * LENGTH + column];
    }
  }
  y[thread] = sum;
}
