import { createHash, randomBytes } from "node:crypto";
import { constants, readFileSync, readlinkSync } from "node:fs";
import * as fs from "node:fs/promises";
import { hostname } from "node:os";
import { basename } from "node:path";
import { withCleanUp } from "../gpu/clean-up.ts";
import { codeOf } from "./io-failure.ts";

/** What a lock file holds, as JSON: who made it. */
export interface LockRecord {
  /** Different for each lock that was ever made. */
  readonly token: string;
  /** Name of the machine; "" where it is not told. */
  readonly host: string;
  /** The boot of that machine, and the space its process numbers are of. */
  readonly boot: string;
  readonly pid: number;
  /** When that process began, as the system counts; "" where it does not tell. */
  readonly started: string;
}

/** What lies at a lock's path. */
export interface FoundLock {
  /** Names this lock alone; it stays the same as long as the lock lies there. */
  readonly id: string;
  /** undefined: nothing that this program has written whole. */
  readonly record?: LockRecord;
  readonly isFolder: boolean;
  /** When it was last written, by the file system's clock; milliseconds. */
  readonly writtenMs: number;
}

/** Where a lock is asked for: a test gives another one. */
export interface Machine {
  readonly host: string;
  readonly boot: string;
  readonly pid: number;
  /** When a process of this machine began; undefined for one that is no more. */
  startOf(pid: number): string | undefined;
}

/** A lock of another machine is dead when it was not written for so long; milliseconds. */
export const SILENCE_MS = 60_000;

/** No lock is longer; bytes. */
const LONGEST = 4096;

/** This process's machine. */
export function thisMachine(): Machine {
  return { host: hostname(), boot: bootOf(), pid: process.pid, startOf };
}

/** A record of this process. */
export function newRecord({ host, boot, pid, startOf }: Machine): LockRecord {
  return { token: randomBytes(12).toString("hex"), host, boot, pid, started: startOf(pid) ?? "" };
}

/**
 * Looks at what lies at a path, without following a link or waiting for a pipe.
 *
 * @returns undefined where there is nothing
 */
export async function look(path: string): Promise<FoundLock | undefined> {
  try {
    const status = await fs.lstat(path);
    const content = status.isFile() ? await openAndRead(path) : "";
    const record = recordIn(content);
    const facts = record?.token ?? `${status.ino} ${status.mode} ${content}`;
    const hash = createHash("sha256")
      .update(`${basename(path)} ${facts}`)
      .digest("hex");
    return {
      id: hash.slice(0, 24),
      ...(record ? { record } : {}),
      isFolder: status.isDirectory(),
      writtenMs: status.mtimeMs,
    };
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(codeOf(error))) return undefined;
    throw error;
  }
}

/**
 * Whether the process that made a lock may be at work still. On its own machine that can be asked; one
 * of another machine, of an earlier boot or of another space of process numbers shows by writing.
 *
 * @param nowMs by the clock of the lock's file system
 */
export function isAlive(
  { record, writtenMs }: FoundLock,
  machine: Machine,
  nowMs: number,
): boolean {
  if (!record) return false;
  if (isElsewhere(record, machine)) return nowMs - writtenMs < SILENCE_MS;
  return machine.startOf(record.pid) === record.started;
}

/** Whether a lock is none of this machine as it is now. */
export function isElsewhere(record: LockRecord, { host, boot }: Machine): boolean {
  return record.host !== "" && (record.host !== host || record.boot !== boot);
}

/** The record in a lock that is open. */
export async function readRecord(handle: fs.FileHandle): Promise<LockRecord | undefined> {
  return recordIn(await readShort(handle));
}

async function readShort(handle: fs.FileHandle): Promise<string> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(LONGEST), 0, LONGEST, 0);
  return buffer.toString("utf8", 0, bytesRead);
}

async function openAndRead(path: string): Promise<string> {
  let file: fs.FileHandle;
  try {
    file = await fs.open(
      path,
      constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0),
    );
  } catch (error) {
    // Locks can be read by all: what cannot be is none.
    if (["EACCES", "EPERM", "ELOOP"].includes(codeOf(error))) return "";
    throw error;
  }
  return withCleanUp(
    () => readShort(file),
    () => file.close(),
  );
}

function recordIn(text: string): LockRecord | undefined {
  let found: Partial<LockRecord> | null;
  try {
    found = JSON.parse(text) as Partial<LockRecord> | null;
  } catch {
    return undefined;
  }
  if (typeof found !== "object" || found === null) return undefined;
  const { token, host, boot, pid, started } = found;
  if (!Number.isInteger(pid) || (pid as number) <= 0 || typeof started !== "string")
    return undefined;
  // Earlier versions wrote no more than these two.
  if (token === undefined && host === undefined)
    return { token: `${pid} ${started}`, host: "", boot: "", pid: pid as number, started };
  const sound = [token, host, boot].every((word) => typeof word === "string");
  return sound ? (found as LockRecord) : undefined;
}

/**
 * The boot of a Linux machine with the name space of its process numbers, which each container has for
 * itself; "" elsewhere.
 */
function bootOf(): string {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return "";
  }
}

/**
 * When a process began: on Linux, field 22 of /proc/PID/stat; "" where the system does not tell. A
 * number may have gone to another process since: that one began at another time. One that has ended
 * and that nobody has asked about yet is no more, though it has its number still.
 */
function startOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) !== "EPERM") return undefined;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // From field 3 on; the name in field 2 may hold spaces and brackets.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : (fields[19] ?? "");
  } catch {
    return "";
  }
}
