/**
 * The structure of the sources: which folder of `src/` may import which, that pages stand on what the
 * package exports, and that no files import each other in a circle. Imports of types count as others do.
 *
 *   node scripts/layers.mjs
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path/posix";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/**
 * The folders of `src/`; each imports only itself and those above it. `host` stands to the side: it
 * opens files, terminals and processes for all that is below it here.
 */
export const layers = [
  "gpu",
  "kernels",
  "compiler",
  "tensor",
  "autograd",
  "nn",
  "optim",
  "math",
  "settings",
  "formats",
  "host",
  "data",
  "models",
  "tune",
  "train",
  "metrics",
  "figures",
  "experiments",
  "bench",
  "doctor",
  "cli",
];

/** A file of `src/` that imports nothing and that all may import; src/entries imports what it exports. */
const above = ["src/version.ts"];

/** Folders beside `src/` whose files it does not import. */
const beside = ["test", "bench", "web", "scripts"];

/**
 * An import, as it is written.
 *
 * @typedef {{ from: string, to: string, line: number, text: string }} Import
 */

/**
 * @param {ReadonlyMap<string, string>} files texts by path
 * @returns {Import[]} imports of files that are among them, by path
 */
export function importsOf(files) {
  return [...files].flatMap(([from, text]) =>
    ts.preProcessFile(text, true, true).importedFiles.flatMap(({ fileName, pos }) => {
      if (!fileName.startsWith(".")) return [];
      const to = join(dirname(from), fileName);
      if (!files.has(to)) return [];
      const line = text.slice(0, pos).split("\n").length;
      return [{ from, to, line, text: fileName }];
    }),
  );
}

/** Position among the layers; undefined for a folder that is none of them. */
function rankOf(path) {
  if (above.includes(path)) return -1;
  const [, folder] = path.split("/");
  if (folder === "entries") return layers.length; // what the package exports
  const rank = layers.indexOf(folder);
  return rank < 0 ? undefined : rank;
}

const nameOf = (path) => `src/${path.split("/")[1]}`;

/**
 * @param {readonly Import[]} imports
 * @returns {string[]} a line for each import against the layers
 */
export function againstLayers(imports) {
  return imports.flatMap(({ from, to, line, text }) => {
    const what = `${from}:${line} imports "${text}"`;
    if (
      from.startsWith("web/") &&
      !["web/", "src/entries/"].some((folder) => to.startsWith(folder))
    )
      return [`${what}: web imports nothing but src/entries, what the package exports`];
    if (!from.startsWith("src/")) return [];
    const outside = beside.find((folder) => to.startsWith(`${folder}/`));
    if (outside) return [`${what}: src imports nothing of ${outside}`];
    if (!to.startsWith("src/")) return [];
    for (const path of [from, to])
      if (rankOf(path) === undefined)
        return [`${what}: ${nameOf(path)} has no place in scripts/layers.mjs`];
    if (rankOf(to) <= rankOf(from)) return [];
    return [`${what}: ${nameOf(from)} stands above ${nameOf(to)}`];
  });
}

/**
 * @param {readonly Import[]} imports
 * @returns {string[]} for each group of files that reach each other, one of its shortest circles
 */
export function circles(imports) {
  const next = new Map();
  for (const each of imports) next.set(each.from, [...(next.get(each.from) ?? []), each]);
  return groups(next).map((group) => {
    const within = new Set(group);
    const paths = group.map((start) => shortestCircle(start, next, within));
    const shortest = paths.reduce((a, b) => (b.length < a.length ? b : a));
    const steps = shortest.map(({ from, line, to }) => `${from}:${line} imports ${to}`);
    return `a circle among ${group.length} files: ${steps.join(", ")}`;
  });
}

/** Groups of files that all reach each other (Tarjan 1972), but for single files. */
function groups(next) {
  const index = new Map();
  const low = new Map();
  const stack = [];
  const waiting = new Set();
  const found = [];
  const visit = (file) => {
    index.set(file, index.size);
    low.set(file, index.get(file));
    stack.push(file);
    waiting.add(file);
    for (const { to } of next.get(file) ?? []) {
      if (!index.has(to)) {
        visit(to);
        low.set(file, Math.min(low.get(file), low.get(to)));
      } else if (waiting.has(to)) low.set(file, Math.min(low.get(file), index.get(to)));
    }
    if (low.get(file) !== index.get(file)) return;
    const group = stack.splice(stack.indexOf(file));
    for (const each of group) waiting.delete(each);
    const itself = (next.get(file) ?? []).some(({ to }) => to === file);
    if (group.length > 1 || itself) found.push(group.sort());
  };
  for (const file of next.keys()) if (!index.has(file)) visit(file);
  return found;
}

/** The imports of a shortest way from a file back to it. */
function shortestCircle(start, next, within) {
  let ways = [[]];
  const seen = new Set();
  for (;;) {
    const longer = [];
    for (const way of ways)
      for (const step of next.get(way.at(-1)?.to ?? start) ?? []) {
        if (step.to === start) return [...way, step];
        if (!within.has(step.to) || seen.has(step.to)) continue;
        seen.add(step.to);
        longer.push([...way, step]);
      }
    ways = longer;
  }
}

/** All sources of a checkout, by their path in it. */
export function readSources(root) {
  const files = new Map();
  const read = (folder) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && entry.name !== "node_modules") read(path);
      if (entry.isFile() && /\.(ts|mjs)$/.test(path))
        files.set(path, readFileSync(join(root, path), "utf8"));
    }
  };
  for (const folder of ["src", ...beside]) read(folder);
  return files;
}

/** What is wrong with the structure, a line each. */
export function checkStructure(files) {
  const imports = importsOf(files);
  return [...againstLayers(imports), ...circles(imports)];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wrong = checkStructure(readSources(fileURLToPath(new URL("..", import.meta.url))));
  for (const line of wrong) console.error(line);
  if (wrong.length > 0) process.exitCode = 1;
}
