/** Many processes that ask for one lock at once. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { look, newRecord, thisMachine } from "../../src/host/lock-record.ts";

/** A process that is no more. */
function deadPid(): number {
  return spawnSync("true").pid;
}

/** The record of a dead process of this machine. */
function deadRecord(): string {
  const machine = { ...thisMachine(), pid: deadPid(), startOf: () => "1" };
  return JSON.stringify(newRecord(machine));
}

/** What may lie at the place of a lock, by kind. */
export const leftovers: Readonly<Record<string, (path: string) => Promise<void> | void>> = {
  nothing: () => {},
  "a dead process's": (path) => writeFileSync(path, deadRecord()),
  "another process's number": (path) =>
    writeFileSync(path, JSON.stringify({ ...JSON.parse(deadRecord()), pid: process.pid })),
  "an earlier version's": (path) => writeFileSync(path, `{"pid":${deadPid()},"started":"1"}`),
  "an empty file": (path) => writeFileSync(path, ""),
  "half a record": (path) => writeFileSync(path, deadRecord().slice(0, 40)),
  "other bytes": (path) => writeFileSync(path, Buffer.alloc(100_000, 0xff)),
  "other JSON": (path) => writeFileSync(path, '[null, {"pid": "x"}]'),
  "a file that nobody may read": (path) => {
    writeFileSync(path, "");
    chmodSync(path, 0);
  },
  "an empty folder": (path) => mkdirSync(path),
  "a folder with content": (path) => {
    mkdirSync(path);
    writeFileSync(join(path, "file"), "");
  },
  "a link to nothing": (path) => symlinkSync("nowhere", path),
  "a link to a file": (path) => {
    writeFileSync(`${path}.target`, "kept");
    symlinkSync(`${path}.target`, path);
  },
  "a pipe": (path) => {
    if (spawnSync("mkfifo", [path]).status !== 0) writeFileSync(path, "");
  },
  "another machine's that is silent": (path) => {
    writeFileSync(path, JSON.stringify({ ...JSON.parse(deadRecord()), host: "elsewhere" }));
    const then = Date.now() / 1000 - 61;
    utimesSync(path, then, then);
  },
  "a dead process's, and the right to remove it": async (path) => {
    writeFileSync(path, deadRecord());
    writeFileSync(`${path}-${(await look(path))?.id}`, deadRecord());
  },
  "an empty file, and the right to the right to remove it": async (path) => {
    writeFileSync(path, "");
    const right = `${path}-${(await look(path))?.id}`;
    writeFileSync(right, "{");
    writeFileSync(`${path}-${(await look(right))?.id}`, deadRecord());
  },
};

export interface Starters {
  /** What each of them says when all ask for a lock at the same moment. */
  ask(path: string): Promise<string[]>;
  /** The same, where some are killed meanwhile, each so many milliseconds after the call. */
  askAndKill(path: string, victims: number, afterMs: () => number): Promise<string[]>;
  /** All let go. */
  letGo(): Promise<string[]>;
  /** Kills those that hold a lock, at once. */
  killHolders(said: readonly string[]): Promise<void>;
  close(): void;
}

/** Bundles test/support/lock-starter.ts into `folder`, and starts it so many times. */
export async function startStarters(folder: string, count: number): Promise<Starters> {
  const script = join(folder, "starter.mjs");
  const { hostOptions } = await import(
    pathToFileURL(join(process.cwd(), "scripts/build.mjs")).href
  );
  await build({ ...hostOptions, entryPoints: ["test/support/lock-starter.ts"], outfile: script });
  const open = () => {
    const child = spawn(process.execPath, [script], { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return { child: child as ChildProcess, lines };
  };
  const all = Array.from({ length: count }, open);
  const tell = async (path: string) => {
    const line = `${JSON.stringify({ path, at: Date.now() + 20 })}\n`;
    for (const { child } of all) child.stdin!.write(line);
    return Promise.all(all.map(async ({ lines }) => String((await lines.next()).value)));
  };
  const kill = async (i: number) => {
    const { child } = all[i]!;
    const gone = new Promise((resolve) => child.on("close", resolve));
    child.kill("SIGKILL");
    await gone;
    all[i] = open();
  };
  return {
    ask: tell,
    async askAndKill(path, victims, afterMs) {
      const asked = tell(path);
      const killed = Array.from({ length: victims }, async (_, i) => {
        await new Promise((resolve) => setTimeout(resolve, afterMs()));
        await kill(i);
      });
      await Promise.all(killed);
      const said = await asked;
      return said.map((word, i) => (i < victims ? "killed" : word));
    },
    letGo: () => tell(""),
    async killHolders(said) {
      for (const [i, word] of said.entries()) {
        if (word === "held") await kill(i);
      }
    },
    close() {
      for (const { child } of all) child.kill("SIGKILL");
    },
  };
}

/** A folder for one round; removed again by `remove`. */
export function roundFolder(base: string): { path: string; remove: () => void } {
  const folder = mkdtempSync(join(base, "round-"));
  return {
    path: join(folder, ".lock"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
