import { readFileSync } from "node:fs";
import * as fs from "node:fs/promises";
import { UsageError } from "../gpu/errors.ts";
import { codeOf, failure } from "./io-failure.ts";

/** A process that was killed may take a moment to be gone: tenths of a second that are waited. */
const PATIENCE = 20;

/** Who holds a lock. */
interface Holder {
  readonly pid: number;
  /** When that process began, as the system counts; "" where it does not tell. */
  readonly started: string;
}

/**
 * Makes a file that says that this process is at work in its folder. One that a dead process left is
 * replaced.
 *
 * @returns removes it
 * @throws UsageError while another process holds it
 */
export async function lockFile(path: string, shown: string): Promise<() => Promise<void>> {
  const own: Holder = { pid: process.pid, started: startOf(process.pid) };
  for (let tries = 0; tries < 5; tries++) {
    try {
      await fs.writeFile(path, JSON.stringify(own), { flag: "wx" });
      return () => fs.rm(path, { force: true });
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw failure("write", shown, error);
    }
    const holder = await readHolder(path);
    for (let wait = 0; holder && isAlive(holder); wait++) {
      if (wait === PATIENCE)
        throw new UsageError(`${shown}: process ${holder.pid} is at work in this folder`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await fs.rm(path, { force: true });
  }
  throw new UsageError(`${shown}: another process is at work in this folder`);
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    const { pid, started } = JSON.parse(await fs.readFile(path, "utf8")) as Partial<Holder>;
    const sound = Number.isInteger(pid) && typeof started === "string";
    return sound ? { pid: pid as number, started: started as string } : undefined;
  } catch {
    return undefined; // gone, or cut off by a crash
  }
}

/** A number may have gone to another process since: that one began at another time. */
function isAlive({ pid, started }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
  return startOf(pid) === started;
}

/**
 * When a process began: on Linux, field 22 of /proc/PID/stat. "dead" for one that has ended and that
 * nobody has asked about yet, which still has its number.
 */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // From field 3 on; the name in field 2 may hold spaces and brackets.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? "dead" : (fields[19] ?? "");
  } catch {
    return "";
  }
}
