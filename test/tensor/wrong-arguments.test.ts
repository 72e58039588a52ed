import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as l from "../../src/index.ts";
import { testDevice } from "../support/device.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("wrong arguments");

const { DeviceError, DTypeError, ShapeError, UsageError } = l;

/** What a JavaScript user may give where the types say otherwise. */
type Loose = (...args: unknown[]) => unknown;
const loose = (fn: unknown): Loose => fn as Loose;
const make =
  (Kind: unknown) =>
  (...args: unknown[]): unknown =>
    new (Kind as new (...args: unknown[]) => unknown)(...args);

type Case = readonly [
  run: () => unknown,
  kind: new (...parameters: never[]) => Error,
  message: string,
];

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

async function refused(cases: readonly Case[]): Promise<void> {
  const { dispatches, submits } = device;
  for (const [run, kind, message] of cases) {
    const text = message.replace(/[[\](){}.?+*|^$]/g, "\\$&").replaceAll("…", ".*");
    await rejects(run, kind, new RegExp(`^${text}$`));
  }
  assert.equal([device.dispatches, device.submits], [dispatches, submits]);
}

const aDevice = "wanted a device, as openDevice gives it";

test("a device that is forgotten or not awaited", () => {
  const random = new l.HostRandom(1);
  const image = { height: 2, width: 2, channels: 1 };
  const firsts: [string, Loose][] = [
    ["tensor", loose(l.tensor)],
    ["scalar", loose(l.scalar)],
    ["full", loose(l.full)],
    ["zeros", loose(l.zeros)],
    ["ones", loose(l.ones)],
    ["empty", loose(l.empty)],
    ["variable", loose(l.variable)],
    ["parameter", loose(l.parameter)],
    ["bytes", loose(l.bytes)],
    ["scope", loose(l.scope)],
    ["record", loose(l.record)],
    ["randomUniform", loose(l.randomUniform)],
    ["randomNormal", loose(l.randomNormal)],
    ["batchIndices", loose(l.batchIndices)],
    ["tune", loose(l.tune)],
    ["tunableKernels", loose(l.tunableKernels)],
    ["adam", make(l.Adam)],
    ["adamw", make(l.AdamW)],
    ["rmsprop", make(l.RmsProp)],
    ["sgd", make(l.Sgd)],
    ["linear", make(l.Linear)],
    ["conv", (first) => make(l.Conv2d)(first, random, 1, 1, 1)],
    ["convTranspose", (first) => make(l.ConvTranspose2d)(first, random, 1, 1, 1)],
    ["batchNorm", make(l.BatchNorm)],
    ["deviceImages", make(l.DeviceImages)],
    ["vae", (first) => make(l.Vae)(first, random, image, {})],
    ["ae", (first) => make(l.PlainAutoencoder)(first, random, image, {})],
    ["classifier", (first) => make(l.Classifier)(first, random, image, {})],
    ["dual-aae", (first) => make(l.DualAae)(first, random, image, {})],
  ];
  return refused(
    firsts.flatMap(([op, run]): Case[] => [
      [() => run([1, 2, 3]), DeviceError, `${op}: device is an array, ${aDevice}`],
      [() => run(undefined), DeviceError, `${op}: device is undefined, ${aDevice}`],
      [
        () => run(Promise.resolve(device)),
        DeviceError,
        `${op}: device is a promise, ${aDevice}: await it`,
      ],
    ]),
  );
});

test("options that are missing, misnamed or of another kind", () => {
  const random = new l.HostRandom(1);
  const image = { height: 2, width: 2, channels: 1 };
  const adam = (options: unknown) => () => make(l.Adam)(device, [x], options);
  const vae = (options: unknown, Kind: unknown = l.Vae) => {
    return () => make(Kind)(device, random, image, options);
  };
  const right = { network: "dense", latent: 2, beta: 1, width: 0.01 };
  return refused([
    [adam(undefined), UsageError, "adam: options is undefined, wanted an object { learningRate, …"],
    [adam(0.1), UsageError, "adam: options is 0.1, wanted an object { learningRate, …"],
    [adam({}), UsageError, 'adam: the option "learningRate" is missing, wanted a number'],
    [
      adam({ learningrate: 0.1 }),
      UsageError,
      'adam: unknown option "learningrate" (did you mean learningRate?)',
    ],
    [
      adam({ learningRate: "0.1" }),
      UsageError,
      'adam: the option "learningRate" is a string, wanted a number',
    ],
    [
      () => make(l.RmsProp)(device, [x], { learningRate: 0.1, convention: "torch" }),
      UsageError,
      'rmsprop: convention is "torch", wanted pytorch or tensorflow',
    ],
    [
      () => make(l.Adam)(device, [{ name: "w", tensor: x }], { learningRate: 0.1 }),
      DTypeError,
      "adam: parameters[0] is a named tensor, wanted the tensor: model.parameters().map((p) => p.tensor)",
    ],
    [
      () => make(l.Adam)(device, x, { learningRate: 0.1 }),
      DTypeError,
      "adam: parameters is a Tensor, wanted an array of tensors",
    ],
    [vae(null), UsageError, "vae: settings is null, wanted an object { network, …"],
    [
      vae(Promise.resolve(right)),
      UsageError,
      "vae: settings is a promise, wanted an object { network, … }: await it",
    ],
    [
      vae({ ...right, latents: 2 }),
      UsageError,
      'vae: unknown setting "latents" (did you mean latent?)',
    ],
    [
      vae({ ...right, network: "densee" }),
      UsageError,
      'vae: network is "densee", wanted conv, dense, … (did you mean dense?)',
    ],
    [vae({ ...right, network: "unet" }), UsageError, 'vae: network is "unet", wanted conv, …'],
    [
      vae({ ...right, likelihood: "poisson" }),
      UsageError,
      'vae: likelihood is "poisson", wanted auto, …',
    ],
    [
      vae({ ...right, latent: 2.5 }),
      UsageError,
      "vae: latent is 2.5, wanted a whole number from 1 to 1024",
    ],
    [
      vae({ ...right, latent: "2" }),
      UsageError,
      'vae: latent is "2", wanted a whole number from 1 to 1024',
    ],
    [
      vae({ ...right, beta: [1] }),
      UsageError,
      "vae: beta is an array, wanted a number from 0 to 1000000",
    ],
    [
      vae({ movable: "yes" }, l.LambdaHotVae),
      UsageError,
      'lambda-hot: movable is "yes", wanted true or false',
    ],
    [
      vae({ network: "dense", latent: 2, width: 1, beta: 1 }, l.WaeMmd),
      UsageError,
      'wae-mmd: unknown setting "beta"; there are network, …',
    ],
    [
      () => make(l.Vae)(device, random, undefined, right),
      UsageError,
      "vae: image is undefined, wanted an object { height, width, channels }",
    ],
    [
      () => make(l.Vae)(device, 1, image, right),
      UsageError,
      "vae: random is 1, wanted a HostRandom: new HostRandom(seed)",
    ],
    [
      () => make(l.Linear)(device, random, 2.5, 3),
      ShapeError,
      "linear: inputs is 2.5, wanted a whole number from 1 on",
    ],
    [
      () => make(l.Linear)(device, random, 2, 3, { biases: false }),
      UsageError,
      'linear: unknown option "biases" (did you mean bias?)',
    ],
    [
      () => make(l.Conv2d)(device, random, 1, 1, 3, { strides: 2 }),
      UsageError,
      'conv: unknown option "strides" (did you mean stride?)',
    ],
    [
      () => make(l.BatchNorm)(device, "4"),
      ShapeError,
      "batchNorm: channels is a string, wanted a whole number from 1 on",
    ],
    [
      () => make(l.Sequential)(l.ReLU),
      UsageError,
      "sequential: layer 0 is a function, wanted a layer: call it, or wrap it in new Lambda(fn)",
    ],
    [
      () => loose(l.conv2d)(x, x, { paddings: 1 }),
      UsageError,
      'conv2d: unknown option "paddings" (did you mean padding?)',
    ],
    [
      () => loose(l.matmul)(x, x, { transposeb: true }),
      UsageError,
      'matmul: unknown option "transposeb" (did you mean transposeB?)',
    ],
    [
      () => loose(l.openDevice)({ adapter: "gpu" }),
      UsageError,
      'openDevice: unknown option "adapter"…',
    ],
    [
      () => loose(l.imageGrid)(x),
      UsageError,
      "imageGrid: images is a Tensor, wanted an object { values, …",
    ],
    [
      () => make(l.HostRandom)(),
      UsageError,
      "hostRandom: seed is undefined, wanted a whole number …",
    ],
    [() => make(l.HostRandom)(-1), UsageError, "hostRandom: seed is -1, wanted a whole number …"],
    [
      () => make(l.ShuffledBatches)(x, 1),
      UsageError,
      "shuffledBatches: images is a Tensor, wanted DeviceImages",
    ],
    [
      () => make(l.WeightAverage)([x], 0.9),
      UsageError,
      "weightAverage: optimiser is an array, wanted an optimiser",
    ],
  ]);
});

test("data and shapes that make no tensor", () => {
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
  return refused([
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
      `w: data is an array, ${typed}: ${makes}`,
    ],
    [
      () => loose(l.upload)([1], Float32Array.of(1)),
      DTypeError,
      "upload: target is an array, wanted a variable",
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
    [() => loose(l.sum)(x, "0"), ShapeError, 'sum: [2, 2] has no axis "0"'],
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

test("derivatives that cannot be", () => {
  const w = l.track(x);
  const y = l.mul(w, w);
  const loss = l.sum(y);
  const fresh = () => l.sum(l.mul(x, 2));
  device.flush();
  const once = fresh();
  const cut = l.noGrad(() => l.sum(l.mul(w, 2)));
  device.flush();
  return refused([
    [
      () => l.grad(once, [x]),
      ShapeError,
      "grad: wrt[0] (tensor [2, 2]) is not tracked: compute the output from x = track(tensor), or from a parameter, and ask for x",
    ],
    [
      () => l.grad(cut, [w]),
      ShapeError,
      "grad: the output is not on the tape: it was computed without the tape, by ops that have no derivative, or before track() gave wrt[0] (tensor [2, 2])",
    ],
    [
      () => l.grad(y, [w]),
      ShapeError,
      "grad: the output is [2, 2], wanted one element: reduce it, as with sum(y) or mean(y), or give its cotangent as the option dy",
    ],
    [
      () => l.grad(y, [w], { dy: l.stopGradient(loss) }),
      ShapeError,
      "grad: the cotangent is [], the output [2, 2]",
    ],
    [
      () => loose(l.grad)(loss, w),
      DTypeError,
      "grad: wrt is a tensor, wanted an array of tensors: grad(y, [x])",
    ],
    [
      () => loose(l.grad)(loss, [w], { allowunused: true }),
      UsageError,
      'grad: unknown option "allowunused" (did you mean allowUnused?)',
    ],
    [
      () => loose(l.grad)(async () => loss, [w]),
      DTypeError,
      "grad: output is a function, wanted a tensor",
    ],
  ]);
});

test.run();
