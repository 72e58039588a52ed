import { attributeClasses, type Dataset } from "../data/types.ts";
import { quote } from "../formats/json.ts";
import { DataError } from "../gpu/errors.ts";
import type { ModelDescription } from "../models/definition.ts";

/** What a run was trained on, as far as labels go. */
export interface RunLabels {
  readonly entry: ModelDescription;
  /** Names of the classes. */
  readonly classes: readonly string[];
  /** The numbers of values of the set's further labels, by name. */
  readonly attributes: Readonly<Record<string, number>>;
}

/**
 * Checks that a set has the labels of a run whose model knows labels: it knows them by their numbers, and
 * with other names these would mean something else. Other models do not care.
 *
 * @param source what the error calls the set, as the user has
 * @throws DataError naming what differs first
 */
export function requireSameLabels(
  source: string,
  dataset: Dataset,
  { entry, classes, attributes }: RunLabels,
): void {
  if (!entry.labels) return;
  const fail = (what: string): never => {
    throw new DataError(`${source}: ${what}`);
  };
  const { classNames } = dataset;
  if (classNames.length !== classes.length)
    fail(`${classNames.length} classes, the run has ${classes.length}`);
  const other = classes.findIndex((name, i) => name !== classNames[i]);
  if (other >= 0)
    fail(`class ${other} is ${quote(classNames[other])}, the run has ${quote(classes[other])}`);
  const found = attributeClasses(dataset);
  for (const [name, values] of Object.entries(attributes))
    if (found[name] !== values)
      fail(`${found[name] ?? "no"} values of the label ${quote(name)}, the run has ${values}`);
}
