import { type Fingerprint, withEarlier } from "../data/fingerprint.ts";
import { CheckpointError } from "../gpu/errors.ts";
import {
  earlierDataIn,
  fingerprintIn,
  fromMetadata,
  otherCircumstances,
  otherData,
  type StateFacts,
  type TrainState,
  withOtherData,
} from "./state.ts";

/** What a checkpoint was, and how a training goes on from it. */
export interface Restored {
  readonly state: TrainState;
  /** Why what follows is not bit for bit what it would have been, or "". */
  readonly otherwise: string;
  /** Other data than those of now that it was trained on, in their order. */
  readonly earlierData: readonly Fingerprint[];
}

/**
 * The state that a training goes on from. Its calendar is brought to where the checkpoint is. With other
 * data, where they are allowed, the epoch at work begins anew.
 *
 * @param how.validated there are validation images, by which the best epoch is chosen
 * @throws CheckpointError for a state that cannot be, or one of other data that are not allowed
 */
export function goingOn(
  metadata: Readonly<Record<string, string>>,
  facts: StateFacts,
  how: {
    readonly path: string;
    /** Undefined where other data are allowed; else what errors call the option that allows them. */
    readonly allow: string | undefined;
    readonly validated: boolean;
  },
): Restored {
  const { path, allow, validated } = how;
  const { calendar } = facts;
  const { stepsPerEpoch: now } = calendar;
  const { state, spans } = fromMetadata(metadata, path);
  const { stepsPerEpoch: before } = spans.at(-1)!;
  const data = otherData(metadata, facts, path);
  if (allow !== undefined && (before !== now || data !== undefined))
    throw new CheckpointError(
      `${path}: ${data ?? `its epochs have ${before} steps, with these data they have ${now}`}; ${allow} goes on with them`,
    );
  const earlier = earlierDataIn(metadata, path);
  if (data === undefined && before === now) {
    calendar.restore(spans);
    return { state, otherwise: otherCircumstances(metadata, facts), earlierData: earlier };
  }
  const { state: changed, said } = withOtherData(state, spans, facts, validated);
  return {
    state: changed,
    earlierData: data === undefined ? earlier : withEarlier(earlier, fingerprintIn(metadata, path)),
    otherwise: `${data ?? "the data are not those it had"}${said && ": "}${said}`,
  };
}
