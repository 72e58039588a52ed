/** Whoever passes a bundle on passes the licences of what is in it on, too. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";

interface Licenses {
  bundledPackages(metafile: Metafile): string[];
  noticeOf(folder: string, root: string): { title: string; texts: string[] };
  noticesOf(folders: readonly string[], root: string): string;
  noticeComment(notices: string): string;
}

interface Metafile {
  readonly outputs: Record<string, { readonly inputs: Record<string, { bytesInOutput: number }> }>;
}

/** Not bundled with the test: it looks for files beside itself. */
const load = (): Promise<Licenses> => import(pathToFileURL("scripts/licenses.mjs").href);

const test = suite("licences of what is bundled");

/** The packages that say in a bundle's text, by the paths that esbuild writes above each module, that they are in it. */
function packagesIn(bundle: string): string[] {
  const paths = bundle.matchAll(/^\/\/ node_modules\/((?:@[^/\s]+\/)?[^/\s]+)\//gm);
  return [...new Set([...paths].map(([, name]) => name as string))].sort();
}

const built = readdirSync("dist").filter((name) => name.endsWith(".js"));

test("every package in a bundle of dist/ is named there with its licence text", async () => {
  const all = readFileSync("dist/THIRD-PARTY-LICENSES", "utf8");
  const { noticeOf } = await load();
  const seen = new Set<string>();
  for (const file of built) {
    const bundle = readFileSync(`dist/${file}`, "utf8");
    for (const name of packagesIn(bundle)) {
      seen.add(name);
      const { title, texts } = noticeOf(`node_modules/${name}`, process.cwd());
      assert.ok(texts.length > 0);
      for (const part of [title, ...texts]) {
        assert.ok(all.includes(part), `THIRD-PARTY-LICENSES lacks ${name}`);
        // A page is served without its folder.
        assert.ok(bundle.includes(part.replaceAll("*/", "* /")), `${file} lacks ${name}'s notice`);
      }
    }
  }
  for (const name of ["commander", "pngjs", "fflate", "d3-scale", "d3-shape"])
    assert.ok(seen.has(name), `${name} is bundled no more: the check looks for nothing`);
});

test("packages are found in nested folders, with scopes, as assets; not where nothing is left of them", async () => {
  const { bundledPackages } = await load();
  const inputs = {
    "src/a.ts": { bytesInOutput: 5 },
    "node_modules/one/lib/a.js": { bytesInOutput: 5 },
    "node_modules/one/lib/b.js": { bytesInOutput: 5 },
    "node_modules/shaken/a.js": { bytesInOutput: 0 },
    "node_modules/one/node_modules/@scope/two/code.wasm": { bytesInOutput: 5 },
    "plugin:node_modules/three/a.css": { bytesInOutput: 5 },
  };
  assert.equal(bundledPackages({ outputs: { "dist/x.js": { inputs } } }), [
    "node_modules/one",
    "node_modules/one/node_modules/@scope/two",
    "node_modules/three",
  ]);
});

test("a package without a licence text must not be bundled", async () => {
  const { noticeOf, noticesOf, noticeComment } = await load();
  const root = mkdtempSync(join(tmpdir(), "latentgrad-licences-"));
  try {
    const add = (name: string, files: Record<string, string>) => {
      const folder = join(root, "node_modules", name);
      mkdirSync(folder, { recursive: true });
      writeFileSync(
        join(folder, "package.json"),
        JSON.stringify({ name, version: "1.0.0", license: "MIT" }),
      );
      for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
      return `node_modules/${name}`;
    };
    const none = add("none", { "readme.md": "MIT", "license.md": " \n" });
    assert.throws(
      () => noticeOf(none, root),
      /^none 1\.0\.0 is bundled, but .* has no licence text/,
    );
    const some = add("some", { "LICENSE-MIT.txt": "Copyright A */", NOTICE: "and B" });
    const { title, texts } = noticeOf(some, root);
    assert.is(title, "some 1.0.0 (MIT)");
    assert.equal([...texts].sort(), ["Copyright A */", "and B"]);
    const comment = noticeComment(noticesOf([some], root));
    assert.is(comment.indexOf("*/"), comment.length - 3);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test("texts kept here are of packages that are bundled and carry none", async () => {
  const all = readFileSync("dist/THIRD-PARTY-LICENSES", "utf8");
  for (const file of readdirSync("scripts/licenses"))
    assert.ok(all.includes(readFileSync(`scripts/licenses/${file}`, "utf8").trim()), file);
});

test.run();
