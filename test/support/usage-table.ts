/** What test files took, in lines and columns. */
import { noUsage, type Usage } from "./usage.ts";

/** A test file on a runtime, and what it took. */
export interface FileResult extends Usage {
  readonly runtime: string;
  readonly file: string;
  readonly cases: number;
  readonly seconds: number;
}

type Taken = Usage & Pick<FileResult, "runtime" | "seconds">;

export function usageColumns(taken: Taken): string {
  const { runtime, seconds, cpuSeconds, devices, shaders, processes } = taken;
  const cpu = cpuSeconds === undefined ? "?" : cpuSeconds.toFixed(1);
  return [
    runtime.padEnd(6),
    `${seconds.toFixed(1).padStart(6)} s`,
    `${cpu.padStart(6)} s CPU`,
    `${String(devices).padStart(3)} devices`,
    `${String(shaders).padStart(4)} shaders`,
    `${String(processes).padStart(3)} processes`,
  ].join("  ");
}

const SLOWEST = 10;

/** The ten files that took longest, and what all files of each runtime took. */
export function usageTable(results: readonly FileResult[]): string[] {
  if (results.length === 0) return [];
  const slowest = [...results].sort((a, b) => b.seconds - a.seconds).slice(0, SLOWEST);
  const runtimes = [...new Set(results.map(({ runtime }) => runtime))];
  return [
    "the slowest files:",
    ...slowest.map((result) => `  ${usageColumns(result)}  ${result.file}`),
    "all files of a runtime:",
    ...runtimes.map((runtime) => {
      const files = results.filter((result) => result.runtime === runtime);
      const cases = files.reduce((sum, file) => sum + file.cases, 0);
      return `  ${usageColumns(total(runtime, files))}  ${files.length} files, ${cases} cases`;
    }),
  ];
}

function total(runtime: string, files: readonly FileResult[]): Taken {
  const nothing: Taken = { ...noUsage, runtime, seconds: 0 };
  return files.reduce(
    (sum, file) => ({
      runtime,
      seconds: sum.seconds + file.seconds,
      cpuSeconds:
        file.cpuSeconds === undefined ? sum.cpuSeconds : (sum.cpuSeconds ?? 0) + file.cpuSeconds,
      devices: sum.devices + file.devices,
      shaders: sum.shaders + file.shaders,
      processes: sum.processes + file.processes,
    }),
    nothing,
  );
}
