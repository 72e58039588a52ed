// Random numbers by Philox 4×32 with 10 rounds (Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", 2011). The numbers depend on nothing but the key (a seed), and the counter (the block
// of four elements, the step, the stream, the domain): no state is kept. Each thread makes four.

const WORKGROUP = 64u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const THREADS = 1u;
const SEED_0 = 0u;
const SEED_1 = 0u;
const STREAM = 0u;
const DOMAIN = 0u; // last word of the counter
const FIRST = 0u; // block of the first thread
const NORMAL = false;
const RAW = false;
const KEPT = false; // what is drawn is stored, too, before the epilogue

@group(0) @binding(0) var<storage, read> stepNumber: array<u32>;
//@insert bindings

alias F = vec4f;

//@epilogue
fn epilogue(value: F, i: u32) -> F {
  return value;
}

// High and low word of a·b.
fn multiply(a: u32, b: u32) -> vec2u {
  let a0 = a & 0xffffu;
  let a1 = a >> 16u;
  let b0 = b & 0xffffu;
  let b1 = b >> 16u;
  let middle = a1 * b0 + ((a0 * b0) >> 16u);
  let rest = a0 * b1 + (middle & 0xffffu);
  return vec2u(a1 * b1 + (middle >> 16u) + (rest >> 16u), a * b);
}

fn philox(start: vec4u, seed: vec2u) -> vec4u {
  var counter = start;
  var key = seed;
  //@unroll
  for (var i = 0u; i < 10u; i++) {
    let p = multiply(0xD2511F53u, counter.x);
    let q = multiply(0xCD9E8D57u, counter.z);
    counter = vec4u(q.x ^ counter.y ^ key.x, q.y, p.x ^ counter.w ^ key.y, p.y);
    key += vec2u(0x9E3779B9u, 0xBB67AE85u);
  }
  return counter;
}

@compute @workgroup_size(64, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let thread = (group.x + group.y * GROUPS_X + group.z * GROUPS_XY) * WORKGROUP + lane;
  if (thread >= THREADS) {
    return;
  }
  let bits = philox(vec4u(FIRST + thread, stepNumber[0], STREAM, DOMAIN), vec2u(SEED_0, SEED_1));
  if (RAW) { //@static
    y[thread] = bits;
  } else {
    // 24 bits, the most that a float in [0, 1) can have evenly spaced.
    var drawn = vec4f(bits >> vec4u(8u)) * 5.9604644775390625e-8;
    if (NORMAL) { //@static
      // Box–Muller. The radius takes 1 − u, which is never 0, and log may come out above 0 near 1;
      // the angle stays within [−π, π), where sin and cos are accurate.
      let radius = sqrt(max(vec2f(), -2.0 * log(1.0 - drawn.xz)));
      let angle = 6.283185307179586 * (drawn.yw - 0.5);
      drawn = vec4f(radius * cos(angle), radius * sin(angle)).xzyw;
    }
    y[thread] = epilogue(drawn, thread * 4u);
    if (KEPT) { //@static
      kept[thread] = drawn;
    }
  }
}
