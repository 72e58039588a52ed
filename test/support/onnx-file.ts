/** Reads ONNX files, written from the format's description alone: what the tests compare against. */

/** The fields of a message of Protocol Buffers by their numbers, in their order. */
type Fields = ReadonlyMap<number, readonly (bigint | Uint8Array)[]>;

/** Lengths and whole numbers, and what has a length. Floats of 32 bits come as their four bytes. */
function fieldsOf(bytes: Uint8Array): Fields {
  const fields = new Map<number, (bigint | Uint8Array)[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 63n) throw new Error("a number without an end");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
  };
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length) throw new Error("a field that is longer than its message");
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const key = Number(varint());
    const [field, wireType] = [key >> 3, key & 7];
    const value =
      wireType === 0 ? varint() : take(wireType === 2 ? Number(varint()) : wireType === 5 ? 4 : -1);
    fields.set(field, [...(fields.get(field) ?? []), value]);
  }
  return fields;
}

const text = (value: bigint | Uint8Array | undefined) =>
  new TextDecoder().decode(value as Uint8Array | undefined);
const texts = (fields: Fields, field: number) => (fields.get(field) ?? []).map(text);
const number = (fields: Fields, field: number) => Number(fields.get(field)?.[0] ?? 0n);
const numbers = (fields: Fields, field: number) => (fields.get(field) ?? []).map(Number);
const messages = (fields: Fields, field: number) =>
  (fields.get(field) ?? []).map((bytes) => fieldsOf(bytes as Uint8Array));

export interface ReadTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array | BigInt64Array;
}

export interface ReadNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, number | readonly number[]>>;
}

export interface ReadValue {
  readonly name: string;
  readonly type: number;
  readonly shape: readonly (number | string)[];
}

export interface ReadModel {
  readonly irVersion: number;
  readonly producer: string;
  readonly opsets: readonly { readonly domain: string; readonly version: number }[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly nodes: readonly ReadNode[];
  readonly constants: ReadonlyMap<string, ReadTensor>;
  readonly inputs: readonly ReadValue[];
  readonly outputs: readonly ReadValue[];
}

export function readOnnx(bytes: Uint8Array): ReadModel {
  const model = fieldsOf(bytes);
  const [graph] = messages(model, 7) as [Fields];
  const tensors = messages(graph, 5).map((tensor) => [text(tensor.get(8)?.[0]), read(tensor)]);
  return {
    irVersion: number(model, 1),
    producer: text(model.get(2)?.[0]),
    opsets: messages(model, 8).map((set) => ({
      domain: text(set.get(1)?.[0]),
      version: number(set, 2),
    })),
    metadata: Object.fromEntries(
      messages(model, 14).map((entry) => [text(entry.get(1)?.[0]), text(entry.get(2)?.[0])]),
    ),
    nodes: messages(graph, 1).map((node) => ({
      op: text(node.get(4)?.[0]),
      inputs: texts(node, 1),
      outputs: texts(node, 2),
      attributes: Object.fromEntries(messages(node, 5).map(attribute)),
    })),
    constants: new Map(tensors as [string, ReadTensor][]),
    inputs: messages(graph, 11).map(value),
    outputs: messages(graph, 12).map(value),
  };
}

function read(tensor: Fields): ReadTensor {
  const raw = Uint8Array.from((tensor.get(9) ?? [])[0] as Uint8Array).buffer;
  const values = number(tensor, 2) === 1 ? new Float32Array(raw) : new BigInt64Array(raw);
  return { shape: numbers(tensor, 1), values };
}

/** Floats are of kind 1, integers of kind 2, lists of integers of kind 7. */
function attribute(fields: Fields): [string, number | readonly number[]] {
  const name = text(fields.get(1)?.[0]);
  const kind = number(fields, 20);
  if (kind === 2) return [name, number(fields, 3)];
  if (kind === 7) return [name, numbers(fields, 8)];
  const bytes = fields.get(2)?.[0] as Uint8Array;
  return [name, new DataView(bytes.buffer, bytes.byteOffset).getFloat32(0, true)];
}

function value(fields: Fields): ReadValue {
  const [tensor] = messages(messages(fields, 2)[0] as Fields, 1) as [Fields];
  const [shape] = messages(tensor, 2) as [Fields];
  return {
    name: text(fields.get(1)?.[0]),
    type: number(tensor, 1),
    shape: messages(shape, 1).map((dim) => (dim.has(2) ? text(dim.get(2)?.[0]) : number(dim, 1))),
  };
}
