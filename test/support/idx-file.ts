/** An IDX file of bytes; `magic` overrides its first four. */
export function idxFile(
  shape: readonly number[],
  values: ArrayLike<number>,
  magic?: readonly number[],
): Uint8Array<ArrayBuffer> {
  const head = 4 + 4 * shape.length;
  const file = new Uint8Array(head + values.length);
  file.set(magic ?? [0, 0, 8, shape.length]);
  const view = new DataView(file.buffer);
  for (const [axis, size] of shape.entries()) view.setUint32(4 + 4 * axis, size);
  file.set(values, head);
  return file;
}

/** Bytes as a gzip file of one member. */
export async function gzipped(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
