// RMSProp (Tieleman and Hinton 2012): s ← DECAY·s + (1 − DECAY)·g², then with the momentum's u
// PyTorch:    u ← MOMENTUM·u + g / (√s + ε);         p ← p − rate·u
// TensorFlow: u ← MOMENTUM·u + rate · g / √(s + ε);  p ← p − u   (TENSORFLOW)
//
// Every buffer is a flat arena of all parameters. Once a step was not finite (flag), parameters and
// state stay as they are.

const WORKGROUP = 64u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const THREADS = 1u;
const PER_THREAD = 4u; // groups of four elements; the arena has THREADS·PER_THREAD
const DECAY = 0.99;
const REST = 0.01; // 1 − DECAY, exact to the float
const MOMENTUM = 0.0;
const WITH_MOMENTUM = false;
const EPSILON = 0.00000001;
const TENSORFLOW = false;
const WEIGHT_DECAY = 0.0;
const NEVER = 0xffffffffu;

@group(0) @binding(0) var<storage, read> gradients: array<vec4f>;
@group(0) @binding(1) var<storage, read> learningRate: array<f32>;
@group(0) @binding(2) var<storage, read> control: array<f32>; // [factor of the gradients, norm]
@group(0) @binding(3) var<storage, read> flag: array<u32>;
@group(0) @binding(4) var<storage, read_write> parameters: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> square: array<vec4f>;
//@insert velocity

@compute @workgroup_size(64, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let thread = (group.x + group.y * GROUPS_X + group.z * GROUPS_XY) * WORKGROUP + lane;
  // What all threads read alike is read before any of them leaves: llvmpipe then loads it once.
  let failed = flag[0] != NEVER;
  let rate = learningRate[0];
  let factor = control[0];
  if (thread >= THREADS || failed) {
    return;
  }
  //@unroll
  for (var k = 0u; k < PER_THREAD; k++) {
    let i = thread + k * THREADS;
    let p = parameters[i];
    let g = gradients[i] * factor + WEIGHT_DECAY * p;
    let s = DECAY * square[i] + REST * g * g;
    square[i] = s;
    var change = vec4f();
    if (TENSORFLOW) { //@static
      change = rate * g / sqrt(s + EPSILON);
    } else {
      change = g / (sqrt(s) + EPSILON);
    }
    if (WITH_MOMENTUM) { //@static
      change += MOMENTUM * velocity[i];
      velocity[i] = change;
    }
    if (TENSORFLOW) { //@static
      parameters[i] = p - change;
    } else {
      parameters[i] = p - rate * change;
    }
  }
}
