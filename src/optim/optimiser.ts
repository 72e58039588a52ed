import {
  checkDevice,
  checkObject,
  checkOptions,
  checkWhole,
  isNot,
  type OptionRules,
} from "../gpu/arguments.ts";
import type { Call } from "../gpu/call.ts";
import type { Device } from "../gpu/device.ts";
import { CheckpointError, DeviceError, DTypeError, ShapeError, UsageError } from "../gpu/errors.ts";
import { Shown } from "../gpu/shown.ts";
import { Value } from "../gpu/value.ts";
import {
  globalNormCall,
  gradientCheckCall,
  type Substep,
  squareShares,
  type UpdateValues,
} from "../kernels/optimiser.ts";
import { checkList, checkTensors, eachOf } from "../tensor/arguments.ts";
import { partOf, variable } from "../tensor/create.ts";
import { formatShape, Tensor } from "../tensor/tensor.ts";
import { ALL_FINITE, StepState } from "./step-state.ts";

/** Parameters start at multiples of this many elements: buffers are bound at multiples of 256 bytes. */
const ALIGNMENT = 64;
/** Guarded tensors that one kernel can look at besides the gradients. */
const MOST_GUARDS = 4;

/** What every optimiser can be set. */
export interface OptimiserOptions {
  readonly learningRate: number;
  /** Largest global norm of the gradients: greater ones are scaled down to it. */
  readonly clipNorm?: number;
  /**
   * Which step this is, shared with other optimisers, so that all stop at a step that is not finite. Default: a
   * state of its own.
   */
  readonly stepState?: StepState;
  /**
   * An optimiser of which these parameters are a group: it moves them, too, and in its list they follow one
   * another as in this one's. They stay in its arena; gradients and state are this one's own.
   */
  readonly parameterGroupOf?: Optimiser;
  /** Updates in a step, as a critic has several. Default 1. */
  readonly substeps?: number;
}

/**
 * Updates a set of parameters. They move into one flat arena, as do their gradients and the
 * optimiser's state, so that an update is one dispatch. A step reads nothing back: what changes from
 * step to step is in variables, and a step that is not finite stops the updates by itself.
 */
export abstract class Optimiser extends Shown {
  /** f32 variable, one element. */
  readonly learningRate: Tensor;
  /** Which step this is, and the first that was not finite; whoever runs the steps keeps it. */
  readonly stepState: StepState;
  /**
   * f32 variable [factor, norm]: the last step's gradients were multiplied by the factor, and had
   * the norm before. [1, 0] without clipNorm.
   */
  readonly clipping: Tensor;
  /** All parameters, one behind the other with gaps: f32 variable. */
  readonly arena: Tensor;

  private readonly offsets: readonly number[];
  private readonly size: number;
  private readonly values: UpdateValues;
  private readonly arenas = new Map<string, Tensor>();
  private readonly clipNorm: number | undefined;
  private readonly substeps: number;

  /**
   * @param op name for errors
   * @param parameters f32 variables. Tensors and programs that were made before still refer to them,
   *   but programs that were recorded before no longer run.
   */
  protected constructor(
    private readonly op: string,
    /** Where the parameters are. */
    readonly device: Device,
    readonly parameters: readonly Tensor[],
    options: OptimiserOptions,
  ) {
    super();
    checkDevice(op, device);
    if (device.sink) throw new UsageError(`${op}: make the optimiser before the step is recorded`);
    this.checkParameters();
    this.clipNorm = options.clipNorm;
    if (this.clipNorm !== undefined) requireRange(op, "clipNorm", this.clipNorm, 0);
    requireRange(op, "learningRate", options.learningRate, 0);
    this.substeps = options.substeps ?? 1;
    if (!Number.isInteger(this.substeps) || this.substeps < 1)
      throw new ShapeError(op, `substeps is ${this.substeps}, expected a whole number from 1 on`);

    let end = 0;
    this.offsets = parameters.map(({ size }) => {
      const offset = end;
      end += Math.max(1, Math.ceil(size / ALIGNMENT)) * ALIGNMENT;
      return offset;
    });
    this.size = end;
    const scalar = (data: Float32Array<ArrayBuffer>, label: string) =>
      variable(device, data, [data.length], label);
    this.learningRate = scalar(Float32Array.of(options.learningRate), "learning rate");
    this.stepState = options.stepState ?? new StepState(device);
    this.clipping = scalar(Float32Array.of(1, 0), "clipping");
    this.arena = options.parameterGroupOf
      ? this.groupOf(options.parameterGroupOf)
      : this.moveParameters();
    this.values = {
      gradients: this.makeArena("gradients").value,
      learningRate: this.learningRate.value,
      control: this.clipping.value,
      flag: this.stepState.nonFiniteStep.value,
      step: this.stepState.step.value,
      count: this.stepState.stageStep.value,
      parameters: this.arena.value,
    };
  }

  override toString(): string {
    const count = this.parameters.reduce((sum, p) => sum + p.size, 0);
    return `${this.op} of ${count.toLocaleString("en")} parameters`;
  }

  /** The update of all parameters as one call; changes `parameters` and the state in place. @internal */
  protected abstract update(values: UpdateValues, substep: Substep): Call;

  /**
   * Changes the parameters by their gradients. Eager, or recorded; in a recording the gradients are
   * written to the arena by the kernels that compute them.
   *
   * @param gradients one for each parameter, in the same order
   * @param options.guard further f32 tensors (the loss) that must be finite, at most 4
   * @param options.substep which of the step's updates it is, from 0; default 0
   */
  step(
    gradients: readonly (Tensor | undefined)[],
    options: { readonly guard?: readonly Tensor[]; readonly substep?: number } = {},
  ): void {
    const { device, op, values, substeps } = this;
    checkOptions(op, options, { guard: "any?", substep: "number?" });
    const { substep = 0 } = options;
    if (!(substep >= 0 && substep < substeps))
      throw new ShapeError(op, `substep ${substep} of a step with ${substeps} updates`);
    const found = this.checkGradients(gradients);
    const guard = options.guard ?? [];
    const named = eachOf(op, "guard", guard, ["f32"]);
    if (guard.length > 0) checkTensors(op, named, device);
    const guards = guard.filter((t) => t.size > 0);
    if (guards.length > MOST_GUARDS)
      throw new ShapeError(op, `${guards.length} guards, at most ${MOST_GUARDS}`);

    const filled = found.flatMap((g, i) => (g.size > 0 ? [i] : []));
    device.emit({
      op,
      pack: true,
      inputs: filled.map((i) => (found[i] as Tensor).value),
      target: values.gradients,
      offsets: filled.map((i) => (this.offsets[i] as number) * 4),
    });
    const shares =
      this.clipNorm === undefined
        ? undefined
        : new Value(device, "f32", squareShares(values.gradients), "squares");
    const guarded = guards.map((t) => t.value);
    device.emit(gradientCheckCall(values, guarded, shares));
    if (shares) device.emit(globalNormCall(shares, this.clipNorm as number, values.control));
    device.emit(this.update(values, { substeps, substep }));
  }

  /** Writes the step's number, from 1, for the next step or run: `stepState.moveTo({ step })`. */
  setStep(step: number): void {
    checkWhole(this.op, "step", step, 0, ALL_FINITE);
    this.stepState.moveTo({ step });
  }

  /** Writes the learning rate for the next step or run. */
  setLearningRate(rate: number): void {
    requireRange(this.op, "learningRate", rate, 0);
    this.learningRate.set(Float32Array.of(rate));
  }

  /** The state as flat f32 tensors by PyTorch's names, each as long as the arena of parameters. */
  state(): Record<string, Tensor> {
    return Object.fromEntries(this.arenas);
  }

  /**
   * Puts back what `state` gave, and forgets that a step was not finite.
   *
   * @throws CheckpointError for state of another kind of optimiser or of other parameters; nothing
   *   is changed then
   */
  loadState(state: Readonly<Record<string, Float32Array>>): void {
    checkObject(this.op, "state", state, []);
    this.checkState(state);
    for (const [name, arena] of this.arenas) arena.set(state[name] as Float32Array);
    this.stepState.clearNonFinite();
  }

  /** Throws CheckpointError for what `loadState` would not take. @internal */
  checkState(state: Readonly<Record<string, Float32Array>>): void {
    for (const name of Object.keys(state))
      if (!this.arenas.has(name)) throw new CheckpointError(`${this.op} has no state "${name}"`);
    for (const [name, { size }] of this.arenas) {
      const found = state[name]?.length;
      if (found !== size)
        throw new CheckpointError(
          `${this.op}: state "${name}" ${found === undefined ? "is missing" : `has ${found} elements`}, expected ${size}`,
        );
    }
  }

  /** The parts of an arena's values that belong to each parameter; they share its memory. @internal */
  partsOf(values: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer>[] {
    if (values.length !== this.size)
      throw new ShapeError(this.op, `${values.length} values, the arena has ${this.size}`);
    return this.parameters.map(({ size }, i) => {
      const offset = this.offsets[i] as number;
      return values.subarray(offset, offset + size);
    });
  }

  /** A part of the state, beside the parameters element by element. @internal */
  protected stateArena(name: string, initial = 0): Value {
    const arena = this.makeArena(name, initial);
    this.arenas.set(name, arena);
    return arena.value;
  }

  private makeArena(name: string, initial = 0): Tensor {
    const data = new Float32Array(this.size).fill(initial);
    return variable(this.device, data, [this.size], `${this.op} ${name}`);
  }

  private moveParameters(): Tensor {
    const { device, offsets } = this;
    const tensor = this.makeArena("parameters");
    const arena = tensor.value;
    const filled = this.parameters.flatMap((p, i) => (p.size > 0 ? [i] : []));
    device.emit({
      op: this.op,
      pack: true,
      inputs: filled.map((i) => (this.parameters[i] as Tensor).value),
      target: arena,
      offsets: filled.map((i) => (offsets[i] as number) * 4),
    });
    for (const i of filled)
      device.rehome((this.parameters[i] as Tensor).value, arena, (offsets[i] as number) * 4);
    return tensor;
  }

  /** The stretch of another optimiser's arena that holds the parameters. */
  private groupOf(other: Optimiser): Tensor {
    const { op, parameters, offsets, size } = this;
    const place = other.parameters.findIndex(({ value }) => value === parameters[0]?.value);
    for (const [i, { value }] of parameters.entries())
      if (place < 0 || other.parameters[place + i]?.value !== value)
        throw new UsageError(
          `${op}: ${this.describe(i)} has another place in options.parameterGroupOf, ${other.op}`,
        );
    const start = other.offsets[place] as number;
    // Both lay their parameters out by the same rule, so the distances agree.
    if (offsets.some((offset, i) => start + offset !== other.offsets[place + i]))
      throw new UsageError(
        `${op}: the parameters lie in another order in options.parameterGroupOf, ${other.op}`,
      );
    return partOf(other.arena, start, [size], `${op} parameters`);
  }

  private checkParameters(): void {
    const { op, parameters } = this;
    const named = eachOf(op, "parameters", parameters, ["f32"]);
    if (parameters.length === 0) throw new ShapeError(op, "there are no parameters");
    for (const [i, x] of (parameters as readonly unknown[]).entries())
      if (!(x instanceof Tensor) && (x as { tensor?: unknown } | null)?.tensor instanceof Tensor)
        throw new DTypeError(
          op,
          `parameters[${i}] is a named tensor, wanted the tensor: model.parameters().map((p) => p.tensor)`,
        );
    checkTensors(op, named, this.device);
    const seen = new Set<Value>();
    for (const [i, { value }] of parameters.entries()) {
      if (!value.persistent)
        throw new UsageError(
          `${op}: ${this.describe(i)} is no variable that can change, wanted a parameter: parameter(device, data, shape) makes one`,
        );
      if (seen.has(value)) throw new UsageError(`${op}: ${this.describe(i)} is given twice`);
      seen.add(value);
    }
  }

  private checkGradients(gradients: readonly (Tensor | undefined)[]): Tensor[] {
    const { op, parameters } = this;
    checkList(op, "gradients", gradients, "an array of tensors, as grad gives it");
    if (gradients.length > parameters.length)
      throw new ShapeError(op, `${gradients.length} gradients for ${parameters.length} parameters`);
    return parameters.map((p, i) => {
      const g = gradients[i];
      if (g === undefined) throw new ShapeError(op, `there is no gradient of ${this.describe(i)}`);
      checkTensors(op, [[`gradients[${i}]`, g, "f32"]], this.device);
      if (`${g.shape}` !== `${p.shape}`)
        throw new ShapeError(op, `the gradient of ${this.describe(i)} is ${formatShape(g.shape)}`);
      return g;
    });
  }

  private describe(i: number): string {
    const { value, shape } = this.parameters[i] as Tensor;
    return `parameters[${i}] (${value.label} ${formatShape(shape)})`;
  }
}

/** What the options that all optimisers have hold. */
const sharedRules: OptionRules<OptimiserOptions> = {
  learningRate: "number",
  clipNorm: "number?",
  stepState: "any?",
  parameterGroupOf: "any?",
  substeps: "number?",
};

/** Checks what an optimiser is made of, before its constructor looks at the options. */
export function checkOptimiser<T extends OptimiserOptions>(
  op: string,
  device: Device,
  options: T,
  rules: OptionRules<Omit<T, keyof OptimiserOptions>>,
): void {
  checkDevice(op, device);
  checkOptions<T>(op, options, { ...sharedRules, ...rules } as OptionRules<T>);
  const { stepState, parameterGroupOf } = options;
  if (stepState !== undefined && !(stepState instanceof StepState))
    throw new UsageError(`${op}: ${isNot("options.stepState", stepState, "a StepState")}`);
  if (stepState && stepState.device !== device)
    throw new DeviceError(op, "options.stepState is on another device than the one given");
  if (parameterGroupOf !== undefined && !(parameterGroupOf instanceof Optimiser))
    throw new UsageError(
      `${op}: ${isNot("options.parameterGroupOf", parameterGroupOf, "an optimiser")}`,
    );
}

/** @throws ShapeError for a hyperparameter outside [low, high), or NaN */
export function requireRange(
  op: string,
  name: string,
  x: number,
  low: number,
  high = Number.POSITIVE_INFINITY,
): void {
  const range = `[${low}, ${high})`;
  if (typeof x !== "number") throw new ShapeError(op, isNot(name, x, `a number in ${range}`));
  if (!(x >= low && x < high)) throw new ShapeError(op, `${name} is ${x}, outside ${range}`);
}
