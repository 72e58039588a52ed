// Position of the first largest element along an axis. Each thread searches one chunk of one line;
// a second pass (COMBINE) picks among the positions that the chunks found.

const WORKGROUP = 64u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const THREADS = 1u;
const LINES = 1u;
const LENGTH = 1u; // of a line, or the number of chunks for the second pass
const CHUNK = 1u;
const INNER = 1u; // elements behind the axis
const AXIS = 1u; // length of the axis
const COMBINE = false;

@group(0) @binding(0) var<storage, read> x: array<f32>;
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
  let line = thread % LINES;
  let start = (line / INNER) * (AXIS * INNER) + line % INNER;
  let first = (thread / LINES) * CHUNK;
  let last = min(first + CHUNK, LENGTH);
  var best = 0u;
  var largest = 0.0;
  for (var k = first; k < last; k++) {
    var at = k;
    if (COMBINE) { //@static
      at = found[k * LINES + line];
    }
    let value = x[start + at * INNER];
    if (k == first || value > largest) {
      largest = value;
      best = at;
    }
  }
  y[thread] = best;
}
