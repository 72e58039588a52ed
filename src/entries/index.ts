/**
 * A WebGPU compute engine with automatic differentiation: tensors, ops and their derivatives, layers,
 * optimisers, recorded programs. Models, data and training are entry points of their own: docs/library.md.
 *
 * @module latentgrad
 */

export { type CheckOptions, checkGradients, type DirectionCheck } from "../autograd/check.ts";
export {
  type DefinedOp,
  defineOp,
  type OpBenchmark,
  type OpDefinition,
  type Shape,
} from "../autograd/define-op.ts";
export {
  type Conv2dOptions,
  type ConvTranspose2dOptions,
  conv2d,
  conv2dWeightGradient,
  convTranspose2d,
  type Padding,
} from "../autograd/ops/conv2d.ts";
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
} from "../autograd/ops/elementwise.ts";
export { type Gathered, gather, oneHot, scatterAdd } from "../autograd/ops/indexing.ts";
export { concat, stack } from "../autograd/ops/join.ts";
export { type MatmulOptions, matmul } from "../autograd/ops/matmul.ts";
export {
  type BatchNormOptions,
  batchNorm,
  batchNormEval,
  type RunningStatistics,
} from "../autograd/ops/norm.ts";
export { avgPool2d, maxPool2d, type PoolOptions, upsample2d } from "../autograd/ops/pool.ts";
export {
  batchIndices,
  type RandomKey,
  randomNormal,
  randomUniform,
} from "../autograd/ops/random.ts";
export { argmax, max, mean, min, variance } from "../autograd/ops/reduce.ts";
export { pad, reshape, slice, sliceAxis, split, transpose } from "../autograd/ops/shape.ts";
export { logSoftmax, logsumexp, softmax } from "../autograd/ops/softmax.ts";
export { type Axes, broadcastTo, sum, sumTo } from "../autograd/ops/sum.ts";
export { type GradOptions, grad, noGrad, stopGradient, track } from "../autograd/tape.ts";
export type { AdapterKind } from "../gpu/adapter.ts";
export type { AdapterPreference } from "../gpu/adapter-vulkan.ts";
export type { Device, DeviceOptions } from "../gpu/device.ts";
export * from "../gpu/errors.ts";
export type { OptionalFeature } from "../gpu/features.ts";
export { garbageCollector } from "../gpu/garbage.ts";
export { type OpenOptions, openDevice } from "../gpu/open.ts";
export type { PoolStatistics } from "../gpu/pool.ts";
export { formatProfile, type ProfileRow } from "../gpu/profiler.ts";
export type { Program, ProgramStatistics } from "../gpu/program.ts";
export type {
  AdapterFacts,
  ReadCosts,
  Spread,
  SubmitLimits,
  Target,
  TargetOptions,
  TexelReads,
  TextureUse,
  TileBudget,
} from "../gpu/target.ts";
export type { DType } from "../gpu/value.ts";
export type { Candidates, TuningKey, VariantChoices, VariantTable } from "../gpu/variant-table.ts";
export type { Seed } from "../kernels/philox.ts";
export type { TunableKernel } from "../kernels/variants.ts";
export { BatchNorm, type BatchNormLayerOptions } from "../nn/batch-norm.ts";
export { Conv2d, type ConvolutionOptions, ConvTranspose2d } from "../nn/convolution.ts";
export {
  glorotNormal,
  glorotUniform,
  HostRandom,
  heNormal,
  heUniform,
  type Initialiser,
  zerosInit,
} from "../nn/initialisers.ts";
export type { ParameterLayout } from "../nn/layout.ts";
export { Linear, type LinearOptions } from "../nn/linear.ts";
export { Module, type NamedTensor } from "../nn/module.ts";
export {
  Flatten,
  type KnownFunction,
  Lambda,
  LeakyReLU,
  ReLU,
  Sequential,
  Sigmoid,
  Softplus,
  Tanh,
  Unflatten,
} from "../nn/sequential.ts";
export { Adam, type AdamOptions, AdamW } from "../optim/adam.ts";
export { Optimiser, type OptimiserOptions } from "../optim/optimiser.ts";
export { RmsProp, type RmsPropOptions } from "../optim/rmsprop.ts";
export {
  betaSchedule,
  learningRateSchedule,
  type Progress,
  type Schedule,
  warmUp,
} from "../optim/schedules.ts";
export { Sgd, type SgdOptions } from "../optim/sgd.ts";
export { ALL_FINITE, type StepEpochs, type StepPlace, StepState } from "../optim/step-state.ts";
export { WeightAverage } from "../optim/weight-average.ts";
export type { NumberType } from "../tensor/arguments.ts";
export {
  bytes,
  empty,
  full,
  type NestedNumbers,
  ones,
  parameter,
  scalar,
  tensor,
  variable,
  zeros,
} from "../tensor/create.ts";
export { record, scope } from "../tensor/run.ts";
export { type DTypeOf, type Elements, Tensor } from "../tensor/tensor.ts";
