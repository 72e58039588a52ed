// Gradient of pooling, NHWC: each thread sums, for one element of x, what flows back from the
// windows that it lies in: their mean's share, or (PICK) all of it where it was the window's first
// largest element.

alias E = f32;
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
const PICK = false;

@group(0) @binding(0) var<storage, read> dy: array<E>;
//@insert bindings

// First window that reaches a place, where the padding is counted in.
fn firstWindow(place: u32, window: u32, stride: u32) -> u32 {
  return select(0u, (place - window) / stride + 1u, place >= window);
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
  let c = thread % CHANNELS;
  let pixel = thread / CHANNELS;
  let w = pixel % IN_W + PAD_LEFT;
  let h = (pixel / IN_W) % IN_H + PAD_TOP;
  let image = (pixel / (IN_W * IN_H)) * (OUT_H * OUT_W);
  var sum = E();
  for (var oh = firstWindow(h, WINDOW_H, STRIDE_H); oh < OUT_H && oh * STRIDE_H <= h; oh++) {
    for (var ow = firstWindow(w, WINDOW_W, STRIDE_W); ow < OUT_W && ow * STRIDE_W <= w; ow++) {
      let at = (image + oh * OUT_W + ow) * CHANNELS + c;
      if (PICK) { //@static
        if (position[at] == thread) {
          sum += dy[at];
        }
      } else {
        let top = max(oh * STRIDE_H, PAD_TOP);
        let left = max(ow * STRIDE_W, PAD_LEFT);
        let bottom = min(oh * STRIDE_H + WINDOW_H, IN_H + PAD_TOP);
        let right = min(ow * STRIDE_W + WINDOW_W, IN_W + PAD_LEFT);
        sum += dy[at] / f32((bottom - top) * (right - left));
      }
    }
  }
  dx[thread] = sum;
}
