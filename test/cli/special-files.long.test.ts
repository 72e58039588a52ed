/** Pipes, folders and devices in the place of each file that a command reads or writes: one line, and soon. */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { run } from "../../src/cli/core.ts";
import type { Host } from "../../src/host/host.ts";
import { createNodeHost } from "../../src/host/node.ts";
import { idxFile } from "../support/idx-file.ts";
import { pngFile } from "../support/png-file.ts";
import { skip } from "../support/skip.ts";
import { within } from "../support/within.ts";

interface Context {
  folder: string;
  host: Host;
}

const test = suite<Context>("special files in the place of files");

const kinds: Readonly<Record<string, (path: string) => void>> = {
  "a pipe": (path) => {
    spawnSync("mkfifo", [path]);
  },
  "a folder": (path) => {
    mkdirSync(path);
  },
  "/dev/zero": (path) => symlinkSync("/dev/zero", path),
  "/dev/null": (path) => symlinkSync("/dev/null", path),
  "/dev/full": (path) => symlinkSync("/dev/full", path),
};

const tiny = ["--set", "network=dense", "--set", "width=0.05", "--batch", "8", "--epochs", "1"];

/** Files by their place in the folder, and the commands that read or write them there. */
const cases: readonly (readonly [file: string, ...commands: readonly string[]])[] = [
  [
    "run/config.json",
    "evaluate run",
    "sample run",
    "reconstruct run",
    "embed run",
    "report run",
    "train vae --resume --out run",
  ],
  ["run/metrics.jsonl", "report run", "train vae --resume --out run --epochs 2"],
  [
    "run/checkpoints/best.safetensors",
    "evaluate run --checkpoint best",
    "sample run --checkpoint best",
    "embed run --checkpoint best",
  ],
  ["run/checkpoints/last.safetensors", "evaluate run --checkpoint last"],
  ["run/figures/samples.png", "sample run"],
  ["run/report.html", "report run"],
  ["out.png", "sample run --out out.png"],
  ["out.svg", "embed run --out out.svg"],
  ["out.html", "report run --out out.html"],
  ["config.json", "train --config config.json"],
  ["idx/train-images-idx3-ubyte", "train vae --data idx:idx --out new"],
  ["idx/train-labels-idx1-ubyte", "train cvae --data idx:idx --out new"],
  ["pictures/a/15.png", "train vae --data folder:pictures --out new"],
];

test.before(async (context) => {
  context.folder = mkdtempSync(join(tmpdir(), "latentgrad-special-"));
  const printed: Partial<Host> = { stdout: () => {}, stderr: () => {} };
  context.host = { ...(await createNodeHost()), ...printed };
  const at = (name: string) => join(context.folder, name);
  for (const name of ["idx", "pictures/a"]) mkdirSync(at(name), { recursive: true });
  writeFileSync(at("idx/train-images-idx3-ubyte"), idxFile([20, 4, 4], new Uint8Array(320)));
  writeFileSync(at("idx/train-labels-idx1-ubyte"), idxFile([20], new Uint8Array(20)));
  for (let i = 10; i < 30; i++) {
    const pixel = (x: number, y: number) => [(i * x * y) % 256];
    const picture = await pngFile({ width: 8, height: 8, depth: 8, colourType: 0, pixel });
    writeFileSync(at(`pictures/a/${i}.png`), picture);
  }
  const words = ["train", "vae", "--data", `folder:${at("pictures")}`, "--out", at("run"), ...tiny];
  assert.is(await run(words, context.host), 0);
});

test.after(({ folder }) => rmSync(folder, { recursive: true, force: true }));

/** A command's words with the names of files in the folder made whole. */
function wordsOf(line: string, at: (name: string) => string): string[] {
  return line.split(" ").map((word) => {
    const [, prefix = "", name] = /^((?:idx|folder):)?(.*)$/.exec(word)!;
    return /^(run|new|out\.\w+|config\.json|idx|pictures)$/.test(name!) ? prefix + at(name!) : word;
  });
}

for (const [file, ...commands] of cases)
  for (const line of commands)
    test(`${file}: ${line}`, async ({ folder, host }) => {
      if (process.platform === "win32") return skip("pipes and devices are other things there");
      const work = join(folder, "work");
      const at = (name: string) => join(work, name);
      for (const [kind, make] of Object.entries(kinds)) {
        rmSync(work, { recursive: true, force: true });
        mkdirSync(work);
        for (const name of ["run", "idx", "pictures"])
          cpSync(join(folder, name), at(name), { recursive: true });
        rmSync(at(file), { force: true });
        mkdirSync(dirname(at(file)), { recursive: true });
        make(at(file));
        let told = "";
        const stderr = (text: string) => {
          told += text;
        };
        const listening = { ...host, stderr };
        const status = await within(20, run([...wordsOf(line, at), "--quiet"], listening));
        assert.ok([3, 7].includes(status), `${kind}: status ${status}: ${told}`);
        const lines = told.split("\n").filter((one) => one.startsWith("latentgrad: "));
        assert.is(lines.length, 1, `${kind}: ${told}`);
        assert.not.ok(existsSync(at("new")), kind);
      }
    });

test.run();
