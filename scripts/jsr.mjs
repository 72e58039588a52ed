/**
 * Makes an unpacked npm package ready for JSR, in place: `deno publish` in its folder then publishes it.
 * JSR reads the library alone, finds types by a comment in front of each entry, and wants the names of
 * declaration files in full.
 *
 *   npm pack && tar -xzf latentgrad-*.tgz && node scripts/jsr.mjs package @SCOPE/latentgrad
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { relative } from "node:path/posix";
import { fileURLToPath } from "node:url";

/** @returns what jsr.json says */
export function prepareForJsr(folder, name) {
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const entries = Object.entries(manifest.exports).filter(([, target]) => target.types);
  for (const [, { types, default: code }] of entries) {
    const to = relative(dirname(code), types);
    const path = to.startsWith(".") ? to : `./${to}`;
    const file = join(folder, code);
    writeFileSync(file, `/* @ts-self-types="${path}" */\n${readFileSync(file, "utf8")}`);
  }
  for (const file of readdirSync(folder, { recursive: true }).filter((f) => f.endsWith(".d.ts"))) {
    const path = join(folder, file);
    const text = readFileSync(path, "utf8");
    const named = /((?:from |import\()"\.[^"]*?)(?:\.d)?\.ts"/g;
    writeFileSync(path, text.replace(named, '$1.d.ts"'));
  }
  // "./dist/lib/index.js" → "dist/lib": an entry's folder, or the entry where it lies in dist/ itself.
  const parts = entries.flatMap(([, target]) => [target.types, target.default]);
  const include = [...new Set(parts.map((path) => path.split("/").slice(1, 3).join("/")))];
  const settings = {
    name,
    version: manifest.version,
    license: manifest.license,
    exports: Object.fromEntries(entries.map(([path, target]) => [path, target.default])),
    publish: { include: [...include, "LICENSE", "README.md"] },
  };
  writeFileSync(join(folder, "jsr.json"), `${JSON.stringify(settings, null, 2)}\n`);
  return settings;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder, name] = process.argv.slice(2);
  if (!folder || !/^@[a-z0-9-]+\/[a-z0-9-]+$/.test(name ?? "")) {
    console.error("node scripts/jsr.mjs FOLDER_OF_THE_PACKAGE @SCOPE/NAME");
    process.exitCode = 2;
  } else prepareForJsr(folder, name);
}
