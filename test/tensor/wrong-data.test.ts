import { suite } from "uvu";
import { testDevice } from "../support/device.ts";
import * as l from "../support/library.ts";
import { type Case, loose, refused } from "../support/refused.ts";

const test = suite("data and shapes that make no tensor");

const { DTypeError, ShapeError, UsageError } = l;

let device: l.Device;
let x: l.Tensor;
test.before(async () => {
  device = await testDevice();
  x = l.tensor(device, [
    [1, 2],
    [3, 4],
  ]);
  await device.finish();
});

test("are refused before anything runs", () => {
  const tensor =
    (data: unknown, ...shape: unknown[]) =>
    () =>
      loose(l.tensor)(device, data, ...shape);
  const typed = "wanted a Float32Array or a Uint32Array";
  const makes = "Float32Array.from(data) makes one";
  const arrays = {
    "a Float64Array": new Float64Array(2),
    "an Int32Array": new Int32Array(2),
    "an Int8Array": new Int8Array(2),
    "a Uint16Array": new Uint16Array(2),
    "a Uint8ClampedArray": new Uint8ClampedArray(2),
  };
  return refused(device, [
    ...Object.entries(arrays).map(([name, data]): Case => {
      return [tensor(data), DTypeError, `tensor: data is ${name}, ${typed}: ${makes}`];
    }),
    [
      tensor(new Uint8Array(2)),
      DTypeError,
      `tensor: data is a Uint8Array, ${typed}: bytes(device, data, shape) takes bytes`,
    ],
    [
      tensor(BigInt64Array.of(1n)),
      DTypeError,
      `tensor: data is a BigInt64Array, ${typed}: Float32Array.from(data, Number) makes one`,
    ],
    [tensor(new DataView(new ArrayBuffer(4))), DTypeError, `tensor: data is a DataView, ${typed}`],
    [
      tensor(undefined),
      DTypeError,
      "tensor: data is undefined, wanted numbers in nested arrays or a typed array",
    ],
    [
      tensor(null),
      DTypeError,
      "tensor: data is null, wanted numbers in nested arrays or a typed array",
    ],
    [
      tensor("1"),
      DTypeError,
      "tensor: data is a string, wanted numbers in nested arrays or a typed array",
    ],
    [tensor([1, null]), DTypeError, "tensor: data holds null, wanted numbers in nested arrays"],
    [
      tensor([
        [1, 2],
        ["3", 4],
      ]),
      DTypeError,
      "tensor: data holds a string, wanted numbers in nested arrays",
    ],
    [tensor([[1, 2], [3]]), ShapeError, "tensor: data has rows of different lengths: [2] and [1]"],
    [
      tensor([[[1]], [[1, 2]]]),
      ShapeError,
      "tensor: data has rows of different lengths: [1, 1] and [1, 2]",
    ],
    [
      tensor([1, 2], 2),
      ShapeError,
      "tensor: shape is 2, wanted an array of lengths, such as [2, 3]",
    ],
    [
      tensor([1, 2], "2"),
      ShapeError,
      "tensor: shape is a string, wanted an array of lengths, such as [2, 3]",
    ],
    [tensor([1, 2], [Number.NaN]), ShapeError, "tensor: [NaN] is no shape: NaN is no length"],
    [tensor([1, 2], [-2]), ShapeError, "tensor: [-2] is no shape: -2 is no length"],
    [
      () => loose(l.zeros)(device, 3),
      ShapeError,
      "zeros: shape is 3, wanted an array of lengths, such as [2, 3]",
    ],
    [() => loose(l.full)(device, [2], "1"), DTypeError, "full: x is a string, wanted a number"],
    [() => loose(l.scalar)(device), DTypeError, "scalar: x is undefined, wanted a number"],
    [
      () => loose(l.variable)(device, [1], [1], "w"),
      DTypeError,
      `variable "w": data is an array, ${typed}: ${makes}`,
    ],
    [
      () => loose(l.reshape)(x, 4),
      ShapeError,
      "reshape: shape is 4, wanted an array of whole numbers",
    ],
    [
      () => loose(l.reshape)(x, ["4"]),
      ShapeError,
      "reshape: shape[0] is a string, wanted a whole number",
    ],
    [
      () => loose(l.transpose)(x, 1),
      ShapeError,
      "transpose: order is 1, wanted an array of whole numbers",
    ],
    [
      () => loose(l.slice)(x, 0, 1),
      ShapeError,
      "slice: begin is 0, wanted an array of whole numbers",
    ],
    [
      () => loose(l.pad)(x, 1),
      DTypeError,
      "pad: widths is 1, wanted an array of [before, after], …",
    ],
    [
      () => loose(l.split)(x, 0, 2),
      ShapeError,
      "split: lengths is 2, wanted an array of whole numbers",
    ],
    [
      () => loose(l.sliceAxis)(x, 2, 0, 1),
      ShapeError,
      "sliceAxis: axis is 2, wanted a whole number from 0 to 1",
    ],
    [
      () => loose(l.sum)(x, "0"),
      ShapeError,
      "sum: axes is a string, wanted the number of an axis, or an array of them",
    ],
    [
      () => loose(l.concat)(x),
      DTypeError,
      "concat: tensors is a Tensor, wanted an array of tensors",
    ],
    [() => loose(l.stack)([]), ShapeError, "stack: there are no tensors"],
    [
      () => loose(l.oneHot)(l.empty(device, [0], "u32"), -1),
      ShapeError,
      "oneHot: classes is -1, wanted …",
    ],
    [() => loose(l.scope)(device), UsageError, "scope: body is undefined, wanted a function, …"],
    [
      () => loose(l.record)(device, x),
      UsageError,
      "record: body is a Tensor, wanted a function, …",
    ],
  ]);
});

test.run();
