import { allTasks, type Task, taskName } from "./tasks.ts";

/** The peers: the entry of a side's process or page, and what it has ops for. */
const PEERS = [
  { name: "tfjs-webgpu", entry: "tfjs.ts", able: () => true },
  { name: "jax-js-webgpu", entry: "jaxjs.ts", able: () => true },
  { name: "tfjs-wasm", entry: "tfjs-wasm.ts", able: (task: Task) => task.kind === "matmul" },
  { name: "jax-js-wasm", entry: "jaxjs-wasm.ts", able: () => true },
] as const;

const OURS = { name: "latentgrad", entry: "latentgrad.ts" } as const;

export interface SelectedSide {
  readonly name: string;
  readonly entry: string;
  readonly tasks: readonly Task[];
}

/** Name of one comparison, which filters are matched against. */
const comparisonName = (peer: string, task: Task) => `peer/${peer}/${taskName(task)}`;

/**
 * The engines that are wanted, latentgrad first, each with its tasks; nothing where no comparison
 * is. `wanted` is asked for names such as `peer/tfjs-webgpu/matmul/512×512×512`.
 */
export function selectSides(
  wanted: (name: string) => boolean,
  stepBatch: number,
): readonly SelectedSide[] {
  const tasks = allTasks(stepBatch);
  const peers = PEERS.map(({ name, entry, able }) => ({
    name,
    entry,
    tasks: tasks.filter((task) => able(task) && wanted(comparisonName(name, task))),
  })).filter((side) => side.tasks.length > 0);
  if (peers.length === 0) return [];
  const ours = tasks.filter((task) => peers.some((side) => side.tasks.includes(task)));
  return [{ ...OURS, tasks: ours }, ...peers];
}
