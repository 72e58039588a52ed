import { attributeClasses, type Dataset } from "../data/types.ts";
import type { Device } from "../gpu/device.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import type { SettingsOptions, SettingsTable, SettingValue } from "../settings/setting.ts";
import type { ImageShape, Model } from "./model.ts";

/** The seed of weights, order and noise where none is given. */
export const DEFAULT_SEED = 1;

/** What a model is built for: images of a size, in so many classes. */
export interface DataShape extends ImageShape {
  readonly classes: number;
  /** The numbers of values of the set's further labels, by name. */
  readonly attributes?: Readonly<Record<string, number>>;
  /** Images that it is or was trained on, where that is known. */
  readonly images?: number;
}

/** What is known of a model before one is made. */
export interface ModelDescription<S extends SettingsTable = SettingsTable> {
  /** As the command line and checkpoints call it: `vae`. */
  readonly name: string;
  readonly summary: string;
  /** Where it was published. */
  readonly source: string;
  readonly settings: S;
  /** It learns from the classes of the images. */
  readonly labels?: true;
  /**
   * How the terms are to be read that are evaluated, by name: unit, what is summed, whether a code is drawn.
   * A setting's name in braces stands for its value.
   */
  readonly notes: Readonly<Record<string, string>>;
  /** What −(reconstruction + kl) is an estimate of a lower bound of, if of anything. */
  readonly bound?: string;
  /** Its loss compares the images of a batch, so that there must be two. */
  readonly pairs?: true;
}

/**
 * The class of a model, which says itself what it is: `Vae`. A class that is derived from one of these is one, too;
 * it has the name and the settings of the other, unless it has a `description` of its own.
 */
export interface ModelClass<M extends Model = Model, S extends SettingsTable = SettingsTable> {
  new (
    device: Device,
    random: HostRandom,
    data: DataShape,
    // What a caller may give is SettingsOf: types of parameters turn the relation of classes round.
    settings?: never,
  ): M;
  readonly description: ModelDescription<S>;
}

/** What can be set of a model of a class: all that is not given has its default. */
export type SettingsOf<C extends ModelClass> = SettingsOptions<C["description"]["settings"]>;

/** A model as it is known by its name: what is known of it, and how one is made. */
export interface ModelDefinition extends ModelDescription {
  /**
   * @param random where the initial weights come from
   * @param settings by their names in programs; defaults stand for what is not given
   * @throws UsageError for settings that it does not have, or that do not go with these data
   */
  build(
    device: Device,
    random: HostRandom,
    data: DataShape,
    settings: Readonly<Record<string, SettingValue>>,
  ): Model;
}

/** The definition of a model that is given by its class. */
export function definitionOf(model: ModelClass): ModelDefinition {
  return {
    ...model.description,
    build: (device, random, data, settings) => new model(device, random, data, settings as never),
  };
}

/**
 * What a model has to know of a data set.
 *
 * @param images so many of its images are trained on; default all of its training part
 */
export function dataShape(dataset: Dataset, images = dataset.train.count): DataShape {
  const { height, width, channels, classes, vectors = false } = dataset;
  return {
    ...{ height, width, channels, classes, vectors, images },
    attributes: attributeClasses(dataset),
  };
}
