// Reductions: each thread combines CHUNK elements of one result (of four neighbouring results when
// F is a vector along a kept axis). Long axes are cut into SPLITS chunks, whose partial results
// [SPLITS, RESULTS] a second pass combines. The order of the additions is fixed by the shape.
//
// The host writes the bindings, the element (the views' loads and the expression fused into the
// reduction) and what is done to the result before it is stored.

alias F = f32;
const WORKGROUP = 64u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const RESULTS = 1u; // in units of F where F runs along a kept axis
const SPLITS = 1u;
const LENGTH = 1u; // elements that are reduced, in units of F where F runs along a reduced axis
const CHUNK = 1u;
const UNROLL = 1u; // accumulators
const RAGGED = false; // LENGTH or CHUNK is no multiple of UNROLL
const SUM = true;
const MAXIMUM = false; // else the minimum
const IDENTITY = 0.0;
const SCALE = 1.0;
const RESULT_WIDTH = 1u; // elements of a result

//@insert helpers
//@insert bindings

fn combine(a: F, b: F) -> F {
  if (SUM) { //@static
    return a + b;
  } else {
    if (MAXIMUM) { //@static
      return max(a, b);
    } else {
      return min(a, b);
    }
  }
}

@compute @workgroup_size(64, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let thread = (group.x + group.y * GROUPS_X + group.z * GROUPS_XY) * WORKGROUP + lane;
  if (thread >= RESULTS * SPLITS) {
    return;
  }
  let o = thread % RESULTS;
  let first = (thread / RESULTS) * CHUNK;
  let last = min(first + CHUNK, LENGTH);
  //@insert bases

  var acc: array<F, UNROLL>; //@registers
  //@unroll
  for (var u = 0u; u < UNROLL; u++) {
    acc[u] = F(IDENTITY);
  }
  for (var k = first; k < last; k += UNROLL) {
    //@unroll
    for (var u = 0u; u < UNROLL; u++) {
      var r = k + u;
      if (RAGGED) { //@static
        r = min(r, last - 1u);
      }
      //@insert element
      if (RAGGED) { //@static
        if (k + u < last) {
          acc[u] = combine(acc[u], element);
        }
      } else {
        acc[u] = combine(acc[u], element);
      }
    }
  }
  //@unroll
  for (var u = 1u; u < UNROLL; u++) {
    acc[0] = combine(acc[0], acc[u]);
  }
  let total = acc[0];
  let i = thread * RESULT_WIDTH;
  //@insert result
}
