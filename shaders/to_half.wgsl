// Rounds f32 to f16, four elements a thread. In integers, since WGSL leaves to the adapter how a
// conversion rounds, whether it flushes small results to 0, and what becomes of numbers that are too
// large: here to the nearest (halfway cases to the even one), with subnormal results, and to the
// largest finite number. Infinity and NaN stay what they are.

const THREADS = 1u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const WORKGROUP = 64u;

@group(0) @binding(0) var<storage, read> x: array<vec4u>; // the bits of f32
@group(0) @binding(1) var<storage, read_write> y: array<vec2u>; // two f16 to a word

// The 16 bits of the f16 nearest to an f32.
fn half(bits: u32) -> u32 {
  let sign = (bits >> 16u) & 0x8000u;
  let size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) { // NaN
    return sign | 0x7e00u;
  }
  if (size == 0x7f800000u) { // infinity
    return sign | 0x7c00u;
  }
  if (size >= 0x477fe000u) { // from 65504 on
    return sign | 0x7bffu;
  }
  if (size >= 0x38800000u) { // from 2⁻¹⁴ on: other bias of the exponent, 13 digits fewer
    return sign | ((size - 0x38000000u + 0xfffu + ((size >> 13u) & 1u)) >> 13u);
  }
  // In units of 2⁻²⁴: the digits, with their leading one, are shifted by 14 and more.
  let shift = 126u - (size >> 23u);
  if (shift > 24u) { // less than half a unit
    return sign;
  }
  let digits = (size & 0x7fffffu) | 0x800000u;
  return sign | ((digits + (1u << (shift - 1u)) - 1u + ((digits >> shift) & 1u)) >> shift);
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
  let v = x[thread];
  y[thread] = vec2u(half(v.x) | (half(v.y) << 16u), half(v.z) | (half(v.w) << 16u));
}
