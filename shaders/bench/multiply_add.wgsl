// Multiply-adds in registers and nothing else: how fast can the adapter compute?
//
// Each thread keeps ACCUMULATORS numbers (or vectors) and applies x ← x · factor + term to each of
// them, ROUNDS × UNROLL times. One chain has to wait for its own result at every step, so the
// adapter is busy only where there are enough chains, and a loop's cost is hidden only where
// enough steps are written out: the host tries many sizes and takes the fastest. Factors and terms
// come from a buffer and all chains end in a result, so that no compiler can leave work out.

alias S = f32; // or f16
alias T = vec4f; // S or a vector of four
alias F = vec4f; // what T is in f32
const WORKGROUP = 64u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const STARTS = 16u; // threads begin with as many different numbers
const ACCUMULATORS = 4u;
const UNROLL = 2u;
const ROUNDS = 2u;
const FUSED = false; // by fma(x, y, z) instead of x * y + z
const CROSSED = false; // x[i] ← x[i] + x[i + 1] · factor: only the addition waits for itself

@group(0) @binding(0) var<storage, read> numbers: array<F>; // factor, term
@group(0) @binding(1) var<storage, read_write> results: array<F>;

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let thread = (group.x + group.y * GROUPS_X + group.z * GROUPS_XY) * WORKGROUP + lane;
  if (thread >= arrayLength(&results)) {
    return;
  }
  let factor = T(numbers[0]);
  let term = T(numbers[1]);
  var x: array<T, ACCUMULATORS>; //@registers
  //@unroll
  for (var i = 0u; i < ACCUMULATORS; i++) {
    x[i] = T(S(thread % STARTS + i));
  }
  for (var round = 0u; round < ROUNDS; round++) {
    //@unroll
    for (var step = 0u; step < UNROLL; step++) {
      //@unroll
      for (var i = 0u; i < ACCUMULATORS; i++) {
        if (CROSSED) { //@static
          if (FUSED) { //@static
            x[i] = fma(x[(i + 1u) % ACCUMULATORS], factor, x[i]);
          } else {
            x[i] = x[(i + 1u) % ACCUMULATORS] * factor + x[i];
          }
        } else {
          if (FUSED) { //@static
            x[i] = fma(x[i], factor, term);
          } else {
            x[i] = x[i] * factor + term;
          }
        }
      }
    }
  }
  var sum = F();
  //@unroll
  for (var i = 0u; i < ACCUMULATORS; i++) {
    sum += F(x[i]);
  }
  results[thread] = sum;
}
