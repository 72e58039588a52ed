import type { Device } from "../../src/gpu/device.ts";
import { openDevice } from "../../src/gpu/open.ts";
import { type GivenOptions, toTrainOptions } from "../../src/train/config.ts";
import type { MetricRecord } from "../../src/train/metrics.ts";
import type { TrainOptionName } from "../../src/train/options.ts";
import { type TrainHooks, type TrainResult, train } from "../../src/train/train.ts";
import { testDevice } from "./device.ts";
import type { MemoryHost } from "./memory-host.ts";

/** Options as they are typed; undefined takes one of the defaults below away. */
export type Texts = { readonly [K in TrainOptionName]?: string | undefined };

/** A run that takes a moment: 4 steps an epoch, and validation on the same 32 images. */
const tiny: Texts = { data: "glyphs", batch: "8", overfit: "32", epochs: "2" };
const settings = { width: "0.05", latent: "2", network: "dense" };

/** One device for all runs of a file: its kernels are compiled once. Closing it does nothing. */
async function sharedDevice(): Promise<Device> {
  const device = await testDevice();
  Object.defineProperty(device, "close", { value: () => undefined, configurable: true });
  return device;
}

/** Trains in memory, in the folder r, on the device that tests share unless the hooks open another. */
export function trainInMemory(
  host: MemoryHost,
  texts: Texts = {},
  hooks: TrainHooks = {},
  more: Record<string, string> = {},
  model = "vae",
): Promise<TrainResult> {
  const all = Object.entries({ ...tiny, ...texts }).filter(([, text]) => text !== undefined);
  const given = {
    model,
    texts: Object.fromEntries(all) as GivenOptions["texts"],
    settings: model === "vae" ? { ...settings, ...more } : more,
  };
  const options = toTrainOptions(given, () => "r");
  return train(options, host, { openDevice: sharedDevice, ...hooks });
}

/** The lines of metrics.jsonl. */
export function metricsOf(host: MemoryHost): MetricRecord[] {
  const lines = host.text("r/metrics.jsonl").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as MetricRecord);
}

/** What must be the same in a run that was broken and in one that was not. */
export function trace(host: MemoryHost): { checkpoint: string; metrics: unknown[] } {
  const metrics = metricsOf(host)
    .filter(({ kind }) => kind !== "event")
    .map(({ time: _, seconds: __, images_per_second: ___, ...rest }) => rest);
  return { checkpoint: hex(host.files.get("r/checkpoints/last.safetensors")), metrics };
}

function hex(bytes: Uint8Array = new Uint8Array()): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Opens devices and remembers them, so that a test can destroy the one in use. */
export class Devices {
  readonly opened: Device[] = [];
  readonly open = async (): Promise<Device> => {
    const device = await openDevice();
    this.opened.push(device);
    this.onOpen?.(device, this.opened.length);
    return device;
  };
  constructor(private readonly onOpen?: (device: Device, number: number) => void) {}
}
