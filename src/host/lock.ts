import * as fs from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { clearInterval, setInterval } from "node:timers";
import { afterFailure, withCleanUp } from "../gpu/clean-up.ts";
import { IoError, UsageError } from "../gpu/errors.ts";
import type { Lock } from "./host.ts";
import { codeOf, failure } from "./io-failure.ts";
import {
  type FoundLock,
  isAlive,
  isElsewhere,
  type LockRecord,
  look,
  type Machine,
  newRecord,
  readRecord,
  SILENCE_MS,
  thisMachine,
} from "./lock-record.ts";

/*
 * Of all processes that ask for a lock at once exactly one gets it, whatever lies there before:
 *
 * - A lock is made by linking a file that is written already to the lock's name: that fails where there
 *   is something, on file systems over a network, too, and no reader finds it half-written.
 * - What a dead process left is removed by one process only, since another one may have made a lock of
 *   its own there meanwhile. Whoever wants to remove a lock takes the right to do so, which is a lock
 *   again, named after the very one that is to go; then it looks whether that one lies there still.
 *   The same goes for a right that a process left that was killed while it had it.
 * - A holder writes its lock again and again, by which another machine sees that it is at work.
 */

/** A process that was killed may take a moment to be gone, and a lock to be written. */
const PAUSE_MS = 100;
const PATIENCE_MS = 2000;
/** So often in a row something that is no lock is seen before it is taken for one that was left. */
const LOOKS = 5;
/** How often a holder shows that it is at work: several times before its lock counts as dead. */
const BEAT_MS = SILENCE_MS / 4;

/** What a test sets. */
export interface LockOptions {
  readonly machine?: Machine;
  /** How long to wait for a process that is at work; milliseconds. */
  readonly patienceMs?: number;
}

/**
 * Makes a file that says that this process is at work in its folder. One that a dead process left is
 * replaced.
 *
 * @param shown what errors call the file
 * @throws UsageError while another process holds it
 */
export async function lockFile(
  path: string,
  shown: string,
  { machine = thisMachine(), patienceMs = PATIENCE_MS }: LockOptions = {},
): Promise<Lock> {
  const candidate = new Candidate(path, machine);
  try {
    await candidate.take(path, patienceMs);
    await candidate.sweep();
  } catch (error) {
    await afterFailure(() => candidate.withdraw(path));
    if (error instanceof UsageError) throw new UsageError(`${shown}: ${error.message}`);
    throw failure("write", shown, error);
  }
  return new HeldLock(path, shown, candidate);
}

/** A process that asks for a lock, with the file that becomes it. */
class Candidate {
  readonly record: LockRecord;
  private readonly file: string;

  constructor(
    private readonly path: string,
    readonly machine: Machine,
  ) {
    this.record = newRecord(machine);
    this.file = `${path}-${this.record.token}`;
  }

  /**
   * Makes the lock, or the right to remove one.
   *
   * @throws UsageError while another process has it
   */
  async take(path: string, patienceMs: number): Promise<void> {
    let shapeless = 0;
    for (let waits = 0; ; ) {
      if (await this.link(path)) return;
      const found = await look(path);
      if (!found) continue;
      if (found.record?.token === this.record.token) return; // the server's answer was lost
      // Where there are no links, a lock is written bit by bit.
      shapeless = found.record ? 0 : shapeless + 1;
      const now = await this.show();
      const dead = found.record ? !isAlive(found, this.machine, now) : shapeless > LOOKS;
      if (dead && (await this.removeDead(path, found))) continue;
      if ((found.record || dead) && waits++ * PAUSE_MS >= patienceMs)
        throw new UsageError(atWork(found, this.machine, now));
      await pause(PAUSE_MS);
    }
  }

  /**
   * Removes a lock that is dead, if it lies there still.
   *
   * @returns false while another process is about to
   */
  private async removeDead(path: string, dead: FoundLock): Promise<boolean> {
    const right = `${this.path}-${dead.id}`;
    try {
      await this.take(right, LOOKS * PAUSE_MS);
    } catch (error) {
      if (error instanceof UsageError) return false;
      throw error;
    }
    await withCleanUp(
      async () => {
        if ((await look(path))?.id === dead.id) await this.removeFound(path, dead);
      },
      () => removeOwn(right, this.record),
    );
    return true;
  }

  /** A folder in the place of a lock may hold what somebody wants: it is moved aside. */
  private async removeFound(path: string, { isFolder }: FoundLock): Promise<void> {
    try {
      await (isFolder ? fs.rmdir(path) : fs.unlink(path));
    } catch (error) {
      if (codeOf(error) === "ENOENT") return;
      if (!isFolder || !["ENOTEMPTY", "EEXIST"].includes(codeOf(error))) throw error;
      await fs.rename(path, `${path}.folder-${this.record.token.slice(0, 6)}`);
    }
  }

  /** Gives this process's file the name of a lock, or says that something has it. */
  private async link(path: string): Promise<boolean> {
    await this.show();
    try {
      await fs.link(this.file, path);
      return true;
    } catch (error) {
      // ENOENT: another process has tidied up. Where the folder is gone, making the file anew fails.
      if (["EEXIST", "ENOENT"].includes(codeOf(error))) return false;
      if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].includes(codeOf(error)))
        throw error;
    }
    // No links on this file system.
    try {
      await fs.writeFile(path, JSON.stringify(this.record), { flag: "wx", mode: 0o644 });
      return true;
    } catch (error) {
      if (codeOf(error) === "EEXIST") return false;
      throw error;
    }
  }

  /**
   * Writes this process's file, which is the lock itself once it is linked.
   *
   * @returns what time that is by the file system's clock; milliseconds
   */
  private async show(): Promise<number> {
    try {
      return await this.writeIn(await fs.open(this.file, "r+"));
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
    }
    const handle = await fs.open(this.file, "wx", 0o644);
    // Whoever finds it must be able to read it.
    await afterFailure(() => fs.chmod(this.file, 0o644));
    return this.writeIn(handle);
  }

  /**
   * Writes a lock again if it is this process's. Nothing stays open: a disk could not be taken away.
   */
  async beat(path: string): Promise<void> {
    const handle = await fs.open(path, "r+");
    // What was opened cannot become another one's any more.
    const own = (await readRecord(handle))?.token === this.record.token;
    await (own ? this.writeIn(handle) : handle.close());
  }

  private writeIn(handle: fs.FileHandle): Promise<number> {
    return withCleanUp(
      async () => {
        const bytes = Buffer.from(JSON.stringify(this.record));
        await handle.write(bytes, 0, bytes.length, 0);
        return (await handle.stat()).mtimeMs;
      },
      () => handle.close(),
    );
  }

  /** Removes what killed processes left beside the lock, and the other name of this one. */
  async sweep(): Promise<void> {
    const now = await this.show();
    const start = `${basename(this.path)}-`;
    for (const name of await fs.readdir(dirname(this.path))) {
      if (!name.startsWith(start) || !/^[0-9a-f]{24}$/.test(name.slice(start.length))) continue;
      const file = join(dirname(this.path), name);
      const found = await look(file);
      if (!found || found.isFolder) continue;
      const own = found.record?.token === this.record.token;
      if (own || !isAlive(found, this.machine, now)) await fs.rm(file, { force: true });
    }
  }

  /** Leaves nothing of this process behind. */
  async withdraw(path: string): Promise<void> {
    await afterFailure(() => fs.rm(this.file, { force: true }));
    await removeOwn(path, this.record);
  }
}

/** A lock that this process has. */
class HeldLock implements Lock {
  private readonly timer: NodeJS.Timeout;
  private beating: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly path: string,
    private readonly shown: string,
    private readonly candidate: Candidate,
  ) {
    this.timer = setInterval(() => {
      // Storage that fails for a while is no reason to end a run that does not write just now.
      this.beating = candidate.beat(path).catch(() => {});
    }, BEAT_MS);
    this.timer.unref();
  }

  async check(file: string): Promise<void> {
    let found: FoundLock | undefined;
    try {
      found = await look(this.path);
    } catch (error) {
      throw failure("write", file, error);
    }
    const { record, machine } = this.candidate;
    if (found?.record?.token === record.token) return;
    const what = found?.record
      ? `${nameOf(found.record, machine)} has taken ${this.shown} over`
      : `${this.shown} is gone: the folder was removed, or emptied, or moved`;
    throw new IoError(`cannot write ${file}: ${what}`);
  }

  async release(): Promise<void> {
    clearInterval(this.timer);
    await this.beating;
    try {
      await removeOwn(this.path, this.candidate.record);
    } catch (error) {
      throw failure("remove", this.shown, error);
    }
  }
}

/** Removes a lock if it is this process's. */
async function removeOwn(path: string, own: LockRecord): Promise<void> {
  if ((await look(path))?.record?.token === own.token) await fs.rm(path, { force: true });
}

function nameOf(record: LockRecord, machine: Machine): string {
  const { pid, host } = record;
  return `process ${pid}${isElsewhere(record, machine) ? ` on ${host}` : ""}`;
}

function atWork({ record, writtenMs }: FoundLock, machine: Machine, nowMs: number): string {
  if (!record) return "another process is at work in this folder";
  const who = `${nameOf(record, machine)} is at work in this folder`;
  if (!isElsewhere(record, machine)) return who;
  const ago = Math.max(0, Math.round((nowMs - writtenMs) / 1000));
  return `${who} (its lock was written ${ago} s ago; one that was killed there is dead after ${SILENCE_MS / 1000} s)`;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
