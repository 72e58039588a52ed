/** What was asked of WebGPU, by kind. */
export interface Counts {
  buffers: number;
  bindGroups: number;
  pipelines: number;
  dispatches: number;
  submits: number;
}

const COUNTED: readonly (readonly [owner: string, method: string, kind: keyof Counts])[] = [
  ["GPUDevice", "createBuffer", "buffers"],
  ["GPUDevice", "createBindGroup", "bindGroups"],
  ["GPUDevice", "createComputePipeline", "pipelines"],
  ["GPUDevice", "createComputePipelineAsync", "pipelines"],
  ["GPUDevice", "createShaderModule", "pipelines"],
  ["GPUComputePassEncoder", "dispatchWorkgroups", "dispatches"],
  ["GPUComputePassEncoder", "dispatchWorkgroupsIndirect", "dispatches"],
  ["GPUQueue", "submit", "submits"],
];

type Method = (this: unknown, ...rest: unknown[]) => unknown;

let counting: Counts | undefined;

/**
 * What any engine in this process has asked of WebGPU since this was first called. It wraps the
 * methods of the runtime's own classes, once; a shader module counts as a pipeline. Node has the
 * classes only once an adapter was requested.
 */
export function countCalls(): Counts {
  counting ??= wrapMethods();
  return counting;
}

function wrapMethods(): Counts {
  const counts: Counts = { buffers: 0, bindGroups: 0, pipelines: 0, dispatches: 0, submits: 0 };
  for (const [owner, method, kind] of COUNTED) {
    const found = (globalThis as unknown as Record<string, { prototype: object } | undefined>)[
      owner
    ];
    const prototype = found?.prototype as Record<string, Method> | undefined;
    const original = prototype?.[method];
    if (!prototype || !original) throw new Error(`${owner}.${method} is not there to be counted`);
    prototype[method] = function (this: unknown, ...rest: unknown[]) {
      counts[kind]++;
      return original.apply(this, rest);
    };
  }
  return counts;
}

/** What was counted since an earlier copy of the counts. */
export function since(before: Counts, now: Counts): Counts {
  return {
    buffers: now.buffers - before.buffers,
    bindGroups: now.bindGroups - before.bindGroups,
    pipelines: now.pipelines - before.pipelines,
    dispatches: now.dispatches - before.dispatches,
    submits: now.submits - before.submits,
  };
}
