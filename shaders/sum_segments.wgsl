// Sums over the rows of several matrices in one dispatch: the bias gradients of all layers, and the
// shares that split sums left. Each thread adds up CHUNK rows of four neighbouring columns of one
// matrix. The order of the additions is fixed by the shapes.
//
// The host repeats what stands between `each` and `end` for every buffer that is read, and writes a
// branch for each matrix, which says what its threads read and where their sums go. The loops stand
// once for each buffer, not in the branches: compilers copy functions to where they are called, and
// SwiftShader's took 1.6 s for 13 branches, 0.4 s for their 4 buffers.

alias F = vec4f;
const WORKGROUP = 64u;
const GROUPS_X = 1u;
const GROUPS_XY = 1u;
const THREADS = 1u;
const BLOCK = 32u; // rows

//@insert helpers

//@each source
@group(0) @binding(0) var<storage, read> source: array<vec4f>;

// Σ of `rows` vectors, one every `stride`; in blocks, as in reduce.wgsl.
fn sumVectors(start: u32, rows: u32, stride: u32) -> vec4f {
  var total = vec4f();
  var lost = vec4f();
  var at = start;
  for (var first = 0u; first < rows; first += BLOCK) {
    var a = vec4f();
    var b = vec4f();
    var c = vec4f();
    var d = vec4f();
    let count = min(BLOCK, rows - first);
    let whole = count / 4u;
    for (var k = 0u; k < whole; k++) {
      a += source[at];
      b += source[at + stride];
      c += source[at + 2u * stride];
      d += source[at + 3u * stride];
      at += 4u * stride;
    }
    for (var k = whole * 4u; k < count; k++) {
      a += source[at];
      at += stride;
    }
    let part = (a + b) + (c + d);
    let sum = total + part;
    lost += roundedOff(total, part, sum);
    total = sum;
  }
  return corrected(total, lost);
}

// Σ of `count` ≤ 4 neighbouring numbers in `rows` rows, one every `stride` numbers; the lanes beyond are 0.
fn sumNumbers(start: u32, rows: u32, stride: u32, count: u32) -> vec4f {
  var total = vec4f();
  var lost = vec4f();
  for (var first = 0u; first < rows; first += BLOCK / 4u) {
    var part = vec4f();
    for (var k = first; k < min(first + BLOCK / 4u, rows); k++) {
      for (var lane = 0u; lane < count; lane++) {
        let at = start + k * stride + lane;
        part[lane] += source[at / 4u][at % 4u];
      }
    }
    let sum = total + part;
    lost += roundedOff(total, part, sum);
    total = sum;
  }
  return corrected(total, lost);
}
//@end

//@insert results

@compute @workgroup_size(64, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let thread = (group.x + group.y * GROUPS_X + group.z * GROUPS_XY) * WORKGROUP + lane;
  if (thread >= THREADS) {
    return;
  }
  var read = 0u; // which of the sums below
  var sums = 0u; // buffer that is written
  var own = thread; // among the threads of the matrix
  var place = 0u; // of the sums
  var lanes = 4u; // of them that are the matrix's
  var start = 0u; // in vectors, or numbers where the columns are no multiple of 4
  var rows = 0u;
  var stride = 0u;
  //@insert segments
  var total: vec4f;
  //@insert reads
  //@insert writes
}
