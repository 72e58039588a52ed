/**
 * Says what the bytes of a page are that imports "latentgrad": minified bytes of each folder of the sources, or
 * with --files of each file, and of the whole, gzipped, as test/project/package.host.test.ts measures it.
 *
 *   node scripts/sizes.mjs PAGE.js [--files]
 */
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { bundleOptions, entries, root, withoutNative } from "./build.mjs";

const args = process.argv.slice(2);
const [page] = args.filter((arg) => !arg.startsWith("--"));
if (page === undefined) {
  console.error("node scripts/sizes.mjs PAGE.js [--files]");
  process.exit(2);
}

/** The package as a bundler for browsers sees it, each source a module of its own. */
const fromSources = {
  name: "from sources",
  setup({ onResolve }) {
    onResolve({ filter: /^latentgrad(\/|$)/ }, ({ path }) => {
      const entry = entries.find((each) => join("latentgrad", each.path) === path);
      return entry && { path: join(root, entry.source), sideEffects: false };
    });
    onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
      const file = join(resolveDir, path);
      return { path: file, sideEffects: false };
    });
  },
};

const { outputFiles, metafile } = await build({
  ...bundleOptions,
  plugins: [fromSources, withoutNative, ...bundleOptions.plugins],
  absWorkingDir: root,
  platform: "browser",
  entryPoints: [join(process.cwd(), page)],
  outfile: "page.js",
  minify: true,
  metafile: true,
  write: false,
});
const bytes = new Map();
for (const [file, { bytesInOutput }] of Object.entries(metafile.outputs["page.js"].inputs)) {
  const name = args.includes("--files") ? file : dirname(file).split("/").slice(0, 2).join("/");
  bytes.set(name, (bytes.get(name) ?? 0) + bytesInOutput);
}
const rows = [...bytes].filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a);
for (const [name, count] of rows) console.log(`${String(count).padStart(7)}  ${name}`);
const [{ contents }] = outputFiles;
console.log(`${String(contents.length).padStart(7)}  minified`);
console.log(`${String(gzipSync(contents, { level: 9 }).length).padStart(7)}  minified and gzipped`);
