// Reads a buffer and writes what was read to another: how fast is memory?
//
// Each thread moves ELEMENTS elements. Neighbouring threads take neighbouring elements (STRIDED), as
// GPUs want it, or each a stretch of its own.

alias T = vec4f; // f32 or vec4f
const WORKGROUP = 64u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const THREADS = 1u;
const ELEMENTS = 2u;
const STRIDED = true;

@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read_write> y: array<T>;

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let thread = (group.x + group.y * GROUPS_X + group.z * GROUPS_XY) * WORKGROUP + lane;
  if (thread >= THREADS) {
    return;
  }
  //@unroll
  for (var k = 0u; k < ELEMENTS; k++) {
    let i = select(thread * ELEMENTS + k, k * THREADS + thread, STRIDED);
    y[i] = x[i];
  }
}
