// Pooling, NHWC: the mean or the largest element of each window; padding takes no part in either.
// Or (POSITION) where in x the first largest element is. Each thread does one channel, or four.

alias E = f32;
alias R = f32; // E, or its u32 counterpart for positions
const WORKGROUP = 64u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const THREADS = 1u;
const IN_H = 1u;
const IN_W = 1u;
const OUT_H = 1u;
const OUT_W = 1u;
const CHANNELS = 1u; // in units of E
const WINDOW_H = 1u;
const WINDOW_W = 1u;
const STRIDE_H = 1u;
const STRIDE_W = 1u;
const PAD_TOP = 0u;
const PAD_LEFT = 0u;
const MEAN = false;
const POSITION = false;

@group(0) @binding(0) var<storage, read> x: array<E>;
@group(0) @binding(1) var<storage, read_write> y: array<R>;

@compute @workgroup_size(64, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let thread = (group.x + group.y * GROUPS_X + group.z * GROUPS_XY) * WORKGROUP + lane;
  if (thread >= THREADS) {
    return;
  }
  let c = thread % CHANNELS;
  let pixel = thread / CHANNELS;
  let left = (pixel % OUT_W) * STRIDE_W;
  let top = ((pixel / OUT_W) % OUT_H) * STRIDE_H;
  let image = (pixel / (OUT_W * OUT_H)) * (IN_H * IN_W);
  // The part of the window that lies in the image.
  let h0 = max(top, PAD_TOP) - PAD_TOP;
  let w0 = max(left, PAD_LEFT) - PAD_LEFT;
  let h1 = min(top + WINDOW_H - PAD_TOP, IN_H);
  let w1 = min(left + WINDOW_W - PAD_LEFT, IN_W);
  var best = x[(image + h0 * IN_W + w0) * CHANNELS + c];
  var position = R();
  if (POSITION) { //@static
    position = R((image + h0 * IN_W + w0) * CHANNELS + c);
  }
  if (MEAN) { //@static
    best = E();
  }
  for (var h = h0; h < h1; h++) {
    for (var w = w0; w < w1; w++) {
      let at = (image + h * IN_W + w) * CHANNELS + c;
      let value = x[at];
      if (MEAN) { //@static
        best += value;
      } else {
        if (POSITION) { //@static
          if (value > best) {
            position = R(at);
          }
        }
        best = max(best, value);
      }
    }
  }
  if (MEAN) { //@static
    best /= f32((h1 - h0) * (w1 - w0));
  }
  if (POSITION) { //@static
    y[thread] = position;
  } else {
    y[thread] = R(best);
  }
}
