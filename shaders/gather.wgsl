// Rows of a table by their numbers: y[i, :] = table[indices[i], :]. A number beyond the last row
// reads the last row. Bytes (BYTES) are packed four to a word and become floats times SCALE.
// Each thread writes one element E, or four.

alias T = f32; // what the table is an array of: E, or u32 for bytes
alias E = f32;
const WORKGROUP = 64u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const THREADS = 1u;
const ROWS = 1u;
const LENGTH = 1u; // of a row, in units of E
const BYTES = false;
const WIDE = false; // E is four elements
const SCALE = 1.0;

@group(0) @binding(0) var<storage, read> table: array<T>;
@group(0) @binding(1) var<storage, read> indices: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<E>;

@compute @workgroup_size(64, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let thread = (group.x + group.y * GROUPS_X + group.z * GROUPS_XY) * WORKGROUP + lane;
  if (thread >= THREADS) {
    return;
  }
  let row = min(indices[thread / LENGTH], ROWS - 1u);
  let at = row * LENGTH + thread % LENGTH;
  if (BYTES) { //@static
    if (WIDE) { //@static
      let word = table[at];
      let four = vec4u(word, word >> 8u, word >> 16u, word >> 24u) & vec4u(255u);
      y[thread] = vec4f(four) * SCALE;
    } else {
      let word = table[at / 4u];
      y[thread] = f32((word >> (8u * (at % 4u))) & 255u) * SCALE;
    }
  } else {
    y[thread] = table[at];
  }
}
