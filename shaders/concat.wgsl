// Tensors behind one another along an axis. Seen as rows over the axes in front of it, each row of
// the result is the inputs' rows one behind the other. Each thread copies one element E, or four.
// The host writes the bindings and the copy.

alias E = f32;
const WORKGROUP = 64u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const THREADS = 1u;
const LENGTH = 1u; // of a row of the result, in units of E

//@insert bindings

@compute @workgroup_size(64, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let thread = (group.x + group.y * GROUPS_X + group.z * GROUPS_XY) * WORKGROUP + lane;
  if (thread >= THREADS) {
    return;
  }
  let row = thread / LENGTH;
  let column = thread % LENGTH;
  //@insert copy
}
