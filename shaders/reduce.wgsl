// Reductions: each thread combines CHUNK elements of one result (of four neighbouring results when
// F is a vector along a kept axis). Long axes are cut into SPLITS chunks, whose partial results
// [SPLITS, RESULTS] a second pass combines. The order of the additions is fixed by the shape.
//
// A long sum added up one by one loses digits: each addition rounds to the digits of what is there
// already. So the elements are added up in blocks, and to the sum of blocks goes along what its
// additions took from it, which costs little once a block.
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
const BLOCK = 1u; // a multiple of UNROLL
const UNROLL = 1u; // accumulators
const RAGGED = false; // LENGTH or CHUNK is no multiple of UNROLL
const BLOCKS = false; // a chunk has several
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

  var total = F(IDENTITY);
  var lost = F();
  for (var start = first; start < last; start += BLOCK) {
    let end = min(start + BLOCK, last);
    var acc: array<F, UNROLL>; //@registers
    //@unroll
    for (var u = 0u; u < UNROLL; u++) {
      acc[u] = F(IDENTITY);
    }
    for (var k = start; k < end; k += UNROLL) {
      //@unroll
      for (var u = 0u; u < UNROLL; u++) {
        var r = k + u;
        if (RAGGED) { //@static
          r = min(r, end - 1u);
        }
        //@insert element
        if (RAGGED) { //@static
          if (k + u < end) {
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
    if (BLOCKS) { //@static
      let sum = total + acc[0];
      lost += roundedOff(total, acc[0], sum);
      total = sum;
    } else {
      total = acc[0];
    }
  }
  if (BLOCKS) { //@static
    total = corrected(total, lost);
  }
  let i = thread * RESULT_WIDTH;
  //@insert result
}
