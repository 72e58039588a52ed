/**
 * Every model by its name, as the command line knows them. It brings the code of all.
 *
 * @module latentgrad/models/all
 */

export type { ModelOptions } from "../../models/build.ts";
export { createModel, type ModelByName, type SettingsByName } from "../../models/create.ts";
export { type ModelName, modelClasses } from "../../models/registry.ts";
export { loadAnyModel } from "../../train/load-any-model.ts";
