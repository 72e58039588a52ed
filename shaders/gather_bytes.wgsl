// Rows of a table of bytes by their numbers, as floats: y[i, :] = SCALE · table[indices[i], :]. The
// bytes are packed four to a word, the first in the lowest bits. A number beyond the last row reads
// the last row. Each thread writes one element, or the four of one word. Where the table is a part of
// a larger one, the rows that other parts have are 0.

alias E = vec4f;
const WORKGROUP = 64u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const THREADS = 1u;
const ROWS = 1u;
const LENGTH = 1u; // of a row, in units of E
const PART = false;
const FIRST = 0u; // number of the part's first row
const LAST = 0u; // and the last that is looked up in it
const WIDE = true; // E is four elements: rows are whole words
const SCALE = 1.0;

@group(0) @binding(0) var<storage, read> table: array<u32>;
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
  let number = indices[thread / LENGTH];
  if (PART) { //@static
    if (number < FIRST || number > LAST) {
      y[thread] = E();
      return;
    }
  }
  let row = min(number - FIRST, ROWS - 1u);
  let at = row * LENGTH + thread % LENGTH;
  if (WIDE) { //@static
    let word = table[at];
    let four = vec4u(word, word >> 8u, word >> 16u, word >> 24u) & vec4u(255u);
    y[thread] = E(vec4f(four) * SCALE);
  } else {
    let byte = (table[at / 4u] >> (8u * (at % 4u))) & 255u;
    y[thread] = E(f32(byte) * SCALE);
  }
}
