import type { Device } from "../../src/gpu/device.ts";

const MADE = [
  "createBuffer",
  "createBindGroup",
  "createBindGroupLayout",
  "createPipelineLayout",
  "createShaderModule",
  "createComputePipeline",
  "createComputePipelineAsync",
  "createQuerySet",
] as const;

export type Creates = Record<(typeof MADE)[number], number> & { submits: number; uploads: number };

/** Counts what is made on a device, submits to it and uploads, from now on. */
export function countCreates(device: Device): Creates {
  const counts = { submits: 0, uploads: 0 } as Creates;
  for (const name of MADE) {
    counts[name] = 0;
    const original = (device.gpu[name] as (...args: unknown[]) => unknown).bind(device.gpu);
    const value = (...args: unknown[]) => {
      counts[name]++;
      return original(...args);
    };
    Object.defineProperty(device.gpu, name, { value, configurable: true });
  }
  const { queue } = device.gpu;
  for (const [name, kind] of [
    ["submit", "submits"],
    ["writeBuffer", "uploads"],
  ] as const) {
    const original = (queue[name] as (...args: unknown[]) => void).bind(queue);
    const value = (...args: unknown[]) => {
      counts[kind]++;
      original(...args);
    };
    Object.defineProperty(queue, name, { value, configurable: true });
  }
  return counts;
}
