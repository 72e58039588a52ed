import { type DType, Value } from "../../src/gpu/value.ts";
import * as library from "./library.ts";

type Device = library.Device;
type Tensor<D extends DType = "f32"> = library.Tensor<D>;
type Tensors = Readonly<Record<string, Tensor>>;

/** A tensor that a call takes. */
export interface Wanted {
  readonly shape: readonly number[];
  /** Types that it may hold; the first is what a call that works holds. */
  readonly dtypes: readonly DType[];
  readonly tracked?: true;
  /** A number may stand here. */
  readonly orNumber?: true;
  /** It may be left out, or that it is missing is another error. */
  readonly optional?: true;
}

/** One call with each tensor that it takes, by the name that errors give it. */
export interface Call {
  readonly op: string;
  readonly takes: Readonly<Record<string, Wanted>>;
  readonly run: (t: Tensors, device: Device) => unknown;
  /** Something besides is on the test's device: weights, or the device that is given. */
  readonly bound?: true;
  /** It computes before it is over, so that it cannot be tried without. */
  readonly computes?: true;
}

const floats = (...shape: number[]): Wanted => ({ shape, dtypes: ["f32"] });
const numbers = (...shape: number[]): Wanted => ({ shape, dtypes: ["f32", "u32"] });
const any = (...shape: number[]): Wanted => ({ shape, dtypes: ["f32", "u32", "u8"] });
const whole = (...shape: number[]): Wanted => ({ shape, dtypes: ["u32"] });
const matrix = floats(2, 2);
const vector = floats(2);
const pixels = floats(1, 2, 2, 1);
const operand: Wanted = { ...numbers(2, 2), orNumber: true };
const tracked: Wanted = { ...matrix, tracked: true };

/** A tensor without storage: what is checked before anything runs never looks at it. */
export function blank(device: Device, { shape, tracked }: Wanted, dtype: DType): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  const t = library.Tensor.of(device, new Value(device, dtype, size, "t"), shape);
  if (tracked) t.tracked = true;
  return t;
}

const seed = [1, 0] as const;
/** What calls are tried with holds the type that each wants, or another on purpose. */
const u32 = (t: Tensor) => t as unknown as Tensor<"u32">;
const key = (step: Tensor) => ({ seed, step: u32(step), stream: 0 });
const keyOn = ({ device }: Tensor) => key(blank(device, whole(1), "u32"));

type More = Omit<Call, "op" | "takes" | "run">;

/** Calls of one op with all the tensors that it takes, in their order. */
const of =
  (op: string, takes: Call["takes"], more: More = {}) =>
  (run: (t: Tensors, ...tensors: [Tensor, Tensor, Tensor, Device]) => unknown): Call[] => {
    const spread = (t: Tensors) => Object.values(t) as [Tensor, Tensor, Tensor];
    return [
      {
        op,
        takes,
        run: (t, device) => run(t, spread(t)[0], spread(t)[1], spread(t)[2], device),
        ...more,
      },
    ];
  };
const unary = (op: string, run: (x: Tensor) => unknown, x = numbers(2, 2)) =>
  of(op, { x })((_, a) => run(a));
const binary = (op: string, run: (a: Tensor, b: Tensor) => unknown) =>
  of(op, { a: operand, b: operand })((_, a, b) => run(a, b));
const layer = (op: string, m: library.Module, x: Wanted, more: More = {}, name = "x") =>
  of(op, { [name]: x }, more)((_, a) => m.forward(a));

const twice = library.defineOp({
  name: "twice",
  wgsl: `@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3u) {
  y[id.x] = x[id.x] * f32(w[id.x]);
}`,
  shape: (x) => x,
  workgroups: () => 2,
});

function optimiser(
  device: Device,
  op: string,
  Kind: new (
    device: Device,
    parameters: readonly Tensor[],
    options: { learningRate: number },
  ) => library.Optimiser,
): Call[] {
  const rate = { learningRate: 0.1 };
  const p = library.parameter(device, new Float32Array(2), [2], "p");
  const one = new Kind(device, [p], rate);
  const bound = { bound: true } as const;
  const gradients = {
    "gradients[0]": { ...vector, optional: true },
    "guard[0]": floats(1),
  } as const;
  return [
    ...of(op, gradients, bound)((_, g, guard) => one.step([g], { guard: [guard] })),
    ...of(
      op,
      { "parameters[0]": vector },
      { computes: true, bound: true },
    )((_, x, __, ___, on) => new Kind(on, [x], rate)),
  ];
}

/** Exports that take no tensors. What else they and the others take is in export-arguments.ts. */
const none = {
  "the host's data, options and texts": [
    ...["ALL_FINITE", "HostRandom", "Tensor", "betaSchedule", "binariseDataset", "bytes", "empty"],
    ...[
      "encodePng",
      "fitLinearProbe",
      "formatProfile",
      "full",
      "garbageCollector",
      "glorotNormal",
      "glorotUniform",
    ],
    ...["heNormal", "heUniform", "imageGrid", "learningRateSchedule", "loadGlyphs", "loadShapes"],
    ...["loadTones", "loadVariants", "ones", "openDevice", "pairGrid", "parameter", "saveVariants"],
    ...[
      "scalar",
      "tensor",
      "tileGrid",
      "tuneModel",
      "benchmark",
      "benchmarkNotes",
      "benchmarkTables",
      "tunableKernels",
      "tune",
      "variable",
      "warmUp",
    ],
    ...[
      "cifarSet",
      "idxSet",
      "imageSet",
      "npySet",
      "loadAnyModel",
      "loadModel",
      "loadWeights",
      "planTrainer",
      "saveWeights",
    ],
    ...["createModel", "exportOnnx", "frechetDistance", "modelClasses", "momentKl", "momentsOf"],
    ...["readSafetensors", "toRgba", "writeSafetensors", "zeros", "zerosInit"],
  ],
  "a function whose ops check": ["record", "scope", "noGrad"],
  "what its own parts check": [
    "TrainedModel",
    "Trainer",
    "Module",
    "Optimiser",
    "ShuffledBatches",
    "StepState",
    "WeightAverage",
  ],
  "layers, as Vae shows": [
    ...["AdversarialAutoencoder", "Autoencoder", "Classifier", "ConditionalVae", "DualAae"],
    ...[
      "FactorVae",
      "FlexAe",
      "FlexAeSr",
      "FlowVae",
      "InfoVae",
      "KMeansVae",
      "LambdaHotVae",
      "MaskAae",
    ],
    ...["PlainAutoencoder", "TwoStageVae", "WaeGan", "WaeMmd"],
  ],
  errors: [
    ...["CheckpointError", "DTypeError", "DataError", "DeviceError", "DeviceLostError"],
    ...["GpuValidationError", "IoError", "LatentgradError", "NoAdapterError", "NonFiniteError"],
    ...["OutOfMemoryError", "ShapeError", "UsageError"],
  ],
};
export const withoutTensors: readonly string[] = Object.values(none).flat();

/** Calls of every export that takes tensors. */
export function exportCalls(device: Device): Readonly<Record<string, readonly Call[]>> {
  const random = new library.HostRandom(1);
  const image = { height: 2, width: 2, channels: 1 };
  const options = { network: "dense", latent: 2, beta: 1, width: 0.01 } as const;
  const vae = new library.Vae(device, random, image, options);
  const split = { count: 1, images: new Uint8Array(4), labels: new Uint8Array(1) };
  const images = new library.DeviceImages(device, split, image);
  const linear = new library.Linear(device, random, 2, 2);
  const bound = { bound: true } as const;
  const pair = { "tensors[0]": numbers(2), "tensors[1]": numbers(2) };
  const statistics = { "running.mean": vector, "running.variance": vector };
  const norm = { x: matrix, gamma: vector, beta: vector, ...statistics };
  const runningOf = (t: Tensors) => ({
    mean: t["running.mean"] as Tensor,
    variance: t["running.variance"] as Tensor,
  });
  const step: Wanted = { ...whole(1), optional: true };
  const rowSums = (x: Tensor) => library.sum(x, 1);
  return {
    Adam: optimiser(device, "adam", library.Adam),
    AdamW: optimiser(device, "adamw", library.AdamW),
    RmsProp: optimiser(device, "rmsprop", library.RmsProp),
    Sgd: optimiser(device, "sgd", library.Sgd),
    Vae: of("linear", { x: floats(1, 2) }, bound)((_, z) => vae.decode(z)),
    Linear: layer("linear", linear, floats(1, 2), bound),
    Conv2d: layer("conv", new library.Conv2d(device, random, 1, 1, 1), pixels, bound),
    ConvTranspose2d: layer(
      "convTranspose",
      new library.ConvTranspose2d(device, random, 1, 1, 1),
      pixels,
      bound,
      "y",
    ),
    BatchNorm: layer("batchNorm", new library.BatchNorm(device, 2), matrix, bound),
    Sequential: layer("linear", new library.Sequential(linear), floats(1, 2), bound),
    Lambda: layer("exp", new library.Lambda(library.exp), numbers(2)),
    Flatten: layer("flatten", library.Flatten(), any(2, 2)),
    Unflatten: layer("unflatten", library.Unflatten([2, 1]), any(2, 2)),
    ReLU: layer("relu", library.ReLU(), numbers(2)),
    LeakyReLU: layer("leakyRelu", library.LeakyReLU(), numbers(2)),
    Sigmoid: layer("sigmoid", library.Sigmoid(), numbers(2)),
    Tanh: layer("tanh", library.Tanh(), numbers(2)),
    Softplus: layer("softplus", library.Softplus(), numbers(2)),
    DeviceImages: of("take", { indices: whole(1) }, bound)((_, i) => images.take(u32(i))),
    add: binary("add", library.add),
    sub: binary("sub", library.sub),
    mul: binary("mul", library.mul),
    div: binary("div", library.div),
    pow: binary("pow", library.pow),
    maximum: binary("maximum", library.maximum),
    minimum: binary("minimum", library.minimum),
    greater: binary("greater", library.greater),
    equal: binary("equal", library.equal),
    where: of("where", { mask: numbers(2, 2), a: operand, b: operand })((_, mask, a, b) =>
      library.where(mask, a, b),
    ),
    abs: unary("abs", library.abs),
    cos: unary("cos", library.cos),
    exp: unary("exp", library.exp),
    expm1: unary("expm1", library.expm1),
    floor: unary("floor", library.floor),
    leakyRelu: unary("leakyRelu", (x) => library.leakyRelu(x)),
    log: unary("log", library.log),
    log1p: unary("log1p", library.log1p),
    neg: unary("neg", library.neg),
    reciprocal: unary("reciprocal", library.reciprocal),
    relu: unary("relu", library.relu),
    rsqrt: unary("rsqrt", library.rsqrt),
    sigmoid: unary("sigmoid", library.sigmoid),
    sign: unary("sign", library.sign),
    sin: unary("sin", library.sin),
    softplus: unary("softplus", library.softplus),
    sqrt: unary("sqrt", library.sqrt),
    square: unary("square", library.square),
    tanh: unary("tanh", library.tanh),
    max: unary("max", (x) => library.max(x)),
    mean: unary("mean", (x) => library.mean(x)),
    min: unary("min", (x) => library.min(x)),
    sum: unary("sum", (x) => library.sum(x)),
    variance: unary("variance", (x) => library.variance(x)),
    transpose: unary("transpose", (x) => library.transpose(x)),
    clamp: unary("clamp", (x) => library.clamp(x, 0, 1)),
    fullLike: unary("fullLike", (x) => library.fullLike(x, 1), any(2)),
    argmax: unary("argmax", (x) => library.argmax(x), matrix),
    softmax: unary("softmax", (x) => library.softmax(x), matrix),
    logSoftmax: unary("logSoftmax", (x) => library.logSoftmax(x), matrix),
    logsumexp: unary("logsumexp", (x) => library.logsumexp(x), matrix),
    broadcastTo: unary("broadcastTo", (x) => library.broadcastTo(x, [3, 2, 2])),
    sumTo: unary("sumTo", (x) => library.sumTo(x, [1, 2])),
    reshape: unary("reshape", (x) => library.reshape(x, [4]), any(2, 2)),
    slice: unary("slice", (x) => library.slice(x, [0, 0], [1, 1])),
    sliceAxis: unary("sliceAxis", (x) => library.sliceAxis(x, 0, 0, 1)),
    split: unary("split", (x) => library.split(x, 0, [1, 1])),
    pad: unary("pad", (x) =>
      library.pad(x, [
        [1, 1],
        [0, 0],
      ]),
    ),
    maxPool2d: unary("maxPool2d", (x) => library.maxPool2d(x), pixels),
    avgPool2d: unary("avgPool2d", (x) => library.avgPool2d(x), pixels),
    upsample2d: unary("upsample2d", (x) => library.upsample2d(x), pixels),
    track: unary("track", library.track, vector),
    stopGradient: unary("stopGradient", library.stopGradient, any(2)),
    concat: of("concat", pair)((_, a, b) => library.concat([a, b])),
    stack: of("stack", pair)((_, a, b) => library.stack([a, b])),
    matmul: of("matmul", { a: matrix, b: matrix })((_, a, b) => library.matmul(a, b)),
    conv2d: of("conv2d", { x: pixels, w: floats(1, 1, 1, 1) })((_, x, w) => library.conv2d(x, w)),
    convTranspose2d: of("convTranspose2d", { y: pixels, w: floats(1, 1, 1, 1) })((_, y, w) =>
      library.convTranspose2d(y, w),
    ),
    conv2dWeightGradient: of("conv2dWeightGradient", { x: pixels, dy: pixels })((_, x, dy) =>
      library.conv2dWeightGradient(x, dy, [1, 1]),
    ),
    gather: of("gather", { table: any(2, 2), indices: whole(3) })((_, t, i) =>
      library.gather(t, u32(i)),
    ),
    scatterAdd: of("scatterAdd", { x: floats(3, 2), indices: whole(3) })((_, x, i) =>
      library.scatterAdd(x, u32(i), 4),
    ),
    oneHot: of("oneHot", { indices: whole(3) })((_, i) => library.oneHot(u32(i), 2)),
    batchNorm: of(
      "batchNorm",
      norm,
    )((t, x, gamma, beta) => library.batchNorm(x, gamma, beta, { running: runningOf(t) })),
    batchNormEval: of(
      "batchNormEval",
      norm,
    )((t, x, gamma, beta) => library.batchNormEval(x, gamma, beta, runningOf(t))),
    randomUniform: of(
      "randomUniform",
      { step },
      bound,
    )((_, step, __, ___, on) => library.randomUniform(on, [2], key(step))),
    randomNormal: of(
      "randomNormal",
      { step },
      bound,
    )((_, step, __, ___, on) => library.randomNormal(on, [2], key(step))),
    batchIndices: of(
      "batchIndices",
      { position: whole(2) },
      bound,
    )((_, p, __, ___, on) => library.batchIndices(on, 4, 2, u32(p), seed)),
    binarise: of("binarise", { x: vector })((_, x) =>
      library.binarise(x, keyOn(x instanceof library.Tensor ? x : blank(device, vector, "f32"))),
    ),
    grad: of("grad", { output: tracked, "wrt[0]": tracked, dy: { ...matrix, optional: true } })(
      (_, y, x, dy) => library.grad(y, [x], { dy, allowUnused: true }),
    ),
    checkGradients: of(
      "checkGradients",
      { "inputs[0]": vector, "inputs[1]": vector },
      {
        computes: true,
      },
    )((_, a, b) => library.checkGradients(library.add, [a, b])),
    defineOp: of("twice", { "input 0": vector, "input 1": whole(2) })((_, x, w) => twice(x, w)),
    klToStandardNormal: of("klToStandardNormal", { mean: matrix, logVariance: matrix })((_, m, v) =>
      library.klToStandardNormal(m, v),
    ),
    reparameterise: of("reparameterise", { mean: matrix, logVariance: matrix, epsilon: matrix })(
      (_, m, v, e) => library.reparameterise(m, v, e),
    ),
    bernoulliNll: of("bernoulliNll", { logits: matrix, x: matrix })((_, l, x) =>
      library.bernoulliNll(l, x),
    ),
    gradientPenalty: of("gradientPenalty", { a: matrix, b: matrix })((_, a, b) =>
      library.gradientPenalty(
        rowSums,
        a,
        b,
        keyOn(a instanceof library.Tensor ? a : blank(device, matrix, "f32")),
      ),
    ),
    gradientNormPenalty: of("gradientNormPenalty", { x: matrix })((_, x) =>
      library.gradientNormPenalty(rowSums, x),
    ),
  };
}
