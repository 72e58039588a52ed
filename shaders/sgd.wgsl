// Gradient descent with momentum (PyTorch's SGD; Sutskever et al. 2013 for Nesterov's form):
// g ← gradient + DECAY·p;  v ← MOMENTUM·v + g;  p ← p − rate·(NESTEROV ? g + MOMENTUM·v : v)
//
// Every buffer is a flat arena of all parameters. Once a step was not finite (flag), parameters and
// state stay as they are.

const WORKGROUP = 64u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const THREADS = 1u;
const PER_THREAD = 4u; // groups of four elements; the arena has THREADS·PER_THREAD
const DECAY = 0.0;
const MOMENTUM = 0.0;
const WITH_MOMENTUM = false;
const NESTEROV = false;
const NEVER = 0xffffffffu;

@group(0) @binding(0) var<storage, read> gradients: array<vec4f>;
@group(0) @binding(1) var<storage, read> learningRate: array<f32>;
@group(0) @binding(2) var<storage, read> control: array<f32>; // [factor of the gradients, norm]
@group(0) @binding(3) var<storage, read> flag: array<u32>;
@group(0) @binding(4) var<storage, read_write> parameters: array<vec4f>;
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
    let g = gradients[i] * factor + DECAY * p;
    var direction = g;
    if (WITH_MOMENTUM) { //@static
      let v = MOMENTUM * velocity[i] + g;
      velocity[i] = v;
      direction = v;
      if (NESTEROV) { //@static
        direction = g + MOMENTUM * v;
      }
    }
    parameters[i] = p - rate * direction;
  }
}
