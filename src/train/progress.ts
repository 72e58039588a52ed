/** How far a training is, and how it went since it was last told of. */
export interface TrainProgress {
  /** Steps done. */
  readonly step: number;
  /** Epoch of that step, from 1. */
  readonly epoch: number;
  /** The loss terms by name: means over the steps since the last report, in nats per sample. */
  readonly terms: Readonly<Record<string, number>>;
  /** It was the last step of its epoch. */
  readonly endOfEpoch: boolean;
}

/** How far `train` goes. */
export interface TrainRange {
  /**
   * Epochs in all, those done before included. Default: those that the trainer was made for; without
   * any it trains until it is stopped.
   */
  readonly epochs?: number | undefined;
  /** Steps between two reports, which an epoch's end may shorten. Default 10. */
  readonly every?: number | undefined;
  /** Stops between steps: what was queued is done and told of, then the iteration ends. */
  readonly signal?: AbortSignal | undefined;
}
