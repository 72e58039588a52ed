import { suite } from "uvu";
import { testDevice } from "../support/device.ts";
import * as l from "../support/library.ts";
import { type Case, type Loose, loose, make, refused } from "../support/refused.ts";

const test = suite("wrong arguments");

const { DeviceError, DTypeError, ShapeError, UsageError } = l;

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
    device,
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
  return refused(device, [
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
      () => make(l.Linear)(device, random, 2, 3, { initialiser: () => [1] }),
      UsageError,
      "linear: options.initialiser gives an array, wanted a Float32Array",
    ],
    [
      () =>
        make(l.ConvTranspose2d)(device, random, 1, 2, 3, {
          initialiser: () => new Float32Array(2),
        }),
      ShapeError,
      "convTranspose: options.initialiser gives 2 numbers, wanted 18 for [3, 3, 2, 1]",
    ],
    [
      adam({ learningRate: 0.1, stepState: x }),
      UsageError,
      "adam: options.stepState is a Tensor, wanted a StepState",
    ],
    [
      adam({ learningRate: 0.1, parameterGroupOf: x }),
      UsageError,
      "adam: options.parameterGroupOf is a Tensor, wanted an optimiser",
    ],
    [
      adam({ learningRate: 0.1 }),
      UsageError,
      "adam: parameters[0] (tensor [2, 2]) is no variable that can change, wanted a parameter: parameter(device, data, shape) makes one",
    ],
    [
      () => loose(l.parameter)(device, [1], [1], "w"),
      DTypeError,
      'parameter "w": data is an array, wanted a Float32Array: Float32Array.from(data) makes one',
    ],
    [
      () => loose(l.parameter)(device, Float32Array.of(1), 1, "w"),
      ShapeError,
      'parameter "w": shape is 1, wanted an array of lengths, such as [2, 3]',
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

test("models that know classes want their number", () => {
  const random = new l.HostRandom(1);
  const image = { height: 2, width: 2, channels: 1 };
  const models = [l.Classifier, l.ConditionalVae, l.DualAae, l.LambdaHotVae];
  return refused(
    device,
    models.flatMap((Kind): Case[] => {
      const { name } = Kind.description;
      return [undefined, 2.5, "2"].map((classes): Case => {
        const shown = typeof classes === "number" ? classes : classes ? "a string" : "undefined";
        return [
          () => make(Kind)(device, random, { ...image, classes }),
          ShapeError,
          `${name}: image.classes is ${shown}, wanted a whole number from 1…`,
        ];
      });
    }),
  );
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
  return refused(device, [
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
