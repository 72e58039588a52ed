// Along one axis, with the largest element subtracted so that exp cannot overflow:
// softmax = exp(x − max) / Σ, logarithmic softmax = x − max − log Σ, and log-sum-exp = max + log Σ.
// Each thread does one line, or four neighbouring lines.

alias E = f32;
const WORKGROUP = 64u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const THREADS = 1u;
const LENGTH = 1u;
const INNER = 1u; // elements behind the axis, in units of E
const TOTAL = false; // log-sum-exp: one number a line
const LOGARITHM = false;

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
  let first = (thread / INNER) * (LENGTH * INNER) + thread % INNER;
  var largest = x[first];
  for (var k = 1u; k < LENGTH; k++) {
    largest = max(largest, x[first + k * INNER]);
  }
  var sum = E();
  for (var k = 0u; k < LENGTH; k++) {
    sum += exp(x[first + k * INNER] - largest);
  }
  if (TOTAL) { //@static
    y[thread] = largest + log(sum);
  } else {
    if (LOGARITHM) { //@static
      let shift = largest + log(sum);
      for (var k = 0u; k < LENGTH; k++) {
        y[first + k * INNER] = x[first + k * INNER] - shift;
      }
    } else {
      for (var k = 0u; k < LENGTH; k++) {
        y[first + k * INNER] = exp(x[first + k * INNER] - largest) / sum;
      }
    }
  }
}
