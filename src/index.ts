/**
 * latentgrad: a WebGPU compute engine with automatic differentiation, and generative models built
 * on it. See docs/library.md.
 */

export { type CheckOptions, checkGradients, type DirectionCheck } from "./autograd/check.ts";
export {
  type DefinedOp,
  defineOp,
  type OpBenchmark,
  type OpDefinition,
} from "./autograd/define-op.ts";
export {
  type Conv2dOptions,
  conv2d,
  conv2dWeightGradient,
  convTranspose2d,
  type Padding,
} from "./autograd/ops/conv2d.ts";
export {
  abs,
  add,
  clamp,
  cos,
  div,
  equal,
  exp,
  expm1,
  floor,
  fullLike,
  greater,
  leakyRelu,
  log,
  log1p,
  maximum,
  minimum,
  mul,
  neg,
  type Operand,
  pow,
  reciprocal,
  relu,
  rsqrt,
  sigmoid,
  sign,
  sin,
  softplus,
  sqrt,
  square,
  sub,
  tanh,
  where,
} from "./autograd/ops/elementwise.ts";
export { gather, oneHot, scatterAdd } from "./autograd/ops/indexing.ts";
export { concat, stack } from "./autograd/ops/join.ts";
export { type MatmulOptions, matmul } from "./autograd/ops/matmul.ts";
export {
  type BatchNormOptions,
  batchNorm,
  batchNormEval,
  type RunningStatistics,
} from "./autograd/ops/norm.ts";
export { avgPool2d, maxPool2d, type PoolOptions, upsample2d } from "./autograd/ops/pool.ts";
export {
  batchIndices,
  type RandomKey,
  randomNormal,
  randomUniform,
} from "./autograd/ops/random.ts";
export { argmax, max, mean, min, variance } from "./autograd/ops/reduce.ts";
export { pad, reshape, slice, sliceAxis, split, transpose } from "./autograd/ops/shape.ts";
export { logSoftmax, logsumexp, softmax } from "./autograd/ops/softmax.ts";
export { type Axes, broadcastTo, sum, sumTo } from "./autograd/ops/sum.ts";
export { type GradOptions, grad, noGrad, stopGradient, track } from "./autograd/tape.ts";
export type { Batch, ExampleSource } from "./data/batch.ts";
export { type Binarisation, binarise, binariseDataset } from "./data/binarise.ts";
export { loadGlyphs, loadShapes, loadTones } from "./data/datasets.ts";
export { DeviceImages, ShuffledBatches } from "./data/loader.ts";
export type { Dataset, Factors, Split } from "./data/types.ts";
export {
  type GridOptions,
  type ImageBatch,
  imageGrid,
  pairGrid,
  tileGrid,
} from "./figures/grid.ts";
export { encodePng, type Picture } from "./formats/png.ts";
export type { AdapterKind } from "./gpu/adapter.ts";
export type { Device, DeviceOptions } from "./gpu/device.ts";
export * from "./gpu/errors.ts";
export { garbageCollector } from "./gpu/garbage.ts";
export { type OpenOptions, openDevice } from "./gpu/open.ts";
export type { PoolStatistics } from "./gpu/pool.ts";
export { formatProfile, type ProfileRow } from "./gpu/profiler.ts";
export type { Program, ProgramStatistics } from "./gpu/program.ts";
export type { AdapterFacts, Target, TargetOptions, TileBudget } from "./gpu/target.ts";
export type { DType } from "./gpu/value.ts";
export type { VariantChoices, VariantTable } from "./gpu/variant-table.ts";
export type { TunableKernel } from "./kernels/variants.ts";
export { type AaeOptions, AdversarialAutoencoder } from "./models/aae.ts";
export { type AeOptions, PlainAutoencoder } from "./models/ae.ts";
export { Autoencoder, type AutoencoderSettings } from "./models/autoencoder.ts";
export { Classifier, type ClassifierOptions } from "./models/classifier.ts";
export { ConditionalVae, type ConditionalVaeOptions } from "./models/cvae.ts";
export type { DataShape, ModelClass, ModelDescription, SettingsOf } from "./models/definition.ts";
export { DualAae, type DualAaeOptions } from "./models/dual-aae.ts";
export { FactorVae, type FactorVaeOptions } from "./models/factor-vae.ts";
export { FlexAe, type FlexAeOptions, FlexAeSr } from "./models/flex-ae.ts";
export { FlowVae, type FlowVaeOptions } from "./models/flow-vae.ts";
export { gradientNormPenalty, gradientPenalty } from "./models/gradient-penalty.ts";
export { InfoVae, type InfoVaeOptions } from "./models/info-vae.ts";
export { KMeansVae, type KMeansVaeOptions } from "./models/kmeans-vae.ts";
export { type LambdaHotOptions, LambdaHotVae } from "./models/lambda-hot.ts";
export { bernoulliNll } from "./models/likelihoods.ts";
export {
  fitLinearProbe,
  type LabelledCodes,
  type LinearProbe,
} from "./models/linear-probe.ts";
export { klToStandardNormal, reparameterise } from "./models/losses.ts";
export { MaskAae, type MaskAaeOptions } from "./models/mask-aae.ts";
export type {
  ImageShape,
  LossTerms,
  Model,
  Prior,
  SampleTerms,
  ScheduledWeight,
  StepSchedule,
  Update,
} from "./models/model.ts";
export { type TwoStageOptions, TwoStageVae } from "./models/two-stage.ts";
export { Vae, type VaeOptions } from "./models/vae.ts";
export { WaeGan, type WaeGanOptions, WaeMmd, type WaeMmdOptions } from "./models/wae.ts";
export { BatchNorm } from "./nn/batch-norm.ts";
export { Conv2d, type ConvolutionOptions, ConvTranspose2d } from "./nn/convolution.ts";
export {
  glorotNormal,
  glorotUniform,
  HostRandom,
  heNormal,
  heUniform,
  type Initialiser,
  zerosInit,
} from "./nn/initialisers.ts";
export { Linear, type LinearOptions } from "./nn/linear.ts";
export { Module, type NamedTensor } from "./nn/module.ts";
export {
  Flatten,
  Lambda,
  LeakyReLU,
  ReLU,
  Sequential,
  Sigmoid,
  Softplus,
  Tanh,
  Unflatten,
} from "./nn/sequential.ts";
export { Adam, type AdamOptions, AdamW } from "./optim/adam.ts";
export { NEVER, Optimiser, type OptimiserOptions } from "./optim/optimiser.ts";
export { RmsProp, type RmsPropOptions } from "./optim/rmsprop.ts";
export {
  betaSchedule,
  learningRateSchedule,
  type Progress,
  type Schedule,
  warmUp,
} from "./optim/schedules.ts";
export { Sgd, type SgdOptions } from "./optim/sgd.ts";
export { WeightAverage } from "./optim/weight-average.ts";
export {
  bytes,
  empty,
  full,
  type NestedNumbers,
  ones,
  parameter,
  scalar,
  tensor,
  upload,
  variable,
  zeros,
} from "./tensor/create.ts";
export { record, scope } from "./tensor/run.ts";
export { Tensor } from "./tensor/tensor.ts";
export {
  type SkippedKernel,
  type TunedKernel,
  type TuneOptions,
  type TuneReport,
  tunableKernels,
  tune,
} from "./tune/tune.ts";
export type { TableOwner } from "./tune/variant-files.ts";
export { loadVariants, saveVariants } from "./tune/variant-store.ts";
