/** What a page and the library must not carry. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type BuildOptions, build } from "esbuild";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("bundles");

interface Options {
  readonly bundleOptions: BuildOptions;
  readonly pageOptions: BuildOptions;
}

/** Files that a bundle is made of. */
async function inputs(entry: string, options: BuildOptions): Promise<string[]> {
  const { metafile } = await build({
    ...options,
    entryPoints: [entry],
    metafile: true,
    write: false,
    outfile: "bundle.js",
  });
  return Object.keys(metafile.inputs);
}

test("the decoders of pictures, of which one wants Node's zlib, are in neither", async () => {
  const script = pathToFileURL(join(process.cwd(), "scripts", "build.mjs")).href;
  const { bundleOptions, pageOptions } = (await import(script)) as Options;
  const library = await inputs("src/index.ts", { ...bundleOptions, platform: "neutral" });
  const page = await inputs("src/cli/browser.ts", pageOptions);
  for (const files of [library, page]) {
    assert.ok(files.length > 20);
    assert.equal(
      files.filter((file) =>
        /pngjs|jpeg-turbo|src\/host\/(node|read-picture|download)\b/.test(file),
      ),
      [],
    );
  }
});

test.run();
