/**
 * What tells how good codes and samples are.
 *
 * @module latentgrad/metrics
 */

export { type Moments, momentsOf } from "../math/covariance.ts";
export { frechetDistance, momentKl } from "../metrics/frechet.ts";
export { fitLinearProbe, type LabelledCodes, type LinearProbe } from "../models/linear-probe.ts";
