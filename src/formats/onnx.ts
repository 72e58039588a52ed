import { LatentgradError } from "../gpu/errors.ts";
import { Message } from "./protobuf.ts";

/*
 * Models in the Open Neural Network Exchange format, as far as they are written here: graphs of
 * operators on float tensors. Field numbers and enumerations are those of onnx.proto
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
 */

/** Version of the operators' definitions: of December 2020, which every runtime of today knows. */
export const OPSET = 13;
/** Version of the file format that came with it. */
const IR_VERSION = 7;
/** Protocol Buffers allow no larger message. */
const LARGEST_FILE = 2 ** 31 - 1;

const FLOAT = 1;
const INT64 = 7;

/** A constant of the graph. Integers are ONNX' shapes, axes and classes. */
export interface OnnxTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array | BigInt64Array;
}

/** An attribute of an operator: an integer, a float, or integers. */
export type OnnxAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] };

/** One operator. */
export interface OnnxNode {
  readonly name: string;
  /** As ONNX calls it: `Conv`. */
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

/** What goes into a graph or comes out of it. */
export interface OnnxValue {
  readonly name: string;
  readonly type: "float32" | "int64";
  /** A length that may be any has a name. */
  readonly shape: readonly (number | string)[];
  /** What it holds, in a line. */
  readonly description: string;
}

/** A graph with what is said about it. Nodes stand behind those whose results they take. */
export interface OnnxModel {
  readonly name: string;
  readonly description: string;
  readonly producer: { readonly name: string; readonly version: string };
  readonly metadata: Readonly<Record<string, string>>;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxTensor[];
}

/**
 * An ONNX file.
 *
 * @throws LatentgradError for a model of 2 GiB or more, which the format does not hold
 */
export function writeOnnx(model: OnnxModel): Uint8Array<ArrayBuffer> {
  const message = new Message()
    .int(1, IR_VERSION)
    .text(2, model.producer.name)
    .text(3, model.producer.version)
    .text(6, model.description)
    .message(7, graphMessage(model))
    // The domain "" is that of the standard operators.
    .message(8, new Message().text(1, "").int(2, OPSET));
  for (const [key, value] of Object.entries(model.metadata))
    message.message(14, new Message().text(1, key).text(2, value));
  if (message.size > LARGEST_FILE)
    throw new LatentgradError(
      `${model.name}: ONNX files hold less than 2 GiB, and this would have ${message.size.toLocaleString("en")} bytes`,
    );
  return message.finish();
}

function graphMessage({ name, nodes, constants, inputs, outputs }: OnnxModel): Message {
  const graph = new Message();
  for (const node of nodes) graph.message(1, nodeMessage(node));
  graph.text(2, name);
  for (const constant of constants) graph.message(5, tensorMessage(constant));
  for (const value of inputs) graph.message(11, valueMessage(value));
  for (const value of outputs) graph.message(12, valueMessage(value));
  return graph;
}

function nodeMessage({ name, op, inputs, outputs, attributes = {} }: OnnxNode): Message {
  const node = new Message();
  for (const input of inputs) node.text(1, input);
  for (const output of outputs) node.text(2, output);
  node.text(3, name).text(4, op);
  for (const [key, value] of Object.entries(attributes))
    node.message(5, attributeMessage(key, value));
  return node;
}

/** The kinds' numbers in AttributeProto.AttributeType. */
function attributeMessage(name: string, value: OnnxAttribute): Message {
  const attribute = new Message().text(1, name);
  if ("float" in value) return attribute.float(2, value.float).int(20, 1);
  if ("int" in value) return attribute.int(3, value.int).int(20, 2);
  for (const each of value.ints) attribute.int(8, each);
  return attribute.int(20, 7);
}

function tensorMessage({ name, shape, values }: OnnxTensor): Message {
  const tensor = new Message();
  for (const length of shape) tensor.int(1, length);
  // Little-endian, as every machine is that has WebGPU.
  const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return tensor
    .int(2, values instanceof Float32Array ? FLOAT : INT64)
    .text(8, name)
    .bytes(9, raw);
}

function valueMessage({ name, type, shape, description }: OnnxValue): Message {
  const dimensions = new Message();
  for (const length of shape)
    dimensions.message(
      1,
      typeof length === "string" ? new Message().text(2, length) : new Message().int(1, length),
    );
  const tensor = new Message().int(1, type === "float32" ? FLOAT : INT64).message(2, dimensions);
  return new Message()
    .text(1, name)
    .message(2, new Message().message(1, tensor))
    .text(3, description);
}
