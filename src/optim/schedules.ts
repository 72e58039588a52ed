import { checkNumber, checkText } from "../gpu/arguments.ts";

/** Where a training run is: what a schedule depends on. */
export interface Progress {
  /** Epochs done before the step, with fractions: 1.5 in the middle of the second epoch. */
  readonly epochs: number;
  /** Epochs that the run will have. */
  readonly of: number;
}

/** A factor on a learning rate or a weight, as a function of the place in the run. */
export interface Schedule {
  /** As it was written. */
  readonly text: string;
  /** It depends on how many epochs the run will have, so a run that is extended changes it. */
  readonly needsLength: boolean;
  /** The factor at a time of the training. */
  at(progress: Progress): number;
}

const constant: Schedule = { text: "constant", needsLength: false, at: () => 1 };

/** How schedules of the learning rate are written, for help and errors. */
export const learningRateForms =
  "constant, cosine, cosine:END, step:EPOCHS:FACTOR or milestones:EPOCH=FACTOR,…";

/**
 * A schedule of the learning rate:
 *
 * - `constant`
 * - `cosine`, `cosine:END`: half a cosine from 1 to END (default 0) over the whole run (Loshchilov and
 *   Hutter 2017, without restarts)
 * - `step:EPOCHS:FACTOR`: times FACTOR after every so many epochs
 * - `milestones:E1=F1,E2=F2,…`: times F1 from E1 epochs on, times F2 as well from E2 on
 *
 * @returns undefined for any other text
 */
export function learningRateSchedule(text: string): Schedule | undefined {
  checkText("learningRateSchedule", "text", text, `a text of the form ${learningRateForms}`);
  const [name, ...parts] = text.split(":");
  if (text === "constant") return constant;
  if (name === "cosine" && parts.length <= 1) {
    const end = parts.length === 0 ? 0 : number(parts[0], 0, 1);
    return end === undefined ? undefined : { text, needsLength: true, at: cosine(end) };
  }
  if (name === "step" && parts.length === 2) {
    const [every, factor] = [positive(parts[0]), positive(parts[1])];
    if (every === undefined || factor === undefined) return undefined;
    return { text, needsLength: false, at: ({ epochs }) => factor ** Math.floor(epochs / every) };
  }
  if (name === "milestones" && parts.length === 1) {
    const marks = (parts[0] as string).split(",").map((mark) => mark.split("=").map(positive));
    if (!marks.every((mark) => mark.length === 2 && !mark.includes(undefined))) return undefined;
    const pairs = marks as [number, number][];
    const at = ({ epochs }: Progress) =>
      pairs.reduce((factor, [from, times]) => (epochs >= from ? factor * times : factor), 1);
    return { text, needsLength: false, at };
  }
  return undefined;
}

/** How schedules of β are written, for help and errors. */
export const betaForms = "constant, linear:EPOCHS or cyclic:EPOCHS";

/**
 * A schedule of the KL term's weight:
 *
 * - `constant`
 * - `linear:EPOCHS`: from 0 to 1 over so many epochs (Bowman et al. 2016; Sønderby et al. 2016)
 * - `cyclic:EPOCHS`: cycles of so many epochs, from 0 to 1 over the first half of each, then 1 (Fu et
 *   al. 2019)
 *
 * @returns undefined for any other text
 */
export function betaSchedule(text: string): Schedule | undefined {
  checkText("betaSchedule", "text", text, `a text of the form ${betaForms}`);
  const [name, ...parts] = text.split(":");
  if (text === "constant") return constant;
  const length = parts.length === 1 ? positive(parts[0]) : undefined;
  if (length === undefined) return undefined;
  if (name === "linear") {
    return { text, needsLength: false, at: ({ epochs }) => Math.min(1, epochs / length) };
  }
  if (name === "cyclic") {
    const at = ({ epochs }: Progress) => Math.min(1, (2 * (epochs % length)) / length);
    return { text, needsLength: false, at };
  }
  return undefined;
}

/**
 * The factor of a warm-up: it grows linearly and is 1 from step `steps` on.
 *
 * @param step number of the step, from 1
 */
export function warmUp(step: number, steps: number): number {
  checkNumber("warmUp", "step", step);
  checkNumber("warmUp", "steps", steps);
  return steps > 0 ? Math.min(1, step / steps) : 1;
}

function cosine(end: number): Schedule["at"] {
  return ({ epochs, of }) =>
    end + ((1 - end) * (1 + Math.cos(Math.PI * Math.min(1, epochs / of)))) / 2;
}

function positive(text: string | undefined): number | undefined {
  return number(text, Number.MIN_VALUE, Number.MAX_VALUE);
}

function number(text: string | undefined, min: number, max: number): number | undefined {
  const value = /^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text ?? "") ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
}
