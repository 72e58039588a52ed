/**
 * Every argument of every export: what is right there, and which of the wrong values are right, too. Tensors of
 * other types and devices are in export-calls.ts.
 */
import { Value } from "../../src/gpu/value.ts";
import { blank } from "./export-calls.ts";
import * as library from "./library.ts";

/** What may stand where something else is wanted, each by the name of its kind. */
export const strangers = {
  undefined: undefined,
  null: null,
  text: "x",
  fraction: 0.5,
  flag: true,
  array: [{}],
  object: {},
  function: () => 1,
  map: new Map(),
  promise: Promise.resolve(1),
} as const;

export type Kind = keyof typeof strangers;

/** One argument: its right value, and the strangers that are right there. */
export interface Argument {
  readonly right: unknown;
  readonly takes: readonly Kind[];
}

export interface ArgumentCall {
  /** What errors call it. */
  readonly op: string;
  /** By the names that errors give them, in their order. */
  readonly takes: Readonly<Record<string, Argument>>;
  readonly run: (...args: unknown[]) => unknown;
  /** Parameters without a default, as the function itself says. */
  readonly least: number;
  /** It computes, or asks for what a test does not have: only what is wrong is tried. */
  readonly computes?: true;
}

type Takes = ArgumentCall["takes"];

const is = (right: unknown, ...takes: Kind[]): Argument => ({ right, takes });
const may = (right: unknown, ...takes: Kind[]): Argument => is(right, "undefined", ...takes);
const options = may({}, "object", "map");
const number = is(1, "fraction");
const flag = may(false, "flag");
const axis = may(0);
const isClass = (fn: unknown) => /^class\b/.test(Function.prototype.toString.call(fn));

/** Exports that are no functions, or are never called: what others are made of, or what has methods to make it. */
export const notCalled: readonly string[] = [
  ...["ALL_FINITE", "modelClasses"],
  ...["Autoencoder", "Module", "Optimiser", "Trainer"],
];

export const isError = (x: unknown): boolean =>
  x === library.LatentgradError ||
  (typeof x === "function" && x.prototype instanceof library.LatentgradError);

/** The calls of all exports that take arguments or could. */
export function argumentCalls(device: library.Device): Readonly<Record<string, ArgumentCall>> {
  const tensor = (...shape: number[]) => is(blank(device, { shape, dtypes: ["f32"] }, "f32"));
  const words = (...shape: number[]) => is(blank(device, { shape, dtypes: ["u32"] }, "u32"));
  const x = tensor(2, 2);
  const vector = tensor(2);
  const pixels = tensor(1, 2, 2, 1);
  const operand = is(x.right, "fraction");
  const onDevice = is(device);
  const random = is(new library.HostRandom(1));
  const size = { height: 4, width: 4, channels: 1 };
  const image = is(size);
  const seed = is([1, 0]);
  const key = is({ seed: [1, 0], step: words(1).right, stream: 0 });
  const p = library.parameter(device, new Float32Array(2), [2]);
  const rate = is({ learningRate: 0.1 });
  const adam = new library.Adam(device, [p], { learningRate: 0.1 });
  const split = { count: 1, images: new Uint8Array(16), labels: new Uint8Array(1) };
  const images = new library.DeviceImages(device, split, size);
  const pictures = is({
    values: new Float32Array(4),
    count: 1,
    height: 2,
    width: 2,
    channels: 1,
  });
  const rows = is([{ name: "k", calls: 1, micros: 1, gflops: 0, gbps: 1, share: 1 }]);
  const one = is(() => library.sum(x.right as library.Tensor, 1), "function");
  const body = is(() => x.right, "function");
  const running = is({ mean: vector.right, variance: vector.right });
  const definition = {
    name: "twice",
    wgsl: `@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(1) fn main() { y[0] = 2 * x[0]; }`,
    shape: (shape: readonly number[]) => shape,
    workgroups: () => 1,
  };

  const calls: Record<string, ArgumentCall> = {};
  /** A method of an export, or of what one makes or gives. */
  const method = (on: object, name: string, takes: Takes, op = name) => {
    const fn = (on as Record<string, (...args: unknown[]) => unknown>)[name] as () => unknown;
    const owner = typeof on === "function" ? on.name : on.constructor.name;
    calls[`${owner}.${name}`] = {
      op,
      takes,
      run: (...args) => fn.apply(on, args as []),
      least: fn.length,
      computes: true,
    };
  };
  const add = (name: string, takes: Takes, op = name, computes = false) => {
    const fn = (library as Readonly<Record<string, unknown>>)[name] as {
      new (...args: unknown[]): unknown;
      (...args: unknown[]): unknown;
    };
    calls[name] = {
      op,
      takes,
      run: (...args) => (isClass(fn) ? new fn(...args) : fn(...args)),
      least: fn.length,
      ...(computes ? { computes } : {}),
    };
  };

  for (const name of [
    ...[
      "abs",
      "cos",
      "exp",
      "expm1",
      "floor",
      "log",
      "log1p",
      "neg",
      "reciprocal",
      "relu",
      "rsqrt",
    ],
    ...["sigmoid", "sign", "sin", "softplus", "sqrt", "square", "stopGradient", "tanh", "track"],
  ])
    add(name, { x });
  for (const name of ["add", "div", "equal", "greater", "maximum", "minimum", "mul", "pow", "sub"])
    add(name, { a: operand, b: operand });
  for (const name of ["max", "mean", "min", "sum", "logsumexp"])
    add(name, { x, axes: axis, keepAxes: flag });
  for (const name of ["avgPool2d", "maxPool2d"]) add(name, { x: pixels, options });
  for (const name of ["softmax", "logSoftmax"]) add(name, { x, axis });
  for (const name of ["broadcastTo", "sumTo"]) add(name, { x, shape: is([2, 2]) });
  for (const name of ["randomNormal", "randomUniform"])
    add(name, { device: onDevice, shape: is([2]), key });
  for (const name of ["ones", "zeros"]) add(name, { device: onDevice, shape: is([2]) });
  for (const name of ["record", "scope"]) add(name, { device: onDevice, body }, name, true);
  for (const name of ["loadGlyphs", "loadShapes", "loadTones"])
    add(name, { train: may(1), test: may(1), seed: may(1) });
  for (const name of ["imageGrid", "tileGrid"]) add(name, { images: pictures, options });
  for (const name of ["glorotNormal", "glorotUniform", "heNormal", "heUniform"]) {
    const fans = name.startsWith("he") ? { fanIn: is(2) } : { fanIn: is(2), fanOut: is(2) };
    add(name, { random, shape: is([2, 2]), ...fans });
  }
  for (const name of ["betaSchedule", "learningRateSchedule"])
    add(name, { text: is("constant", "text") });
  for (const [name, op] of Object.entries({ Adam: "adam", AdamW: "adamw", RmsProp: "rmsprop" }))
    add(name, { device: onDevice, parameters: is([p]), options: rate }, op, true);
  add("Sgd", { device: onDevice, parameters: is([p]), options: rate }, "sgd", true);
  for (const name of ["Flatten", "ReLU", "Sigmoid", "Softplus", "Tanh", "garbageCollector"])
    add(name, {});

  add("argmax", { x, axes: axis });
  add("clamp", { x, low: is(0, "fraction"), high: number });
  add("leakyRelu", { x, slope: may(0.1, "fraction") });
  add("fullLike", { x, value: number });
  add("variance", { x, axes: axis, keepAxes: flag, options });
  add("where", { mask: x, a: operand, b: operand });
  add("concat", { tensors: is([x.right]), axis });
  add("stack", { tensors: is([x.right]), axis });
  add("gather", { table: x, indices: words(2), scale: may(1, "fraction") });
  add("scatterAdd", { x, indices: words(2), rows: is(2) });
  add("oneHot", { indices: words(2), classes: is(2) });
  add("matmul", { a: x, b: x, options });
  add("conv2d", { x: pixels, w: tensor(1, 1, 1, 1), options });
  add("convTranspose2d", { y: pixels, w: tensor(1, 1, 1, 1), options });
  add("conv2dWeightGradient", { x: pixels, dy: pixels, kernel: is([1, 1]), options });
  add("batchNorm", { x, gamma: vector, beta: vector, options });
  add("batchNormEval", { x, gamma: vector, beta: vector, running, epsilon: may(1, "fraction") });
  add("upsample2d", { x: pixels, factor: may(2) });
  add("batchIndices", { device: onDevice, count: is(4), batch: is(2), position: words(2), seed });
  add("binarise", { x, key });
  add("pad", {
    x,
    widths: is([
      [0, 1],
      [0, 0],
    ]),
  });
  add("reshape", { x, shape: is([4]) });
  add("slice", { x, begin: is([0, 0]), size: is([1, 1]) });
  add("sliceAxis", { x, axis: is(0), start: is(0), length: is(1) });
  add("split", { x, axis: is(0), lengths: is([1, 1]) });
  add("transpose", { x, order: may([1, 0]) });
  const tracked = is(library.track(x.right as library.Tensor));
  add("grad", {
    output: tracked,
    wrt: is([tracked.right]),
    options: may({ dy: x.right }, "object", "map"),
  });
  add("noGrad", { body });
  add("checkGradients", { fn: one, inputs: is([x.right]), options }, "checkGradients", true);
  add("defineOp", { definition: is(definition) });
  const critic = is((rows: library.Tensor) => library.sum(rows, 1), "function");
  add("gradientPenalty", { critic, a: x, b: x, key });
  add("gradientNormPenalty", { critic, x });
  add("bernoulliNll", { logits: x, x });
  add("klToStandardNormal", { mean: x, logVariance: x });
  add("reparameterise", { mean: x, logVariance: x, epsilon: x });

  add("tensor", { device: onDevice, data: is([1], "fraction"), shape: may([1]) });
  add("scalar", { device: onDevice, x: number });
  add("full", { device: onDevice, shape: is([2]), x: number });
  add("empty", { device: onDevice, shape: is([0]), dtype: may("u32") });
  const held = (label: string, data: unknown) => ({
    device: onDevice,
    data: is(data),
    shape: is([1]),
    label: may(label, "text"),
  });
  add("variable", held("variable", Uint32Array.of(1)));
  add("parameter", held("parameter", Float32Array.of(1)));
  add("bytes", held("bytes", Uint8Array.of(1)));
  add(
    "Tensor",
    {
      device: onDevice,
      value: is(new Value(device, "f32", 1, "t")),
      shape: is([1], "array"),
    },
    "tensor",
  );

  add("HostRandom", { seed: is(1), stream: may(1) }, "hostRandom");
  add("zerosInit", {
    random: is(random.right, ...(Object.keys(strangers) as Kind[])),
    shape: is([2]),
  });
  const layer = { device: onDevice, random };
  add("Linear", { ...layer, inputs: is(2), outputs: is(2), options }, "linear");
  const channels = { inChannels: is(1), outChannels: is(1), kernel: is(1), options };
  add("Conv2d", { ...layer, ...channels }, "conv");
  add("ConvTranspose2d", { ...layer, ...channels }, "convTranspose");
  add("BatchNorm", { device: onDevice, channels: is(2), options }, "batchNorm");
  add("Lambda", { fn: one, known: may({ name: "relu" }) }, "lambda");
  add("LeakyReLU", { slope: may(0.1, "fraction") }, "leakyRelu");
  add("Unflatten", { shape: is([2, 1]) }, "unflatten");
  add("Sequential", { "layer 0": is(new library.Lambda(library.exp)) }, "sequential");
  add("WeightAverage", { optimiser: is(adam), decay: number }, "weightAverage", true);
  add("warmUp", { step: number, steps: number });

  add(
    "DeviceImages",
    {
      device: onDevice,
      split: is(split),
      image,
      label: may("images", "text"),
      largest: may(1024),
    },
    "deviceImages",
  );
  const position = may(library.variable(device, new Uint32Array(2), [2]));
  add("ShuffledBatches", { images: is(images), batch: is(1), seed, position }, "shuffledBatches");
  add("StepState", { device: onDevice, epochs: may({ batch: 1, images: 1 }) }, "stepState");
  add("binariseDataset", { data: is({ ...library.loadGlyphs(1, 1) }) });
  add("pairGrid", { originals: pictures, reconstructions: pictures, options });
  const picture = { width: 1, height: 1, channels: 1, pixels: new Uint8Array(1) };
  add("encodePng", { picture: is(picture), description: may("d", "text") });
  add("toRgba", { picture: is(picture) });
  add("formatProfile", { rows });
  add("openDevice", { options }, "openDevice", true);
  add("loadVariants", { owner: onDevice }, "loadVariants", true);
  add("saveVariants", { owner: onDevice, choices: is({}, "object", "map") }, "saveVariants", true);
  add("tunableKernels", { device: onDevice, body });
  const limits = is({ seconds: 0, bytes: 0 });
  add("tune", { device: onDevice, kernels: is([]), options: limits });
  add("tuneModel", { model: is(library.Vae), options: limits }, "tuneModel", true);
  add("benchmark", { options }, "benchmark", true);
  const rates = { fmaGflops: 1, fmaEntry: "k", fmaTried: 1, copyGBps: 1, copyEntry: "k" };
  const waits = {
    copies: [],
    bufferCopyGBps: 1,
    dispatchMicros: 1,
    submitMicros: 1,
    readBackMs: 1,
  };
  const nothing = { kernels: [], steps: [], growth: [] };
  const measured = is({
    ...{ adapter: "a", runtime: "r", ceilings: { ...rates, ...waits } },
    ...nothing,
  });
  for (const name of ["benchmarkNotes", "benchmarkTables"]) add(name, { report: measured });
  const labelled = is({ codes: new Float32Array(4), labels: [0, 1], count: 2 });
  add("fitLinearProbe", { device: onDevice, labelled, classes: is(2) }, "fitLinearProbe", true);

  const generator = random.right as library.HostRandom;
  for (const name of ["uniform", "normal"]) method(generator, name, { n: is(1) });
  method(adam, "step", { gradients: is([vector.right]), options }, "adam");
  method(adam, "setStep", { step: is(1) }, "adam");
  method(adam.stepState, "moveTo", { place: is({ step: 1 }) });
  method(adam, "setLearningRate", { learningRate: is(0.1, "fraction") }, "adam");
  method(adam, "loadState", { state: is(adam.state()) }, "adam");
  method(new library.Lambda(library.exp), "train", { training: may(true, "flag") });
  method(images, "take", { indices: words(1) });
  const batches = new library.ShuffledBatches(images, 1, [1, 0]);
  method(batches, "moveTo", { epoch: is(0), index: is(0) });

  const moments = is({ d: 1, mean: new Float64Array(1), covariance: Float64Array.of(1) });
  add("momentsOf", { points: is([1, 2]), d: is(1) });
  add("momentKl", { moments, from: may(0), to: may(1) });
  add("frechetDistance", { a: moments, b: moments });
  const file = is(new Uint8Array(8));
  add("readSafetensors", { bytes: file, name: is("f", "text") }, "readSafetensors", true);
  add("writeSafetensors", { tensors: is(new Map(), "map"), metadata: may({}, "object", "map") });
  const canvas = { width: 1, height: 1, data: new Uint8Array(4) };
  const none = new Uint8Array();
  add("idxSet", { parts: is({ train: { images: none, labels: none } }), options }, "idxSet", true);
  add("cifarSet", { parts: is({ train: [none], test: [none] }), options }, "cifarSet", true);
  add("npySet", { images: is(none), options }, "npySet", true);
  add("imageSet", { pictures: is([canvas]), options });

  const coder = is(new library.Vae(device, generator, size, leastOf(library.Vae.description)));
  const facts = may({}, "object", "map");
  add("saveWeights", { model: coder, metadata: facts }, "saveWeights", true);
  add("loadWeights", { model: coder, file }, "loadWeights", true);
  add(
    "loadModel",
    { device: onDevice, file, models: is([library.Vae]), options },
    "loadModel",
    true,
  );
  add("loadAnyModel", { device: onDevice, file, options }, "loadAnyModel", true);
  const data = library.loadGlyphs(1, 1);
  add("createModel", { name: is("vae", "text"), device: onDevice, options: is({ data }) });
  const takes = { device: onDevice, model: coder, image: is(size), metadata: facts };
  add("TrainedModel", takes, "trainedModel");
  const trained = new library.TrainedModel(device, coder.right as library.Vae, size);
  add("exportOnnx", { model: is(trained) }, "exportOnnx", true);
  method(trained, "sample", { count: is(1), options });
  method(trained, "encode", { images: pictures });
  method(trained, "reconstruct", { images: pictures });
  method(trained, "interpolate", { images: pictures, options });
  method(trained, "decode", { codes: is(new Float32Array(2)), labels: may(new Uint32Array(1)) });
  const training = is({ model: library.Vae, data });
  const how = options;
  add("planTrainer", { options: training }, "trainer", true);
  method(library.Trainer, "create", { device: onDevice, options: training, how }, "trainer");
  method(library.Trainer, "restore", { device: onDevice, file, options: training, how });

  const model = {
    device: onDevice,
    random,
    image: is({
      height: 4,
      width: 4,
      channels: 1,
      classes: 2,
      attributes: { style: 2 },
      images: 4,
    }),
  };
  for (const [name, { description }] of Object.entries(modelClasses))
    add(name, { ...model, settings: may(leastOf(description), "object", "map") }, description.name);
  return calls;
}

/** The models that are exported. */
const modelClasses = Object.fromEntries(
  Object.entries<unknown>(library).filter((entry): entry is [string, library.ModelClass] => {
    const [, x] = entry;
    return typeof x === "function" && "description" in x;
  }),
);

/** What makes a model small. */
const small: Readonly<Record<string, unknown>> = {
  ...{ network: "dense", width: 0.01, latent: 2, content: 2, style: 2 },
  ...{ hidden: 4, discriminatorUnits: 4, criticUnits: 4 },
};

/** Those of its settings that a model has. */
function leastOf({ settings }: library.ModelDescription): object {
  return Object.fromEntries(Object.entries(small).filter(([key]) => key in settings));
}
