// Along one axis, with the largest element subtracted so that exp cannot overflow:
// softmax = exp(x − max) / Σ, logarithmic softmax = x − max − log Σ, and log-sum-exp = max + log Σ.
// The largest element's own share of Σ is 1: log Σ = log(1 + the others'), which keeps the digits of
// what little the others add. Each thread does one line, or four neighbouring lines.

alias F = f32;
const WORKGROUP = 64u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const THREADS = 1u;
const LENGTH = 1u;
const BLOCK = 32u; // elements that are added up before their sum goes to that of the others
const INNER = 1u; // elements behind the axis, in units of F
const TOTAL = false; // log-sum-exp: one number a line
const LOGARITHM = false;

//@insert helpers
@group(0) @binding(0) var<storage, read> x: array<F>;
@group(0) @binding(1) var<storage, read_write> y: array<F>;

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
  var place = F();
  for (var k = 1u; k < LENGTH; k++) {
    let each = x[first + k * INNER];
    place = select(place, F(f32(k)), each > largest);
    largest = max(largest, each);
  }
  var others = F();
  for (var start = 0u; start < LENGTH; start += BLOCK) {
    var part = F();
    for (var k = start; k < min(start + BLOCK, LENGTH); k++) {
      let share = expPrecise(x[first + k * INNER] - largest);
      part += select(share, F(), place == F(f32(k)));
    }
    others += part;
  }
  if (TOTAL) { //@static
    y[thread] = largest + log1p(others);
  } else {
    if (LOGARITHM) { //@static
      let logarithm = log1p(others);
      for (var k = 0u; k < LENGTH; k++) {
        y[first + k * INNER] = (x[first + k * INNER] - largest) - logarithm;
      }
    } else {
      for (var k = 0u; k < LENGTH; k++) {
        y[first + k * INNER] = expPrecise(x[first + k * INNER] - largest) / (F(1.0) + others);
      }
    }
  }
}
