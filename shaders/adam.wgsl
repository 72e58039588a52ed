// Adam (Kingma and Ba 2015), and AdamW where the decay is DECOUPLED (Loshchilov and Hutter 2019):
// m ← β₁m + (1 − β₁)g;  v ← β₂v + (1 − β₂)g²;
// p ← p − rate · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε), where t is the number of the update, from 1: that of
// the step, or in steps of several updates the step's number · SUBSTEPS − those of the step behind this one.
//
// Every buffer is a flat arena of all parameters. Once a step was not finite (flag), parameters and
// state stay as they are.

const WORKGROUP = 64u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const THREADS = 1u;
const PER_THREAD = 4u; // groups of four elements; the arena has THREADS·PER_THREAD
const BETA_1 = 0.9;
const BETA_2 = 0.999;
const REST_1 = 0.1; // 1 − β, exact to the float
const REST_2 = 0.001;
const LOG_BETA_1 = -0.1053605; // −80 stands for the logarithm of 0
const LOG_BETA_2 = -0.0010005;
const EPSILON = 0.00000001;
const DECAY = 0.0;
const DECOUPLED = false;
const SUBSTEPS = 1u; // updates in a step
const BEHIND = 0u; // updates behind this one in its step
const NEVER = 0xffffffffu;

@group(0) @binding(0) var<storage, read> gradients: array<vec4f>;
@group(0) @binding(1) var<storage, read> learningRate: array<f32>;
@group(0) @binding(2) var<storage, read> control: array<f32>; // [factor of the gradients, norm]
@group(0) @binding(3) var<storage, read> flag: array<u32>;
@group(0) @binding(4) var<storage, read> stepNumber: array<u32>;
@group(0) @binding(5) var<storage, read_write> parameters: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> first: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> second: array<vec4f>;

// 1 − exp(x) for x ≤ 0. Near 0 the difference would lose its digits: Taylor's series.
fn complement(x: f32) -> f32 {
  let series = x * (1.0 + x / 2.0 * (1.0 + x / 3.0 * (1.0 + x / 4.0 * (1.0 + x / 5.0
    * (1.0 + x / 6.0 * (1.0 + x / 7.0 * (1.0 + x / 8.0)))))));
  return select(1.0 - exp(max(x, -80.0)), -series, x > -0.5);
}

@compute @workgroup_size(64, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let thread = (group.x + group.y * GROUPS_X + group.z * GROUPS_XY) * WORKGROUP + lane;
  // What all threads read alike is read before any of them leaves: llvmpipe then loads it once.
  let failed = flag[0] != NEVER;
  let t = f32(stepNumber[0] * SUBSTEPS - BEHIND);
  let rate = learningRate[0];
  let factor = control[0];
  if (thread >= THREADS || failed) {
    return;
  }
  let pace = rate / complement(t * LOG_BETA_1);
  let correction = 1.0 / complement(t * LOG_BETA_2);
  //@unroll
  for (var k = 0u; k < PER_THREAD; k++) {
    let i = thread + k * THREADS;
    var p = parameters[i];
    var g = gradients[i] * factor;
    if (DECOUPLED) { //@static
      p -= rate * DECAY * p;
    } else {
      g += DECAY * p;
    }
    let m = BETA_1 * first[i] + REST_1 * g;
    let v = BETA_2 * second[i] + REST_2 * g * g;
    first[i] = m;
    second[i] = v;
    parameters[i] = p - pace * m / (sqrt(v * correction) + EPSILON);
  }
}
