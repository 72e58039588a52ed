// Writes the means of a few vectors side by side, from column FIRST on, into row `row[0] % ROWS` of a
// table: the loss terms of a step go into a log on the device, which is read once in a while. One
// workgroup; each thread adds up every 64th element, then the threads' sums are added up in a fixed
// order. Where it ADVANCES, row[0] counts the step, too, as does row[STAGE_STEP] within its stage, and
// [epoch, offset of the batch] at POSITION of `row` moves to the next batch.

const ROWS = 1u;
const COLUMNS = 1u; // of the table
const FIRST = 0u;
const COUNT = 1u; // elements of each vector
const ADVANCES = false;
const POSITION = 1u;
const STAGE_STEP = 3u;
const BATCH = 1u; // by which the offset grows
const END = 1u; // offset at which the next epoch begins
const WORKGROUP = 64u;

@group(0) @binding(0) var<storage, read> row: array<u32>;
//@insert bindings
@group(0) @binding(1) var<storage, read_write> table: array<f32>;

var<workgroup> partial: array<f32, WORKGROUP>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(local_invocation_index) lane: u32) {
  var at = 0u;
  if (lane == 0u) { // which alone writes, and changes the row
    at = (row[0] % ROWS) * COLUMNS + FIRST;
  }
  //@insert columns
  if (ADVANCES) { //@static
    if (lane == 0u) {
      row[0] += 1u;
      row[STAGE_STEP] += 1u;
      let next = row[POSITION + 1u] + BATCH;
      let over = next >= END;
      row[POSITION] += select(0u, 1u, over);
      row[POSITION + 1u] = select(next, 0u, over);
    }
  }
}
