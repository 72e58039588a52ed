// Rows of a table by their numbers: y[i, :] = table[indices[i], :]. A number beyond the last row
// reads the last row. Each thread copies one element E, or four. Where the table is a part of a larger
// one, the rows that other parts have are 0.

alias E = f32;
const WORKGROUP = 64u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const THREADS = 1u;
const ROWS = 1u;
const LENGTH = 1u; // of a row, in units of E
const PART = false;
const FIRST = 0u; // number of the part's first row
const LAST = 0u; // and the last that is looked up in it

@group(0) @binding(0) var<storage, read> table: array<E>;
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
  y[thread] = table[at];
}
