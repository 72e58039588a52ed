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

export type Creates = Record<(typeof MADE)[number], number> & { submits: number };

/** Counts what is made on a device and how often it is submitted to, from now on. */
export function countCreates(device: Device): Creates {
  const counts = { submits: 0 } as Creates;
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
  const submit = queue.submit.bind(queue);
  const value = (commands: Iterable<GPUCommandBuffer>) => {
    counts.submits++;
    submit(commands);
  };
  Object.defineProperty(queue, "submit", { value, configurable: true });
  return counts;
}
