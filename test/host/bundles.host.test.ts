/** What a page and the library must not carry. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type BuildOptions, build } from "esbuild";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("bundles");

interface Options {
  readonly libraryOptions: BuildOptions;
  readonly pageOptions: BuildOptions;
  readonly shortShader: (wgsl: string) => string;
}

/** Files that a bundle is made of. */
async function inputs(options: BuildOptions): Promise<string[]> {
  const built = await build({ outdir: "dist", ...options, metafile: true, write: false });
  return Object.keys(built.metafile!.inputs);
}

test("the decoders of pictures, of which one wants Node's zlib, are in neither", async () => {
  const script = pathToFileURL(join(process.cwd(), "scripts", "build.mjs")).href;
  const { libraryOptions, pageOptions } = (await import(script)) as Options;
  const library = await inputs(libraryOptions);
  const page = await inputs({ ...pageOptions, entryPoints: ["src/cli/browser.ts"] });
  for (const files of [library, page]) {
    assert.ok(files.length > 20);
    assert.equal(
      files.filter((file) =>
        /pngjs|jpeg-turbo|src\/host\/(node|read-picture|download)\b/.test(file),
      ),
      [],
    );
  }
  // A page has the name alone of the file that opens devices in Node and Deno, and nothing that it imports.
  assert.ok(page.includes("src/gpu/native-adapter.ts"));
  assert.not(page.includes("src/gpu/node-polling.ts"));
  assert.ok(library.includes("src/gpu/node-polling.ts"));
});

test("shaders are those of the sources without comments, indentation and idle spaces", async () => {
  const script = pathToFileURL(join(process.cwd(), "scripts", "build.mjs")).href;
  const { shortShader } = (await import(script)) as Options;
  const short = shortShader(`// What it does.

alias F = vec4f; // f32 or vec4f
  //@unroll
  for (var i = 0u; i < 4u; i++) { // rows
    if (A) { //@static

      //@insert body
      for (var j = 0u; j < 4u; j++) {
        let far = vec2<f32>(1.0, 2.0); // of which
        var at: vec2<f32> = a - -b * (c + 1.0);
      }
    }
  }
@compute fn main(
  @builtin(local_invocation_index) lane: u32,
) {
  return;
}
`);
  assert.is(
    short,
    `alias F = vec4f;
//@unroll
for (var i = 0u; i < 4u; i++) {
if (A) { //@static
//@insert body
for (var j = 0u; j < 4u; j++) {
let far=vec2<f32>(1.0,2.0);
var at:vec2<f32> =a- -b*(c+1.0);
}
}
}
@compute fn main(
@builtin(local_invocation_index) lane: u32,
) {
return;
}
`,
  );
  for (const name of readdirSync("shaders").filter((file) => file.endsWith(".wgsl"))) {
    const text = readFileSync(join("shaders", name), "utf8");
    const marks = (of: string) => of.match(/\/\/@.*$/gm) ?? [];
    const short = shortShader(text);
    assert.equal(marks(short), marks(text), name);
    // Of the same tokens, whichever way they are spaced.
    const tokens = (of: string) =>
      of.replace(/\/\/.*$/gm, "").match(/[\w.]+|[-+*/%=<>!&|]+|\S/g) ?? [];
    assert.equal(tokens(short), tokens(text), name);
  }
});

test.run();
