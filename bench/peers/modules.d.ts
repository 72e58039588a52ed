/**
 * The little of the other engines that the comparison uses, so that the project type-checks
 * without their packages, which are installed for the comparison alone.
 */
declare module "@tensorflow/tfjs-core" {
  export interface Tensor {
    data(): Promise<Float32Array>;
    dispose(): void;
  }
  export interface Variable extends Tensor {
    assign(value: Tensor): void;
  }
  type Operand = Tensor | number;
  export function setBackend(name: string): Promise<boolean>;
  export function backend(): unknown;
  export function env(): { set(flag: string, value: number | boolean): void };
  export function engine(): {
    runKernel(
      kernel: string,
      inputs: { readonly [name: string]: Tensor },
      attributes: { readonly [name: string]: unknown },
    ): Tensor;
  };
  export function ready(): Promise<void>;
  export function tensor(values: Float32Array, shape: readonly number[]): Tensor;
  export function variable(value: Tensor): Variable;
  export function add(a: Operand, b: Operand): Tensor;
  export function sub(a: Operand, b: Operand): Tensor;
  export function mul(a: Operand, b: Operand): Tensor;
  export function exp(x: Tensor): Tensor;
  export function square(x: Tensor): Tensor;
  export function relu(x: Tensor): Tensor;
  export function softplus(x: Tensor): Tensor;
  export function sum(x: Tensor, axis?: number | readonly number[]): Tensor;
  export function mean(x: Tensor): Tensor;
  export function matMul(a: Tensor, b: Tensor): Tensor;
  export function reshape(x: Tensor, shape: readonly number[]): Tensor;
  export function split(x: Tensor, parts: number, axis: number): Tensor[];
  export function conv2d(x: Tensor, filter: Tensor, strides: number, pad: "same"): Tensor;
  export function conv2dTranspose(
    x: Tensor,
    filter: Tensor,
    outputShape: readonly number[],
    strides: number,
    pad: "same",
  ): Tensor;
  export const train: {
    adam(
      learningRate: number,
      beta1: number,
      beta2: number,
      epsilon: number,
    ): {
      minimize(loss: () => Tensor, returnCost: true, variables: readonly Variable[]): Tensor | null;
    };
  };
}

declare module "@tensorflow/tfjs-core/dist/register_all_gradients";

declare module "@tensorflow/tfjs-backend-webgpu" {
  export interface WebGPUBackend {
    readonly device: GPUDevice;
    endComputePassEncoder(): void;
    ensureCommandEncoderReady(): void;
    submitQueue(): void;
  }
}

declare module "@tensorflow/tfjs-backend-wasm" {
  export function setWasmPaths(
    files: { readonly [name: string]: string },
    usePlatformFetch: boolean,
  ): void;
  export function setThreadsCount(count: number): void;
}

declare module "@jax-js/jax" {
  export interface Array {
    readonly ref: Array;
    readonly shape: number[];
    add(x: Array | number): Array;
    sub(x: Array | number): Array;
    mul(x: Array | number): Array;
    div(x: Array | number): Array;
    sum(): Array;
    reshape(shape: number[]): Array;
    slice(...index: ([] | [number, number])[]): Array;
    data(): Promise<Float32Array>;
    gpuBuffer(): Promise<GPUBuffer>;
    dispose(): void;
  }
  type Tree = Array | readonly Tree[] | { readonly [name: string]: Tree };
  export function init(...devices: string[]): Promise<string[]>;
  export function defaultDevice(device: string): string;
  /** That of the backend, which is open. */
  export function getWebGPUDevice(): GPUDevice;
  export function blockUntilReady<T extends Tree>(tree: T): Promise<T>;
  export function jit<F>(f: F): F;
  export function vjp(
    f: (x: Array) => Array,
    primals: readonly [Array],
  ): [Array, ((cotangent: Array) => [Array]) & { dispose(): void }];
  export function valueAndGrad<P, R extends unknown[]>(
    f: (parameters: P, ...rest: R) => Array,
  ): (parameters: P, ...rest: R) => [Array, P];
  export const tree: { ref<T extends Tree>(tree: T): T };
  export const numpy: {
    array(values: Float32Array, options: { shape: number[] }): Array;
    zeros(shape: number[]): Array;
    exp(x: Array): Array;
    square(x: Array): Array;
    sqrt(x: Array): Array;
    matmul(a: Array, b: Array): Array;
  };
  export const nn: { relu(x: Array): Array; softplus(x: Array): Array };
  export const lax: {
    convGeneralDilated(x: Array, w: Array, strides: number[], padding: "SAME"): Array;
    convTranspose(x: Array, w: Array, strides: number[], padding: "SAME"): Array;
  };
}
