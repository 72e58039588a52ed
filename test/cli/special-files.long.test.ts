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
import { openDevice } from "../../src/gpu/open.ts";
import type { Host } from "../../src/host/host.ts";
import { createNodeHost } from "../../src/host/node.ts";
import { variantsPath } from "../../src/tune/variant-files.ts";
import { idxFile } from "../support/idx-file.ts";
import { npyDictionary, npyFile } from "../support/npy-file.ts";
import { omniglotZips } from "../support/omniglot-files.ts";
import { pngFile } from "../support/png-file.ts";
import { skip } from "../support/skip.ts";
import { within } from "../support/within.ts";
import { zipFile } from "../support/zip-file.ts";

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

const small = "--set network=dense --set width=0.05 --batch 8 --epochs 1";
const tiny = small.split(" ");

/** The adapter's table of kernel variants, whatever its name is. */
const table = "cache/variants/table.json";

/** Files by their place in the folder, and the commands that read or write them there. */
const cases: readonly (readonly [file: string, ...commands: readonly string[]])[] = [
  [
    "run/config.json",
    "evaluate run",
    "sample run",
    "reconstruct run",
    "embed run",
    "manifold run",
    "traverse run",
    "interpolate run",
    "report run",
    "train vae --resume --out run",
  ],
  ["labelled/config.json", "swap labelled"],
  ["run/metrics.jsonl", "report run", "train vae --resume --out run --epochs 2"],
  [
    "run/checkpoints/best.safetensors",
    "evaluate run --checkpoint best",
    "sample run --checkpoint best",
    "embed run --checkpoint best",
    "manifold run --checkpoint best",
    "traverse run",
    "interpolate run",
  ],
  ["labelled/checkpoints/best.safetensors", "swap labelled"],
  [
    "run/checkpoints/last.safetensors",
    "evaluate run --checkpoint last",
    "train vae --resume --out run --epochs 2",
    "train vae --resume --out run --epochs 2 --allow-other-data",
  ],
  ["run/figures/samples.png", "sample run"],
  ["run/figures/manifold.png", "manifold run"],
  ["run/figures/traversal.png", "traverse run"],
  ["run/figures/interpolation.png", "interpolate run"],
  ["run/figures/reconstructions.png", "reconstruct run"],
  ["run/figures/latent.svg", "embed run"],
  ["labelled/figures/swap.png", "swap labelled"],
  ["run/report.html", "report run"],
  [
    "out.png",
    "sample run --out out.png",
    "manifold run --out out.png",
    "traverse run --out out.png",
    "interpolate run --out out.png",
    "swap labelled --out out.png",
  ],
  ["out.svg", "embed run --out out.svg"],
  ["out.html", "report run --out out.html"],
  ["config.json", "train --config config.json"],
  ["idx/train-images-idx3-ubyte", "train vae --data idx:idx --out new"],
  ["idx/train-labels-idx1-ubyte", "train cvae --data idx:idx --out new"],
  [
    "pictures/a/15.png",
    "train vae --data folder:pictures --out new",
    "evaluate run --data folder:pictures",
    "traverse run --data folder:pictures",
    "interpolate run --data folder:pictures",
    "swap labelled --data folder:pictures",
  ],
  ["data/cifar10/data_batch_1.bin", `train vae --data cifar10 --data-dir data --out new ${small}`],
  ["data/cifar10/test_batch.bin", `train vae --data cifar10 --data-dir data --out new ${small}`],
  [
    "data/archive/cifar10/cifar-10-binary.tar.gz",
    `train vae --data cifar10 --data-dir data/archive --out new ${small}`,
  ],
  ["data/faces/celeba.npy", `train vae --data faces --data-dir data --out new ${small}`],
  [
    "data/omniglot/images_background.zip",
    `train vae --data omniglot --data-dir data --out new ${small}`,
  ],
  [table, `tune vae ${small.replace(" --epochs 1", "")} --seconds 1`],
];

/** Data that are sound until a file is replaced, and trained on to see that they are. */
const sound = ["cifar10", "faces", "omniglot"];

test.before(async (context) => {
  context.folder = mkdtempSync(join(tmpdir(), "latentgrad-special-"));
  const silent: Partial<Host> = { stdout: () => {}, stderr: () => {} };
  const env = { LATENTGRAD_OFFLINE: "1", LATENTGRAD_ADAPTER: process.env.LATENTGRAD_ADAPTER };
  const cacheDir = join(context.folder, "cache");
  context.host = { ...(await createNodeHost()), ...silent, env, cacheDir };
  const at = (name: string) => join(context.folder, name);
  for (const name of ["idx", "pictures/a", "pictures/b", "data/archive"])
    mkdirSync(at(name), { recursive: true });
  for (const name of sound) mkdirSync(at(`data/${name}`));
  for (const name of ["data_batch_1.bin", "test_batch.bin"])
    writeFileSync(at(`data/cifar10/${name}`), new Uint8Array(20 * 3073));
  const faces = npyFile(npyDictionary([20, 8, 8, 3]), new Uint8Array(20 * 192));
  writeFileSync(at("data/faces/celeba.npy"), faces);
  const { background, evaluation } = omniglotZips();
  writeFileSync(at("data/omniglot/images_background.zip"), zipFile(background));
  writeFileSync(at("data/omniglot/images_evaluation.zip"), zipFile(evaluation));
  writeFileSync(at("idx/train-images-idx3-ubyte"), idxFile([20, 4, 4], new Uint8Array(320)));
  writeFileSync(at("idx/train-labels-idx1-ubyte"), idxFile([20], new Uint8Array(20)));
  for (let i = 10; i < 30; i++) {
    const pixel = (x: number, y: number) => [(i * x * y) % 256];
    const picture = await pngFile({ width: 8, height: 8, depth: 8, colourType: 0, pixel });
    for (const name of ["a", "b"]) writeFileSync(at(`pictures/${name}/${i}.png`), picture);
  }
  const train = (...words: string[]) => run(["train", ...words, ...tiny], context.host);
  const pictures = `folder:${at("pictures")}`;
  assert.is(await train("vae", "--data", pictures, "--out", at("run")), 0);
  assert.is(await train("cvae", "--data", pictures, "--out", at("labelled")), 0);
  for (const name of sound)
    assert.is(await train("vae", "--data", name, "--data-dir", at("data"), "--out", at(name)), 0);
});

test.after(({ folder }) => rmSync(folder, { recursive: true, force: true }));

/** A command's words with the names of files in the folder made whole. */
function wordsOf(line: string, at: (name: string) => string): string[] {
  return line.split(" ").map((word) => {
    const [, prefix = "", name] = /^((?:idx|folder):)?(.*)$/.exec(word)!;
    return /^(run|labelled|new|out\.\w+|config\.json|idx|pictures|data(\/archive)?)$/.test(name!)
      ? prefix + at(name!)
      : word;
  });
}

/** Runs a command with each kind of thing in the place of a file, and gives what came of it. */
async function* outcomes({ folder, host }: Context, file: string, line: string) {
  const work = join(folder, "work");
  const at = (name: string) => join(work, name);
  for (const [kind, make] of Object.entries(kinds)) {
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work);
    for (const name of ["run", "labelled", "idx", "pictures", "data"])
      cpSync(join(folder, name), at(name), { recursive: true });
    const cacheDir = at("cache");
    const path = at(file === table ? `cache/${await tableName()}` : file);
    rmSync(path, { force: true });
    mkdirSync(dirname(path), { recursive: true });
    make(path);
    let told = "";
    const stderr = (text: string) => {
      told += text;
    };
    const listening = { ...host, cacheDir, stderr };
    const status = await within(60, run([...wordsOf(line, at), "--quiet"], listening));
    yield { kind, status, told, made: existsSync(at("new")) };
  }
}

/** Where the adapter's table of kernel variants lies in the cache. */
async function tableName(): Promise<string> {
  const device = await openDevice();
  try {
    return (await variantsPath({ cacheDir: "" } as Host, device)).slice(1);
  } finally {
    device.close();
  }
}

for (const [file, ...commands] of cases)
  for (const line of commands)
    test(`${file}: ${line}`, async (context) => {
      if (process.platform === "win32") return skip("pipes and devices are other things there");
      for await (const { kind, status, told, made } of outcomes(context, file, line)) {
        assert.ok([3, 7].includes(status), `${kind}: status ${status}: ${told}`);
        const lines = told.split("\n").filter((one) => one.startsWith("latentgrad: "));
        assert.is(lines.length, 1, `${kind}: ${told}`);
        assert.not.ok(made, kind);
      }
    });

test("a training does without a table of kernel variants that cannot be read", async (context) => {
  if (process.platform === "win32") return skip("pipes and devices are other things there");
  const line = `train vae --data folder:pictures --out new ${small}`;
  const all = outcomes(context, table, line);
  for await (const { kind, status, told, made } of all)
    assert.equal([status, told, made], [0, "", true], kind);
});

test.run();
