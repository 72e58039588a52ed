// Does nothing: what does a dispatch cost by itself?

@group(0) @binding(0) var<storage, read_write> unused: array<u32>;

@compute @workgroup_size(64, 1, 1)
fn main() {
}
