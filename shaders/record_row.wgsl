// Writes one number from each of a few buffers side by side into row `row % ROWS` of a table: the
// losses of a step go into a log on the device, which is read once in a while.

const ROWS = 1u;
const COLUMNS = 1u;

@group(0) @binding(0) var<storage, read> row: array<u32>;
//@insert bindings
@group(0) @binding(1) var<storage, read_write> table: array<f32>;

@compute @workgroup_size(1, 1, 1)
fn main() {
  let at = (row[0] % ROWS) * COLUMNS;
  //@insert stores
}
