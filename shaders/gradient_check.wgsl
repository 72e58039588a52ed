// One pass over all gradients: sets the flag to the number of the step if there is a NaN or an
// infinity in them or in a guarded tensor, unless an earlier step has set it; and leaves each
// thread's share of the sum of their squares (SQUARES). The test is on the bits: a shader compiler
// may assume that no float is NaN.

alias F = vec4f;
const WORKGROUP = 64u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const THREADS = 1u;
const LENGTH = 1u; // of the gradients' arena, in units of four elements
const SQUARES = true;
const BLOCK = 8u; // of a thread's loads
const NEVER = 0xffffffffu;

@group(0) @binding(0) var<storage, read> gradients: array<vec4u>;
@group(0) @binding(1) var<storage, read> stepNumber: array<u32>;
//@insert bindings

//@insert helpers

@compute @workgroup_size(64, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let thread = (group.x + group.y * GROUPS_X + group.z * GROUPS_XY) * WORKGROUP + lane;
  let step = stepNumber[0]; // before any thread leaves: llvmpipe then loads it once
  if (thread >= THREADS) {
    return;
  }
  var squares = vec4f(); // in blocks, as in reduce.wgsl
  var lost = vec4f();
  var largest = vec4u(); // magnitudes as integers are in the order of the floats, NaNs the last
  for (var start = thread; start < LENGTH; start += BLOCK * THREADS) {
    let end = min(start + BLOCK * THREADS, LENGTH);
    var part = vec4f();
    for (var i = start; i < end; i += THREADS) {
      let bits = gradients[i];
      largest = max(largest, bits & vec4u(0x7fffffffu));
      if (SQUARES) { //@static
        let g = bitcast<vec4f>(bits);
        part += g * g;
      }
    }
    if (SQUARES) { //@static
      let sum = squares + part;
      lost += roundedOff(squares, part, sum);
      squares = sum;
    }
  }
  //@insert guards
  if (SQUARES) { //@static
    squares = corrected(squares, lost);
    shares[thread] = (squares.x + squares.y) + (squares.z + squares.w);
  }
  if (any(largest >= vec4u(0x7f800000u)) && atomicLoad(&flag) == NEVER) {
    atomicStore(&flag, step);
  }
}
