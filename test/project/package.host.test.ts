/** The package as others get it: packed, installed in an empty project, used as a library. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { encodePng } from "../../src/formats/png.ts";
import { readSafetensors } from "../../src/formats/safetensors.ts";
import { openChromium } from "../../src/host/chromium.ts";
import { availableRuntimes, runtimeCommand } from "../../src/host/node-launch.ts";
import { startFileServer } from "../support/file-server.ts";
import { skip } from "../support/skip.ts";

interface Context {
  /** The empty project. */
  project: string;
}

const run = promisify(execFile);
const test = suite<Context>("package");
const checkout = process.cwd();

/** npm as the suite was started with, else the one on the search path. */
function npm(args: string[], cwd: string) {
  const cli = process.env.npm_execpath;
  const env: NodeJS.ProcessEnv = { ...process.env };
  // What the surrounding npm run sets must not reach the empty project.
  for (const name of Object.keys(env))
    if (/^npm_(config_|package_|lifecycle)/.test(name)) delete env[name];
  return cli?.endsWith(".js")
    ? run(process.execPath, [cli, ...args], { cwd, env })
    : run(process.platform === "win32" ? "npm.cmd" : "npm", args, { cwd, env });
}

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
const trained = async (trainer: train.Trainer) => [trainer.step, trainer.settings, trainer.program.statistics];
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
  context.project = mkdtempSync(join(tmpdir(), "latentgrad-project-"));
  const { project } = context;
  writeFileSync(
    join(project, "package.json"),
    '{ "name": "empty", "private": true, "type": "module" }',
  );
  try {
    const packed = await npm(["pack", "--silent", "--pack-destination", project], checkout);
    const tarball = packed.stdout.trim().split("\n").at(-1)!;
    await npm(["install", "--offline", "--no-audit", "--no-fund", `./${tarball}`], project);
  } catch (error) {
    // uvu says no more than that a hook failed
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    console.error(error, stdout, stderr);
    throw error;
  }
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
    "a step of the VAE with Adam",
    66_000,
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
    95_000,
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

/** Pictures of bars of several widths, as files that a page is given. */
async function pictureFiles() {
  const files = Array.from({ length: 40 }, async (_, i) => {
    const pixels = Uint8Array.from({ length: 32 * 32 }, (_, at) =>
      at % 32 < 4 + (i % 20) ? 240 : 10,
    );
    const png = await encodePng({ width: 32, height: 32, channels: 1, pixels });
    return { name: `${i}.png`, mimeType: "image/png", buffer: Buffer.from(png) };
  });
  return Promise.all(files);
}

test("the page of docs/library.md trains on pictures of its own, saves and loads", async ({
  project,
}) => {
  if (!(await availableRuntimes()).includes("chrome")) return skip("Chromium is not installed");
  const source = readFileSync(join(checkout, "docs/examples/page.ts"), "utf8");
  assert.ok(
    readFileSync(join(checkout, "docs/library.md"), "utf8").includes(source),
    "it is quoted",
  );
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: project, loader: "ts" },
    ...{ bundle: true, format: "esm", platform: "browser", logLevel: "silent", write: false },
  });
  const server = await startFileServer();
  server.answer = ({ url }, response) => {
    const script = url === "/page.js";
    response.setHeader("content-type", script ? "text/javascript" : "text/html");
    response.end(
      script
        ? outputFiles![0]!.text
        : '<!doctype html><input type="file" multiple><canvas></canvas><a>save</a><script type="module" src="page.js"></script>',
    );
  };
  const { browser, page } = await openChromium(`${server.url}/`);
  try {
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    await page.locator("input").setInputFiles(await pictureFiles());
    const ended = page.waitForFunction(() => document.title === "trained", null, {
      timeout: 120_000,
    });
    await ended.catch((error: Error) =>
      assert.unreachable(`${errors.join("; ")} ${error.message}`),
    );
    const saved = await page.evaluate(async () => {
      const { href } = document.querySelector("a") as HTMLAnchorElement;
      return [...new Uint8Array(await (await fetch(href)).arrayBuffer())];
    });
    const { metadata, tensors } = await readSafetensors(Uint8Array.from(saved), "saved");
    assert.equal([metadata.model, metadata.data, metadata.epoch], ["vae", "pictures", "10"]);
    assert.ok(tensors.has("head.weight"));
    const inked = await page.evaluate(() => {
      const { width, height } = document.querySelector("canvas") as HTMLCanvasElement;
      const context = (document.querySelector("canvas") as HTMLCanvasElement).getContext("2d");
      const { data } = (context as CanvasRenderingContext2D).getImageData(0, 0, width, height);
      return new Set(data).size;
    });
    assert.ok(inked > 10, `${inked} values in the samples`);
  } finally {
    await browser.close();
    await server.close();
  }
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

for (const runtime of ["deno", "node"] as const) {
  test(`runs in ${runtime}`, async ({ project }) => {
    if (!(await availableRuntimes()).includes(runtime)) return skip(`${runtime} is not installed`);
    // Node's WebGPU and the software adapter are the user's to install; here, the checkout's.
    const modules = join(project, "node_modules");
    mkdirSync(join(modules, "@sparticuz"), { recursive: true });
    for (const name of ["webgpu", "@sparticuz/chromium"]) {
      rmSync(join(modules, name), { force: true });
      symlinkSync(join(checkout, "node_modules", name), join(modules, name), "junction");
    }
    writeFileSync(join(project, "program.mjs"), SCRIPT);
    const { command, args, env } = await runtimeCommand(runtime, "program.mjs", []);
    // Unlike the command line, which is bundled, this program is to find node_modules.
    const { DENO_NO_PACKAGE_JSON: _, ...environment } = env;
    const { stdout } = await run(
      command,
      args.filter((argument) => argument !== "--no-config"),
      { cwd: project, env: environment, timeout: 60_000 },
    );
    assert.is(stdout, "11,22,33\ntrue true true\n");
  });
}

test.run();
