/** One process holds a lock, whatever lay there before. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { IoError, UsageError } from "../../src/gpu/errors.ts";
import { lockFile } from "../../src/host/lock.ts";
import { type Machine, thisMachine } from "../../src/host/lock-record.ts";
import { leftovers, roundFolder, type Starters, startStarters } from "../support/lock-campaign.ts";
import { rejects } from "../support/rejects.ts";
import { skip } from "../support/skip.ts";

interface Context {
  base: string;
  folder: string;
  path: string;
  starters: Starters;
}

const test = suite<Context>("lock");
const STARTERS = 6;
const quick = { patienceMs: 0 };

test.before(async (context) => {
  const cache = join(process.cwd(), "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  context.base = mkdtempSync(join(cache, "lock-"));
  context.starters = await startStarters(context.base, STARTERS);
});

test.after(({ base, starters }) => {
  starters.close();
  rmSync(base, { recursive: true, force: true });
});

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "latentgrad-lock-"));
  context.path = join(context.folder, ".lock");
});

test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

for (const [kind, leave] of Object.entries(leftovers))
  test(`of ${STARTERS} processes one holds it where there was ${kind}`, async ({
    base,
    starters,
  }) => {
    if (process.platform === "win32") return skip("pipes and links are other things there");
    const { path, remove } = roundFolder(base);
    await leave(path);
    const said = await starters.ask(path);
    const holders = said.filter((word) => word === "held");
    assert.is(holders.length, 1, said.join("\n"));
    for (const word of said)
      assert.match(word, /^held$|^UsageError: .*: process \d+ is at work in this folder$/);
    await starters.letGo();
    assert.not.ok(existsSync(path));
    if (kind === "a link to a file") assert.is(readFileSync(`${path}.target`, "utf8"), "kept");
    const litter = readdirSync(dirname(path)).filter((name) => /^\.lock-/.test(name));
    assert.equal(litter, [], "nothing is left beside it");
    remove();
  });

test("a holder that is killed leaves it to one of the others", async ({ base, starters }) => {
  const { path, remove } = roundFolder(base);
  await starters.killHolders(await starters.ask(path));
  const said = await starters.ask(path);
  assert.is(said.filter((word) => word === "held").length, 1, said.join("\n"));
  await starters.letGo();
  remove();
});

/** A machine whose processes are those in `alive`. */
function machine(host: string, pid: number, alive: readonly number[] = [pid]): Machine {
  const startOf = (number: number) => (alive.includes(number) ? `${number}` : undefined);
  return { host, boot: `boot of ${host}`, pid, startOf };
}

/** As if the lock had been written so many seconds before. */
function age(path: string, seconds: number): void {
  const then = Date.now() / 1000 - seconds;
  utimesSync(path, then, then);
}

test("another machine's lock is dead when it was not written for a minute, and not before", async ({
  path,
}) => {
  const there = await lockFile(path, "lock", { machine: machine("there", 7) });
  const here = { machine: machine("here", 8, [8]), ...quick };
  const busy =
    /^lock: process 7 on there is at work in this folder \(its lock was written \d+ s ago/;
  await rejects(() => lockFile(path, "lock", here), UsageError, busy);
  age(path, 50);
  await rejects(() => lockFile(path, "lock", here), UsageError, busy);
  age(path, 61);
  const lock = await lockFile(path, "lock", here);
  await rejects(
    () => there.check("run/last.safetensors"),
    IoError,
    /^cannot write run\/last\.safetensors: process 8 on here has taken lock over$/,
  );
  await there.release();
  await lock.check("file");
  assert.is(JSON.parse(readFileSync(path, "utf8")).host, "here", "it removed no lock but its own");
  await lock.release();
  assert.not.ok(existsSync(path));
});

test("an earlier boot and another container count as another machine", async ({ path }) => {
  const before = machine("here", 7);
  const left = await lockFile(path, "lock", { machine: before });
  // The number 7 is somebody's after the boot, too.
  const after = { machine: { ...machine("here", 8, [7, 8]), boot: "another" }, ...quick };
  await rejects(() => lockFile(path, "lock", after), UsageError, /process 7 on here is at work/);
  age(path, 61);
  const lock = await lockFile(path, "lock", after);
  await left.release();
  await lock.release();
});

test("on its own machine a dead process's lock is free at once, however young", async ({
  path,
}) => {
  const left = await lockFile(path, "lock", { machine: machine("here", 7) });
  const lock = await lockFile(path, "lock", { machine: machine("here", 8, [8]), ...quick });
  await left.release();
  await lock.check("file");
  await lock.release();
});

test("a lock names host, boot and process, and everybody can read it", async ({ path }) => {
  const lock = await lockFile(path, "lock");
  const { token, ...rest } = JSON.parse(readFileSync(path, "utf8"));
  const { host, boot, pid, startOf } = thisMachine();
  assert.equal(rest, { host, boot, pid, started: startOf(pid) });
  assert.match(token, /^[0-9a-f]{24}$/);
  await lock.release();
  await lock.release();
});

test("a holder notices that the lock or the whole folder is gone", async ({ folder, path }) => {
  const lock = await lockFile(path, "run/lock");
  rmSync(folder, { recursive: true });
  const gone =
    /^cannot write run\/x: run\/lock is gone: the folder was removed, or emptied, or moved$/;
  await rejects(() => lock.check("run/x"), IoError, gone);
  await lock.release();
  assert.not.ok(existsSync(folder));
});

test("where no lock can be made the reason is told", async ({ folder }) => {
  writeFileSync(join(folder, "file"), "");
  await rejects(
    () => lockFile(join(folder, "file/lock"), "file/lock"),
    IoError,
    /^cannot write file\/lock: a part of the path is not a folder$/,
  );
  await rejects(
    () => lockFile(join(folder, "none/lock"), "none/lock"),
    IoError,
    /^cannot write none\/lock: no such file or folder$/,
  );
});

test.run();
