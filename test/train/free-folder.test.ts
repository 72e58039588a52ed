import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DataError, UsageError } from "../../src/gpu/errors.ts";
import { defaultRunFolder, newestRun, prepareNext } from "../../src/train/free-folder.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("folders of runs without a name");

const first = "runs/vae-glyphs";

test("are named after model and data", () => {
  assert.is(defaultRunFolder("vae", "fashion-mnist"), "runs/vae-fashion-mnist");
});

test("are numbered from the second on, behind the last that is there", async () => {
  const host = new MemoryHost();
  const next = async () => {
    const folder = await prepareNext(first, host);
    await folder.writeConfig({ model: "vae", run: {} });
    await folder.release();
    return folder.path;
  };
  assert.is(await next(), first);
  assert.is(await next(), `${first}-2`);
  host.files.delete(`${first}/config.json`);
  assert.is(await next(), `${first}-3`, "a newer run never has a lower number");
  for (const other of ["-01", "-x", "-12-old", "er-50", "-1", "-0"])
    host.put(`${first}${other}/notes.txt`, "");
  assert.is(await next(), `${first}-4`);
});

test("are different ones for runs that start at once", async () => {
  const host = new MemoryHost();
  const folders = await Promise.all(Array.from({ length: 5 }, () => prepareNext(first, host)));
  const paths = folders.map(({ path }) => path).sort();
  assert.equal(paths, [first, ...[2, 3, 4, 5].map((n) => `${first}-${n}`)]);
  assert.is(host.locks.size, 5);
});

test("--resume means the newest run that suits", async () => {
  const host = new MemoryHost();
  await rejects(
    () => newestRun(first, host, async () => 0),
    UsageError,
    /^runs\/vae-glyphs: no such run folder; --out names the run/,
  );
  for (const path of [first, `${first}-2`, `${first}-10`]) host.put(`${path}/config.json`, "{}");
  const suits = (wanted: string) => async (path: string) => {
    if (!path.endsWith(wanted)) throw new DataError(`${path} does not suit`);
    return wanted;
  };
  assert.equal(await newestRun(first, host, suits("")), { path: `${first}-10`, found: "", of: 3 });
  assert.is((await newestRun(first, host, suits("-2"))).path, `${first}-2`);
  await rejects(
    () => newestRun(first, host, suits("nothing")),
    DataError,
    /^runs\/vae-glyphs-10 does not suit$/,
  );
});

test.run();
