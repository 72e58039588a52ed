/**
 * latentgrad/metrics: what tells how good codes and samples are.
 */

export { type Moments, momentsOf } from "../math/covariance.ts";
export { frechetDistance, momentKl } from "../metrics/frechet.ts";
export { fitLinearProbe, type LabelledCodes, type LinearProbe } from "../models/linear-probe.ts";
