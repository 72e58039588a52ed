// Exponential moving average of the weights (Polyak and Juditsky 1992):
// a ← a + (1 − d)(p − a), with d = min(DECAY, (1 + t)/(10 + t)) at step t from 1, so that the first
// weights, which are random, are forgotten soon.
//
// Both buffers are flat arenas of all parameters. Once a step was not finite (flag), nothing changes.

const WORKGROUP = 64u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const THREADS = 1u;
const PER_THREAD = 4u; // groups of four elements; the arena has THREADS·PER_THREAD
const REST = 0.001; // 1 − DECAY, exact to the float
const NEVER = 0xffffffffu;

@group(0) @binding(0) var<storage, read> parameters: array<vec4f>;
@group(0) @binding(1) var<storage, read> flag: array<u32>;
@group(0) @binding(2) var<storage, read> stepNumber: array<u32>;
@group(0) @binding(3) var<storage, read_write> average: array<vec4f>;

@compute @workgroup_size(64, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let thread = (group.x + group.y * GROUPS_X + group.z * GROUPS_XY) * WORKGROUP + lane;
  // What all threads read alike is read before any of them leaves: llvmpipe then loads it once.
  let failed = flag[0] != NEVER;
  let rest = max(REST, 9.0 / (10.0 + f32(stepNumber[0])));
  if (thread >= THREADS || failed) {
    return;
  }
  //@unroll
  for (var k = 0u; k < PER_THREAD; k++) {
    let i = thread + k * THREADS;
    let a = average[i];
    average[i] = a + rest * (parameters[i] - a);
  }
}
