// Elementwise maps. Each thread computes one element, or four when the rows allow it. The host
// writes the bindings, the loads (which may broadcast, transpose or slice) and the expression.

const WORKGROUP = 64u;
const GROUPS_X = 1u; // the grid is folded when it exceeds 65,535 workgroups
const GROUPS_XY = 1u;
const THREADS = 1u; // elements, or groups of four
const WIDTH = 1u;

//@insert helpers
//@insert bindings

@compute @workgroup_size(64, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  // What all threads read alike is read before any of them leaves: llvmpipe then loads it once.
  //@insert alike
  let thread = (group.x + group.y * GROUPS_X + group.z * GROUPS_XY) * WORKGROUP + lane;
  if (thread >= THREADS) {
    return;
  }
  let i = thread * WIDTH; // the element's number, row-major
  //@insert body
}
