// Writes the means of a few vectors side by side, from column FIRST on, into row `row % ROWS` of a table: the loss terms of
// a step go into a log on the device, which is read once in a while. One workgroup; each thread adds
// up every 64th element, then the threads' sums are added up in a fixed order.

const ROWS = 1u;
const COLUMNS = 1u; // of the table
const FIRST = 0u;
const COUNT = 1u; // elements of each vector
const WORKGROUP = 64u;

@group(0) @binding(0) var<storage, read> row: array<u32>;
//@insert bindings
@group(0) @binding(1) var<storage, read_write> table: array<f32>;

var<workgroup> partial: array<f32, WORKGROUP>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(local_invocation_index) lane: u32) {
  let at = (row[0] % ROWS) * COLUMNS + FIRST;
  //@insert columns
}
