/**
 * A message of Protocol Buffers that is written field by field
 * (https://protobuf.dev/programming-guides/encoding). Repeated fields are the same field again.
 */
export class Message {
  private readonly parts: Uint8Array[] = [];
  private length = 0;

  /** An integer of 64 bits, negative ones as their two's complement. */
  int(field: number, value: number | bigint): this {
    this.key(field, 0);
    return this.put(varint(value));
  }

  /** A float of 32 bits. */
  float(field: number, value: number): this {
    this.key(field, 5);
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.put(bytes);
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  /** The bytes are not copied before `finish`. */
  bytes(field: number, value: Uint8Array): this {
    this.key(field, 2);
    this.put(varint(value.length));
    return this.put(value);
  }

  message(field: number, { parts, length }: Message): this {
    this.key(field, 2);
    this.put(varint(length));
    for (const part of parts) this.put(part);
    return this;
  }

  /** How long the message is. */
  get size(): number {
    return this.length;
  }

  finish(): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }

  private key(field: number, wireType: 0 | 2 | 5): void {
    this.put(varint(field * 8 + wireType));
  }

  private put(bytes: Uint8Array): this {
    this.parts.push(bytes);
    this.length += bytes.length;
    return this;
  }
}

/** Seven bits a byte, the lowest first; all bytes but the last have the highest bit set. */
function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
