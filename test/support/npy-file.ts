import { joined } from "./png-file.ts";

/** The dictionary of an array, of bytes by default, as NumPy writes it. */
export function npyDictionary(shape: readonly (number | string)[], type = "|u1"): string {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  return `{'descr': '${type}', 'fortran_order': False, 'shape': ${tuple}, }`;
}

/** A file in NumPy's format, whatever its header says. */
export function npyFile(dictionary: string, values: Uint8Array, version = 1): Uint8Array {
  const prefix = version === 1 ? 10 : 12;
  const text = dictionary.padEnd(
    64 * Math.ceil((prefix + dictionary.length + 1) / 64) - prefix - 1,
  );
  const length = text.length + 1;
  const size = version === 1 ? [length & 255, length >> 8] : [length & 255, length >> 8, 0, 0];
  const head = Uint8Array.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0, ...size]);
  return joined([head, new TextEncoder().encode(`${text}\n`), values]);
}
