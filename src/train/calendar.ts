/** A stretch of a run in which the epochs have one length: its data were the same throughout. */
export interface EpochSpan {
  /** Steps and epochs done before it. An epoch that was not done began anew with the span. */
  readonly step: number;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
}

/**
 * Which epoch a step is of. A run has one span, and another one from each step on at which it went
 * on with other data. Steps and epochs count from 1, through all spans.
 */
export class Calendar {
  /** At least one. */
  private list: readonly EpochSpan[];

  constructor(stepsPerEpoch: number) {
    this.list = [{ step: 0, epochs: 0, stepsPerEpoch }];
  }

  get spans(): readonly EpochSpan[] {
    return this.list;
  }

  /** Takes over the spans of a run that goes on. They must be `soundSpans`. */
  restore(spans: readonly EpochSpan[]): void {
    this.list = [...spans];
  }

  /** Begins a span where a run is; one that had no step yet gives way to it. */
  beginSpan(span: EpochSpan): void {
    this.list = [...this.list.filter(({ step }) => step < span.step), span];
  }

  /** Steps in an epoch from now on. */
  get stepsPerEpoch(): number {
    return this.list.at(-1)!.stepsPerEpoch;
  }

  /** The number of the span that a step is of, from 0. */
  spanOf(step: number): number {
    return Math.max(
      0,
      this.list.findLastIndex((span) => span.step < step),
    );
  }

  epochOf(step: number): number {
    const span = this.list[this.spanOf(step)]!;
    return span.epochs + Math.floor((step - 1 - span.step) / span.stepsPerEpoch) + 1;
  }

  /** Steps before an epoch; where it began anew, before that. */
  beginOf(epoch: number): number {
    return beginIn(this.list[this.lastSpanOf(epoch)]!, epoch);
  }

  /** Steps before an epoch began for the first time. */
  firstBeginOf(epoch: number): number {
    const span = this.list.find((_, i) => epoch - 1 <= (this.list[i + 1]?.epochs ?? Infinity));
    return beginIn(span!, epoch);
  }

  /** Epochs between the beginning of an epoch and a step of it or behind it, with fractions. */
  epochsSince(first: number, step: number): number {
    const { step: origin, epochs, stepsPerEpoch } = this.list[this.spanOf(step)]!;
    return (step - 1 - origin + (epochs - (first - 1)) * stepsPerEpoch) / stepsPerEpoch;
  }

  /**
   * The place of a step's end on an axis of epochs. It grows with every step: all steps of an epoch
   * that began anew share its length.
   */
  placeOf(step: number): number {
    if (step < 1) return 0;
    const epoch = this.epochOf(step);
    const begin = this.firstBeginOf(epoch);
    const end = this.beginOf(epoch) + this.list[this.lastSpanOf(epoch)]!.stepsPerEpoch;
    return epoch - 1 + (step - begin) / (end - begin);
  }

  private lastSpanOf(epoch: number): number {
    return this.list.findLastIndex(({ epochs }) => epochs < epoch);
  }
}

function beginIn({ step, epochs, stepsPerEpoch }: EpochSpan, epoch: number): number {
  return step + (epoch - 1 - epochs) * stepsPerEpoch;
}

/** Spans that were read from a file; undefined for what can be none. */
export function soundSpans(value: unknown): readonly EpochSpan[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  let before: EpochSpan | undefined;
  for (const span of value as (Partial<EpochSpan> | null)[]) {
    const { step, epochs, stepsPerEpoch } = span ?? {};
    if (!isCount(step) || !isCount(epochs) || !isCount(stepsPerEpoch) || stepsPerEpoch < 1)
      return undefined;
    if (before ? !follows(before, step, epochs) : step !== 0 || epochs !== 0) return undefined;
    before = { step, epochs, stepsPerEpoch };
  }
  return value as EpochSpan[];
}

/** A span may begin there: behind the one before, and in the epoch that this one is in. */
function follows(before: EpochSpan, step: number, epochs: number): boolean {
  const batch = step - beginIn(before, epochs + 1);
  return (
    step > before.step && epochs >= before.epochs && batch >= 0 && batch <= before.stepsPerEpoch
  );
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
