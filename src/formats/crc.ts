/** CRC-32 of PNG, ZIP and gzip (ISO 3309). */
export const crc32 = checksum(0xedb88320);

/** CRC-32C (Castagnoli), of TensorBoard's event files. */
export const crc32c = checksum(0x82f63b78);

/** A reflected 32-bit cyclic redundancy check, byte by byte from a table. */
function checksum(polynomial: number): (bytes: Uint8Array) => number {
  const table = Uint32Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? polynomial ^ (c >>> 1) : c >>> 1;
    return c;
  });
  return (bytes) => {
    let c = 0xffffffff;
    for (const byte of bytes) c = table[(c ^ byte) & 0xff]! ^ (c >>> 8);
    return ~c >>> 0;
  };
}
