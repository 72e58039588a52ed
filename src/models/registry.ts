import type { Device } from "../gpu/device.ts";
import { UsageError } from "../gpu/errors.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import type { ImageShape, Model } from "./model.ts";
import { Vae } from "./vae.ts";

/** One option of a model, as `--set name=value` gives it. */
export interface Setting {
  readonly type: "number" | "integer" | "choice";
  readonly default: string;
  readonly choices?: string[];
  readonly min?: number;
  readonly max?: number;
  readonly help: string;
}

/** A model as the command line knows it. */
export interface ModelEntry {
  readonly name: string;
  readonly summary: string;
  /** Where it was published. */
  readonly source: string;
  readonly settings: Record<string, Setting>;
}

interface Definition extends ModelEntry {
  build(device: Device, random: HostRandom, image: ImageShape, settings: Settings): Model;
}

/** Checked settings of a model: every key is there, with its default where none was given. */
export class Settings {
  constructor(private readonly values: Readonly<Record<string, string>>) {}

  number(name: string): number {
    return Number(this.text(name));
  }

  text(name: string): string {
    const value = this.values[name];
    if (value === undefined) throw new UsageError(`the model has no setting "${name}"`);
    return value;
  }

  /** For the run's config. */
  all(): Readonly<Record<string, string>> {
    return this.values;
  }
}

const definitions: readonly Definition[] = [
  {
    name: "vae",
    summary: "variational autoencoder with Bernoulli pixels and a weight β on the KL term",
    source: "Kingma and Welling 2014; Higgins et al. 2017 for β",
    settings: {
      network: {
        type: "choice",
        default: "conv",
        choices: ["conv", "dense"],
        help: "conv: two strided convolutions each way; dense: one hidden layer of 400",
      },
      latent: { type: "integer", default: "2", min: 1, max: 1024, help: "latent dimensions" },
      beta: { type: "number", default: "1", min: 0, max: 1e6, help: "weight of the KL term" },
      width: {
        type: "number",
        default: "1",
        min: 0.01,
        max: 16,
        help: "factor on the filters, or on the hidden units of dense",
      },
      "learning-rate": { type: "number", default: "0.001", min: 0, max: 1e9, help: "Adam's step" },
    },
    build: (device, random, image, settings) =>
      new Vae(device, random, image, {
        network: settings.text("network") === "dense" ? "dense" : "conv",
        latent: settings.number("latent"),
        beta: settings.number("beta"),
        width: settings.number("width"),
      }),
  },
];

/** The models that can be trained. */
export const models: ModelEntry[] = [...definitions];

/** @throws UsageError for a name that is not registered */
export function findModel(name: string): Definition {
  const found = definitions.find((d) => d.name === name);
  if (!found)
    throw new UsageError(
      `unknown model "${name}": there is ${models.map((m) => m.name).join(", ")}`,
    );
  return found;
}

/** The model's settings with its defaults filled in. The command line has checked their values. */
export function resolveSettings(
  entry: ModelEntry,
  given: Readonly<Record<string, string>>,
): Settings {
  const defaults = Object.entries(entry.settings).map(([name, s]) => [name, s.default] as const);
  return new Settings({ ...Object.fromEntries(defaults), ...given });
}
