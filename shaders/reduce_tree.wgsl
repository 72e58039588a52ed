// Reductions along contiguous axes on GPUs: the 64 threads of a workgroup walk through one chunk of
// one result side by side, so that their loads are neighbours, and combine what they found by a
// tree in workgroup memory. The order of the additions is fixed by the shape. Long sums are added up
// in blocks, as in reduce.wgsl.

alias F = f32;
const WORKGROUP = 64u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const RESULTS = 1u;
const SPLITS = 1u;
const LENGTH = 1u; // elements that are reduced, in units of F
const CHUNK = 1u;
const BLOCK = 1u; // a multiple of WORKGROUP
const BLOCKS = false; // a chunk has several
const SUM = true;
const MAXIMUM = false; // else the minimum
const IDENTITY = 0.0;
const SCALE = 1.0;

//@insert helpers
//@insert bindings

var<workgroup> partials: array<F, 64>;

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
  let i = group.x + group.y * GROUPS_X + group.z * GROUPS_XY; // chunk and result, one a workgroup
  if (i >= RESULTS * SPLITS) {
    return;
  }
  let o = i % RESULTS;
  let first = (i / RESULTS) * CHUNK;
  let last = min(first + CHUNK, LENGTH);
  //@insert bases

  var all = F(IDENTITY);
  var lost = F();
  for (var start = first; start < last; start += BLOCK) {
    let end = min(start + BLOCK, last);
    var acc = F(IDENTITY);
    for (var r = start + lane; r < end; r += WORKGROUP) {
      //@insert element
      acc = combine(acc, element);
    }
    if (BLOCKS) { //@static
      let sum = all + acc;
      lost += roundedOff(all, acc, sum);
      all = sum;
    } else {
      all = acc;
    }
  }
  if (BLOCKS) { //@static
    all = corrected(all, lost);
  }
  partials[lane] = all;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      partials[lane] = combine(partials[lane], partials[lane + half]);
    }
    workgroupBarrier();
  }
  if (lane == 0u) {
    let total = partials[0];
    //@insert result
  }
}
