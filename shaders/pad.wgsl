// Padding with zeros: each thread writes one element E (one number, or four along unpadded axes).
// The host writes the coordinates: `inside` tells whether the element is x's, `at` which of x's.

alias E = f32;
const WORKGROUP = 64u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const THREADS = 1u;

@group(0) @binding(0) var<storage, read> x: array<E>;
@group(0) @binding(1) var<storage, read_write> y: array<E>;

@compute @workgroup_size(64, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let thread = (group.x + group.y * GROUPS_X + group.z * GROUPS_XY) * WORKGROUP + lane;
  if (thread >= THREADS) {
    return;
  }
  var inside = true;
  var at = 0u;
  //@insert coordinates
  y[thread] = select(E(), x[select(0u, at, inside)], inside);
}
