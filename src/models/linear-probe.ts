import { oneHot } from "../autograd/ops/indexing.ts";
import { mean } from "../autograd/ops/reduce.ts";
import { grad } from "../autograd/tape.ts";
import { checkDevice, checkObject, checkWhole, isNot } from "../gpu/arguments.ts";
import type { Device } from "../gpu/device.ts";
import { ShapeError, UsageError } from "../gpu/errors.ts";
import { HostRandom } from "../nn/initialisers.ts";
import { Linear } from "../nn/linear.ts";
import { Adam } from "../optim/adam.ts";
import { learningRateSchedule, type Schedule } from "../optim/schedules.ts";
import { variable } from "../tensor/create.ts";
import { record } from "../tensor/run.ts";
import { crossEntropy } from "./losses.ts";

/** Steps of Adam over all codes at once, at a rate that falls to 0 as a cosine. */
const STEPS = 300;
const RATE = 0.05;

/** Codes with the classes of what they are the codes of. */
export interface LabelledCodes {
  /** [count, dimensions] */
  readonly codes: Float32Array;
  readonly labels: ArrayLike<number>;
  readonly count: number;
}

/** A linear map of standardised codes to the logits of classes; all on the host. */
export interface LinearProbe {
  /** The class with the largest logit, for each code: [count]. */
  predict(codes: Float32Array): Uint32Array;
}

/**
 * Linear probe (Alain and Bengio, *Understanding intermediate layers using linear classifier probes*,
 * 2017): logistic regression of the class on codes that stay as they are. How often it is right says how
 * much of the class a linear map finds in them. Every dimension is brought to mean 0 and variance 1 over
 * these codes first, so their scale does not count.
 *
 * Resolves when the training on the device is over. The same codes give the same probe on one adapter.
 *
 * @throws ShapeError for codes that do not fill their rows, or fewer than two classes
 */
export async function fitLinearProbe(
  device: Device,
  labelled: LabelledCodes,
  classes: number,
): Promise<LinearProbe> {
  checkDevice("fitLinearProbe", device);
  checkLabelled("fitLinearProbe", labelled);
  checkWhole("fitLinearProbe", "classes", classes, 0);
  const { codes, labels, count } = labelled;
  const dimensions = codes.length / count;
  if (!(Number.isInteger(dimensions) && dimensions >= 1))
    throw new ShapeError("fitLinearProbe", `${codes.length} numbers for ${count} codes`);
  if (classes < 2) throw new ShapeError("fitLinearProbe", `${classes} classes are not two`);
  const scaling = scalingOf(codes, dimensions);
  const x = variable(device, scaled(codes, scaling), [count, dimensions], "codes");
  const label = variable(device, Uint32Array.from(labels), [count], "labels");
  const map = new Linear(device, new HostRandom(0), dimensions, classes);
  const parameters = map.parameters().map(({ tensor }) => tensor);
  const optimiser = new Adam(device, parameters, { learningRate: RATE });
  const { program } = await record(device, () => {
    const loss = mean(crossEntropy(map.forward(x), oneHot(label, classes)));
    optimiser.step(grad(loss, parameters));
  });
  const schedule = learningRateSchedule("cosine") as Schedule;
  for (let step = 1; step <= STEPS; step++) {
    optimiser.setStep(step);
    optimiser.setLearningRate(RATE * schedule.at({ epochs: step - 1, of: STEPS }));
    program.run();
    // A signal is heard in between, and the queue stays short.
    if (step % 10 === 0) await device.finish();
  }
  const [weight, bias] = await Promise.all(parameters.map((parameter) => parameter.data()));
  program.release();
  for (const { value } of [x, label]) device.release(value);
  return {
    predict: (given) => argmaxRows(scaled(given, scaling), weight!, bias!, dimensions),
  };
}

function checkLabelled(op: string, labelled: unknown): void {
  checkObject(op, "labelled", labelled, ["codes", "labels", "count"]);
  const { codes, count } = labelled;
  checkWhole(op, "labelled.count", count);
  if (!(codes instanceof Float32Array))
    throw new UsageError(`${op}: ${isNot("labelled.codes", codes, "a Float32Array")}`);
}

interface Scaling {
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
}

function scalingOf(codes: Float32Array, dimensions: number): Scaling {
  const count = codes.length / dimensions;
  const mean = new Float64Array(dimensions);
  const squares = new Float64Array(dimensions);
  codes.forEach((x, i) => {
    mean[i % dimensions]! += x / count;
  });
  codes.forEach((x, i) => {
    const j = i % dimensions;
    squares[j]! += (x - mean[j]!) ** 2 / count;
  });
  // A dimension that never changes says nothing: it stays 0.
  return { mean, deviation: squares.map((v) => (v > 0 ? Math.sqrt(v) : 1)) };
}

function scaled(codes: Float32Array, { mean, deviation }: Scaling): Float32Array<ArrayBuffer> {
  const n = mean.length;
  return Float32Array.from(codes, (x, i) => (x - mean[i % n]!) / deviation[i % n]!);
}

/** weight: [dimensions, classes] */
function argmaxRows(
  codes: Float32Array,
  weight: Float32Array,
  bias: Float32Array,
  dimensions: number,
): Uint32Array {
  const classes = bias.length;
  return Uint32Array.from({ length: codes.length / dimensions }, (_, i) => {
    const logits = Float64Array.from(bias);
    for (let j = 0; j < dimensions; j++) {
      const x = codes[i * dimensions + j]!;
      for (let c = 0; c < classes; c++) logits[c]! += x * weight[j * classes + c]!;
    }
    return logits.indexOf(logits.reduce((a, b) => Math.max(a, b)));
  });
}
