// Numbers of the examples of a batch: place offset + i of a pseudo-random order of 0 … COUNT − 1.
// The order is a permutation computed place by place: a Feistel network permutes the numbers of
// 2·HALF bits, and is applied again as long as its result lies beyond COUNT (cycle walking).

const WORKGROUP = 64u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const THREADS = 1u;
const COUNT = 1u;
const HALF = 1u; // bits of each half; 4^HALF is less than 4·COUNT, but for a COUNT of 1
const ROUNDS = 8u;
const SEED_0 = 0u;
const SEED_1 = 0u;

@group(0) @binding(0) var<storage, read> position: array<u32>; // [epoch, offset]
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

// The finaliser of MurmurHash3: every bit of x reaches every bit of the result.
fn mix(x: u32) -> u32 {
  var h = x;
  h = (h ^ (h >> 16u)) * 0x85EBCA6Bu;
  h = (h ^ (h >> 13u)) * 0xC2B2AE35u;
  return h ^ (h >> 16u);
}

// Rounds differ in how they mix seed and epoch, so that two epochs or seeds share no whole key.
fn roundKey(round: u32, epoch: u32) -> u32 {
  return mix(SEED_0 ^ mix(SEED_1 ^ mix(epoch ^ mix(round + 0x9E3779B9u))));
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
  let epoch = position[0];
  let mask = (1u << HALF) - 1u;
  var n = (position[1] % COUNT + thread % COUNT) % COUNT;
  // A cycle of the network has at most 4^HALF − COUNT places beyond COUNT: the walk ends.
  for (var walk = 0u; walk <= (1u << (2u * HALF)) - COUNT; walk++) {
    var left = n >> HALF;
    var right = n & mask;
    for (var i = 0u; i < ROUNDS; i++) {
      let next = left ^ (mix(right ^ roundKey(i, epoch)) & mask);
      left = right;
      right = next;
    }
    n = (left << HALF) | right;
    if (n < COUNT) {
      break;
    }
  }
  y[thread] = n;
}
