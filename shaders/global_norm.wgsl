// The norm of all gradients from the shares of the sum of their squares, and the factor that limits
// it to CLIP. One workgroup.

const WORKGROUP = 64u;
const SHARES = 1u;
const CLIP = 1.0;

@group(0) @binding(0) var<storage, read> shares: array<f32>;
@group(0) @binding(1) var<storage, read_write> control: array<f32>; // [factor, norm]

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var i = lane; i < SHARES; i += WORKGROUP) {
    sum += shares[i];
  }
  sums[lane] = sum;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      sums[lane] += sums[lane + half];
    }
    workgroupBarrier();
  }
  if (lane == 0u) {
    // Squares may overflow where the gradients are finite: such a step moves nothing.
    let overflow = (bitcast<u32>(sums[0]) & 0x7f800000u) == 0x7f800000u;
    let norm = sqrt(sums[0]);
    control[0] = select(min(1.0, CLIP / (norm + 1e-6)), 0.0, overflow);
    control[1] = norm;
  }
}
