/** The package as others get it: packed, installed in an empty project, used as a library. */
import { execFile } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { build, transform } from "esbuild";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { availableRuntimes } from "../../src/host/node-launch.ts";
import { installPackage, runInstalled } from "../support/installed-package.ts";
import { skip } from "../support/skip.ts";

interface Context {
  /** The empty project. */
  project: string;
}

const run = promisify(execFile);
const test = suite<Context>("package");
const checkout = process.cwd();

const PROGRAM = `
import * as lg from "latentgrad";
import { DeviceImages, loadGlyphs } from "latentgrad/data";
import { Vae } from "latentgrad/models";
import { createModel } from "latentgrad/models/all";
const device = await lg.openDevice();
const sum = lg.add(lg.tensor(device, [1, 2, 3]), lg.tensor(device, [10, 20, 30]));
console.log([...(await sum.data())].join());
const data = loadGlyphs(2, 1);
const settings = { network: "dense", width: 0.01 } as const;
const vae = createModel("vae", device, { data, settings, seed: 5 });
const rate = lg.variable(device, Float32Array.of(1), [1], "rate");
rate.set(Float32Array.of(2));
const { x } = new DeviceImages(device, data.train, data).take(lg.tensor(device, Uint32Array.of(0, 1)));
console.log(vae instanceof Vae, x instanceof lg.Tensor, vae.encode({ x }) instanceof lg.Tensor);
`;
/** What types say of elements, and of what is the engine's own. */
const TYPED = `
import * as bench from "latentgrad/bench";
import * as checkpoints from "latentgrad/checkpoints";
import * as figures from "latentgrad/figures";
import * as metrics from "latentgrad/metrics";
import * as train from "latentgrad/train";
console.log(bench, checkpoints, figures, metrics, device.memory.liveBytes);
const trained = async (trainer: train.Trainer) => [trainer.stepsDone, trainer.settings, trainer.program.statistics];
console.log(trained);
const places = lg.tensor(device, Uint32Array.of(1, 0));
const found: Uint32Array = await places.data();
const rows: lg.Tensor = lg.gather(lg.tensor(device, [[1], [2]]), places);
const values: Float32Array<ArrayBuffer> = await rows.data();
const bytes: Uint8Array = await lg.bytes(device, Uint8Array.of(1), [1]).data();
const largest: lg.Tensor<"u32"> = lg.argmax(rows);
const all: readonly lg.Tensor<lg.DType>[] = [places, rows, largest, lg.mul(places, 2)];
const draw = lg.randomNormal(device, [2], { seed: [1, 0], step: lg.variable(device, Uint32Array.of(1), [1]), stream: 0 });
`;

/** The same for what takes no types. */
const SCRIPT = PROGRAM.replace(" as const", "");

test.before(async (context) => {
  context.project = await installPackage();
});

test.after(({ project }) => rmSync(project, { recursive: true, force: true }));

test("has no dependencies and carries what its manifest names", ({ project }) => {
  const folder = join(project, "node_modules/latentgrad");
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  assert.is(manifest.dependencies, undefined);
  assert.is(manifest.optionalDependencies, undefined);
  for (const name of Object.keys(manifest.peerDependencies)) {
    assert.is(manifest.peerDependenciesMeta[name]?.optional, true, name);
  }
  for (const file of [
    manifest.types,
    manifest.bin.latentgrad,
    ...Object.values<{ types: string; default: string } | string>(manifest.exports).flatMap((to) =>
      typeof to === "string" ? [to] : [to.types, to.default],
    ),
    "LICENSE",
    "dist/THIRD-PARTY-LICENSES",
  ]) {
    assert.ok(readFileSync(join(folder, file)).length > 0, file);
  }
  const lock = JSON.parse(readFileSync(join(project, "package-lock.json"), "utf8"));
  assert.equal(Object.keys(lock.packages), ["", "node_modules/latentgrad"]);
});

test("type-checks, and its types say what is wrong", async ({ project }) => {
  const options = {
    compilerOptions: {
      target: "ES2022",
      module: "ESNext",
      moduleResolution: "bundler",
      lib: ["ES2023", "DOM"],
      types: [],
      strict: true,
      // The declarations themselves are checked, too: nothing is missing in them.
      skipLibCheck: false,
      exactOptionalPropertyTypes: true,
      noEmit: true,
    },
    files: ["program.ts"],
  };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify(options));
  const tsc = () =>
    run(process.execPath, [join(checkout, "node_modules/typescript/bin/tsc"), "-p", "."], {
      cwd: project,
    }).then(
      () => "",
      (error: { stdout: string }) => error.stdout,
    );
  writeFileSync(join(project, "program.ts"), [PROGRAM, TYPED].join("\n"));
  assert.is(await tsc(), "");
  const wrong = [
    'lg.add("three", sum);',
    "lg.none();",
    'createModel("vae", device, { data, settings: { latents: 2 } });',
    'createModel("ae", device, { data, settings: { network: "mlp" } });',
    "new Vae(device, new lg.HostRandom(1), data).settings.gamma;",
    "rate.set(Uint32Array.of(2));",
    "const floats: Float32Array = await lg.tensor(device, Uint32Array.of(1)).data();",
    "lg.gather(sum, sum);",
    "lg.conv2d(lg.bytes(device, new Uint8Array(9), [1, 3, 3, 1]), sum);",
    "lg.upload(rate, Float32Array.of(2));",
    "sum.integers();",
    "new lg.Tensor();",
    "sum.value;",
    "device.emit;",
    "const loops = (trainer: train.Trainer) => trainer.calendar;",
  ];
  writeFileSync(join(project, "program.ts"), [PROGRAM, TYPED, ...wrong].join("\n"));
  const errors = await tsc();
  assert.match(errors, /TS2345: Argument of type 'string'/);
  assert.match(errors, /TS2339.*'none'/);
  assert.match(errors, /TS2561: .*'latents' does not exist .* Did you mean to write 'latent'/);
  assert.match(errors, /TS2322: Type '"mlp"' is not assignable/);
  assert.match(errors, /TS2339: Property 'gamma' does not exist/);
  assert.match(errors, /TS2345: Argument of type 'Uint32Array<ArrayBuffer>' is not assignable/);
  assert.match(
    errors,
    /TS2322: Type 'Uint32Array<ArrayBuffer>' is not assignable to type 'Float32/,
  );
  assert.match(
    errors,
    /TS2345: Argument of type 'Tensor<"f32">' .* parameter of type 'Tensor<"u32">'/,
  );
  assert.match(
    errors,
    /TS2345: Argument of type 'Tensor<"u8">' .* parameter of type 'Tensor<"f32">'/,
  );
  assert.match(errors, /TS2339.*'upload'/);
  for (const name of ["integers", "value", "emit", "calendar"])
    assert.match(errors, new RegExp(`TS2339: Property '${name}' does not exist`));
  assert.match(errors, /TS2673: Constructor of class 'Tensor<D>' is private/);
});

test("bundles for a browser as one module that imports nothing", async ({ project }) => {
  writeFileSync(join(project, "program.mjs"), SCRIPT);
  const { metafile, outputFiles } = await build({
    entryPoints: [join(project, "program.mjs")],
    absWorkingDir: project,
    bundle: true,
    format: "esm",
    platform: "browser",
    logLevel: "silent",
    metafile: true,
    write: false,
    outfile: "bundle.js",
  });
  assert.is(outputFiles.length, 1);
  assert.equal(metafile.outputs["bundle.js"]?.imports, []);
});

test("what only Node and Deno need is left out of a browser's bundle", async ({ project }) => {
  const bundle = (platform: "browser" | "node", outfile: string) =>
    build({
      stdin: {
        contents: 'import { openDevice } from "latentgrad"; await openDevice();',
        resolveDir: project,
        loader: "js",
      },
      bundle: true,
      format: "esm",
      platform,
      logLevel: "silent",
      outfile: join(project, outfile),
    }).then(() => readFileSync(join(project, outfile), "utf8"));
  const native = /vk_swiftshader_icd|loadNodeWebgpu|paceDawn/;
  assert.match(await bundle("node", "for-node.mjs"), native);
  assert.not.match(await bundle("browser", "for-browsers.mjs"), native);
  // Where it runs elsewhere all the same, it says in one line what is missing there.
  const { stderr } = await run(process.execPath, [join(project, "for-browsers.mjs")]).then(
    () => ({ stderr: "" }),
    (error: { stderr: string }) => error,
  );
  assert.match(stderr, /NoAdapterError.*no WebGPU adapter in node/);
});

/** Bytes of a page, bundled as its author would, minified and compressed. */
async function compressedSize(project: string, source: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: project, loader: "js" },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    logLevel: "silent",
    write: false,
  });
  return gzipSync(outputFiles[0]!.contents, { level: 9 }).length;
}

for (const [what, most, source] of [
  [
    "the engine with one product and its gradient",
    38_000,
    `import { grad, matmul, openDevice, sum, tensor, track } from "latentgrad";
    const device = await openDevice();
    const [a, b] = [track(tensor(device, [[1, 2]])), tensor(device, [[3], [4]])];
    console.log(await grad(sum(matmul(a, b)), [a])[0].data());`,
  ],
  [
    "a page that looks for tuned variants, which brings no benchmark",
    3_500,
    `import { loadVariants } from "latentgrad/bench";
    console.log(loadVariants);`,
  ],
  [
    "a step of the VAE with Adam",
    69_000,
    `import { Adam, grad, HostRandom, mean, openDevice, record, variable } from "latentgrad";
    import { Vae } from "latentgrad/models";
    const device = await openDevice();
    const vae = new Vae(device, new HostRandom(1), { height: 28, width: 28, channels: 1 });
    const parameters = vae.parameters().map((p) => p.tensor);
    const x = variable(device, new Float32Array(784), [1, 28, 28, 1]);
    const step = variable(device, Uint32Array.of(1), [1]);
    const adam = new Adam(device, parameters, { learningRate: 1e-3 });
    const { program } = await record(device, () => {
      const { loss } = vae.terms({ x }, { seed: [1, 0], step, stream: 0 });
      adam.step(grad(mean(loss), parameters));
    });
    program.run();`,
  ],
  [
    "a page that trains a VAE, saves it and goes on",
    98_000,
    `import { openDevice } from "latentgrad";
    import { loadGlyphs } from "latentgrad/data";
    import { Vae } from "latentgrad/models";
    import { Trainer } from "latentgrad/train";
    const device = await openDevice();
    const data = loadGlyphs();
    const trainer = await Trainer.create(device, { model: Vae, data });
    for await (const { terms } of trainer.train({ epochs: 1 })) console.log(terms.loss);
    const file = await trainer.checkpoint();
    await Trainer.restore(device, file, { model: Vae, data });`,
  ],
] as const)
  test(`${what} is small`, async ({ project }) => {
    const size = await compressedSize(project, source);
    console.log(`${what}: ${(size / 1000).toFixed(1)} kB of ${most / 1000}`);
    assert.ok(size <= most, `${size} bytes, more than ${most}`);
    assert.ok(size > most / 3, `${size} bytes: is it the page?`);
  });

test("a page that loads a model brings nothing of ONNX", async ({ project }) => {
  const bundled = async (what: string) => {
    const { outputFiles } = await build({
      stdin: {
        contents: `import { ${what} } from "latentgrad/checkpoints"; console.log(${what});`,
        resolveDir: project,
        loader: "js",
      },
      ...{ bundle: true, format: "esm", logLevel: "silent", write: false },
    });
    return outputFiles![0]!.text;
  };
  assert.match(await bundled("exportOnnx"), /BatchNormalization/);
  assert.not.match(await bundled("loadModel, saveWeights"), /BatchNormalization/);
});

test("a model given by its class brings no other", async ({ project }) => {
  const { outputFiles } = await build({
    stdin: {
      contents: 'import { Vae } from "latentgrad/models"; console.log(Vae);',
      resolveDir: project,
      loader: "js",
    },
    bundle: true,
    format: "esm",
    logLevel: "silent",
    write: false,
  });
  const { text } = outputFiles[0]!;
  assert.match(text, /variational autoencoder with a weight/);
  for (const other of ["cvae", "wae-mmd", "flex-ae", "dual-aae", "mask-aae", "kmeans-vae", "aae"])
    assert.not(text.includes(`name: "${other}"`), other);
  for (const other of [/γ: weight of the total correlation/, /weight of the penalty/, /planar/])
    assert.not.match(text, other);
});

test("says that other engines are compared in a checkout", async ({ project }) => {
  const script = join(project, "node_modules/latentgrad/bin/latentgrad.js");
  const ended = await run(process.execPath, [script, "bench", "--peers"], { cwd: project }).then(
    () => ({ code: 0, stderr: "" }),
    (error: { code: number; stderr: string }) => error,
  );
  assert.is(ended.code, 2);
  assert.match(ended.stderr, /^latentgrad: --peers wants a checkout of latentgrad[^\n]*\n$/);
});

/** The second program of docs/library.md's part on training, and what it prints. */
function trainerProgram(): { source: string; output: string } {
  const text = readFileSync(join(checkout, "docs/library.md"), "utf8");
  const part = text.slice(text.indexOf("## Train the VAE in your page"));
  const found = /^```ts\n([\s\S]*?)^```\n\n```text\n([\s\S]*?)^```/m.exec(part);
  assert.match(found?.[1] ?? "", /Trainer\.create[\s\S]*checkpoint[\s\S]*loadModel[\s\S]*sample/);
  return { source: found![1]!, output: found![2]! };
}

for (const runtime of ["deno", "node"] as const) {
  test(`runs in ${runtime}`, async ({ project }) => {
    if (!(await availableRuntimes()).includes(runtime)) return skip(`${runtime} is not installed`);
    writeFileSync(join(project, "program.mjs"), SCRIPT);
    assert.is(await runInstalled(project, runtime, "program.mjs"), "11,22,33\ntrue true true\n");
  });

  test(`the trainer of docs/library.md runs in ${runtime}`, async ({ project }) => {
    if (!(await availableRuntimes()).includes(runtime)) return skip(`${runtime} is not installed`);
    const { source, output } = trainerProgram();
    const { code } = await transform(source, { loader: "ts", format: "esm" });
    writeFileSync(join(project, "trainer.mjs"), code);
    assert.is(await runInstalled(project, runtime, "trainer.mjs"), output);
  });
}

test.run();
