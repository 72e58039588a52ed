// Notes the smallest tag among the checked buffers that hold a NaN or an infinity.
// The test is on the bits: a shader compiler may assume that no float is NaN and drop `x != x`.

const WORKGROUP = 64u;

@group(0) @binding(0) var<storage, read> values: array<u32>;
@group(0) @binding(1) var<storage, read> tag: array<u32>; // [tag, element count]
@group(0) @binding(2) var<storage, read_write> firstBad: atomic<u32>;

@compute @workgroup_size(64, 1, 1)
fn main(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
) {
  let stride = grid.x * WORKGROUP;
  var bad = false;
  for (var i = id.x; i < tag[1]; i += stride) {
    bad = bad || (values[i] & 0x7f800000u) == 0x7f800000u;
  }
  if (bad) {
    atomicMin(&firstBad, tag[0]);
  }
}
