/** Recordings that read what they can through textures, or nothing but products' operands. */
import type { Device } from "../../src/gpu/device.ts";
import type { Step } from "../../src/gpu/step.ts";
import type { ReadCosts } from "../../src/gpu/target.ts";

/** Copies cost nothing, and texels nothing: whatever can be is read through textures. */
export const FREE: ReadCosts = {
  number: 1,
  vector: 4,
  texel: 0,
  channel: 0,
  copy: 0,
  fill: 0,
  pass: 0,
};

/** What `body` gives while the device has other costs. */
export async function withCosts<T>(
  device: Device,
  costs: ReadCosts | undefined,
  body: () => Promise<T>,
): Promise<T> {
  const { textures } = device.target;
  const usual = textures.costs;
  textures.costs = costs;
  try {
    return await body();
  } finally {
    textures.costs = usual;
  }
}

/** Elements of each input that each dispatch reads through a texture. */
export function textureReads(steps: readonly Step[]): number[][] {
  return steps.flatMap((step) =>
    step.kind === "dispatch" ? [step.textures.map(({ from }) => from.bytes / 4)] : [],
  );
}
