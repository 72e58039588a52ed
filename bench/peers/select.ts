import { type FoundPython, findPython } from "./python.ts";
import { allTasks, type Task, taskName } from "./tasks.ts";

interface Peer {
  readonly name: string;
  /** The entry of its process or page. */
  readonly entry: string;
  /** What it has ops for. */
  readonly able: (task: Task) => boolean;
  /** What Python needs to run the entry, of one in Python, and how one gets it. */
  readonly python?: { readonly modules: readonly string[]; readonly install: string };
}

const PEERS: readonly Peer[] = [
  { name: "tfjs-webgpu", entry: "tfjs.ts", able: () => true },
  { name: "jax-js-webgpu", entry: "jaxjs.ts", able: () => true },
  { name: "tfjs-wasm", entry: "tfjs-wasm.ts", able: ({ kind }) => kind === "matmul" },
  { name: "jax-js-wasm", entry: "jaxjs-wasm.ts", able: () => true },
  {
    name: "torch-cpu",
    entry: "torch_side.py",
    able: ({ kind }) => kind !== "conv",
    python: {
      modules: ["torch"],
      install: "apt-get install python3-torch libopenblas0-openmp, or pip install torch",
    },
  },
];

const OURS = { name: "latentgrad", entry: "latentgrad.ts" } as const;

export interface SelectedSide {
  readonly name: string;
  readonly entry: string;
  readonly tasks: readonly Task[];
  /** The interpreter that runs the entry; without, it is bundled for a runtime or page. */
  readonly python?: string;
}

export interface Selection {
  /** Latentgrad first, each with its tasks; empty where there is no comparison. */
  readonly sides: readonly SelectedSide[];
  /** Why a peer that is wanted cannot run here, a line each. */
  readonly leftOut: readonly string[];
}

/** Name of one comparison, which filters are matched against. */
const comparisonName = (peer: string, task: Task) => `peer/${peer}/${taskName(task)}`;

/**
 * The engines that are wanted and can run here. `wanted` is asked for names such as
 * `peer/tfjs-webgpu/matmul/512×512×512`.
 */
export async function selectSides(
  wanted: (name: string) => boolean,
  stepBatch: number,
  find: (modules: readonly string[]) => Promise<FoundPython> = findPython,
): Promise<Selection> {
  const all = allTasks(stepBatch);
  const peers: SelectedSide[] = [];
  const leftOut: string[] = [];
  for (const { name, entry, able, python } of PEERS) {
    const tasks = all.filter((task) => able(task) && wanted(comparisonName(name, task)));
    if (tasks.length === 0) continue;
    const found = python && (await find(python.modules));
    if (python && found && found.command === undefined)
      leftOut.push(`${name} is left out: ${found.reason} (${python.install})`);
    else peers.push({ name, entry, tasks, ...(found ? { python: found.command } : {}) });
  }
  if (peers.length === 0) return { sides: [], leftOut };
  const ours = all.filter((task) => peers.some((side) => side.tasks.includes(task)));
  return { sides: [{ ...OURS, tasks: ours }, ...peers], leftOut };
}
