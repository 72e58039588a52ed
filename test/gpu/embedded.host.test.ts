import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { embeddedFits } from "../../src/gpu/embedded.ts";
import { DataError } from "../../src/gpu/errors.ts";
import { readTar } from "../../src/gpu/tar.ts";
import { rejects } from "../support/rejects.ts";
import { skip } from "../support/skip.ts";

const encoder = new TextEncoder();

/** A tar archive with one entry, as any tar program writes it. */
function tar(path: string, content: string, type = "0", mode = "0000755"): Uint8Array<ArrayBuffer> {
  const archive = new Uint8Array(512 * (1 + Math.ceil(content.length / 512) + 2));
  const put = (text: string, at: number) => archive.set(encoder.encode(text), at);
  put(path, 0);
  put(`${mode}\0`, 100);
  put(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
  put(type, 156);
  put("ustar\x0000", 257);
  put("        ", 148);
  const sum = archive.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  put(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  put(content, 512);
  return archive;
}

const tape = suite("tar reader");

tape("reads files, their names and modes", () => {
  const [entry, ...rest] = readTar(tar("lib/a.so", "hello"));
  assert.is(rest.length, 0);
  assert.is(entry?.path, "lib/a.so");
  assert.is(entry?.executable, true);
  assert.is(new TextDecoder().decode(entry?.bytes), "hello");
  assert.is(readTar(tar("a", "", "0", "0000644"))[0]?.executable, false);
  assert.equal(readTar(tar("folder/", "", "5")), []);
});

for (const path of ["../up", "/absolute", "a/../../b", "a\\b", "./"]) {
  tape(`refuses the path ${path}`, () =>
    rejects(() => readTar(tar(path, "x")), DataError, /unsafe path/).then(() => {}),
  );
}

tape("refuses links, truncated and damaged archives", async () => {
  await rejects(() => readTar(tar("link", "", "2")), DataError, /type "2"/);
  await rejects(() => readTar(tar("a", "hello").subarray(0, 514)), DataError, /truncated/);
  await rejects(() => readTar(tar("a", "").subarray(0, 512)), DataError, /truncated/);
  const damaged = tar("a", "hello");
  damaged[3] = 7;
  await rejects(() => readTar(damaged), DataError, /checksum/);
});

tape.run();

const unpacking = suite("embedded adapter");

unpacking(
  "four processes unpack at once into an empty cache, then a file goes missing",
  async () => {
    if (!embeddedFits()) return skip("the embedded adapter is built for Linux on x64");
    const folder = mkdtempSync(join(tmpdir(), "latentgrad-unpack-"));
    try {
      const script = join(folder, "unpack.mjs");
      const { outputFiles } = await build({
        stdin: {
          contents: `import { unpackEmbedded } from "./src/gpu/embedded.ts";
console.log(await unpackEmbedded("swiftshader"));`,
          resolveDir: process.cwd(),
        },
        bundle: true,
        format: "esm",
        platform: "node",
        write: false,
      });
      writeFileSync(script, outputFiles[0]!.contents);
      const cache = join(folder, "cache");
      const unpack = () =>
        new Promise<string>((resolve, reject) => {
          const child = spawn(process.execPath, [script], {
            env: { ...process.env, XDG_CACHE_HOME: cache },
            stdio: ["ignore", "pipe", "inherit"],
          });
          let output = "";
          child.stdout.on("data", (data) => {
            output += data;
          });
          child.on("close", (code) =>
            code === 0 ? resolve(output.trim()) : reject(new Error(output)),
          );
        });
      const places = new Set(await Promise.all([unpack(), unpack(), unpack(), unpack()]));
      assert.is(places.size, 1);
      const [place] = [...places];
      assert.ok(place?.startsWith(cache));
      assert.is(readdirSync(join(cache, "latentgrad")).length, 1, "no scratch folders are left");
      rmSync(join(place!, "libvk_swiftshader.so"));
      await unpack();
      assert.ok(readdirSync(place!).includes("libvk_swiftshader.so"));
      assert.is(readdirSync(join(cache, "latentgrad")).length, 1, "no scratch folders are left");
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

unpacking.run();
