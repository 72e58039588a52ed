import { UsageError } from "../../gpu/errors.ts";
import { openDevice } from "../../gpu/open.ts";
import { didYouMean } from "../../gpu/suggest.ts";
import { LADDER_FEATURES, type LadderOptions, type LadderReport, runLadder } from "../ladder.ts";
import { ladders } from "./registry.ts";

/**
 * Runs the ladder of this name on a device of its own, which has the features that rungs ask for.
 *
 * @param log gets a line about what is done next
 * @throws UsageError for an unknown name
 */
export async function runNamedLadder(
  name: string,
  options: LadderOptions,
  log: (line: string) => void,
): Promise<LadderReport> {
  const make = Object.hasOwn(ladders, name) ? ladders[name] : undefined;
  if (!make) {
    const names = Object.keys(ladders);
    throw new UsageError(
      `there is no ladder "${name}"${didYouMean(name, names)}; there are ${names.join(" and ")}`,
    );
  }
  const device = await openDevice({ features: LADDER_FEATURES });
  try {
    return await runLadder(device, name, make(), options, log);
  } finally {
    device.close();
  }
}
