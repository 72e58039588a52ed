/**
 * The licences of what bundles carry: which packages those are is esbuild's word, the texts are the
 * packages' own.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const licenceFile = /^(licen[cs]es?|copying|unlicense|notices?)([-.].*)?$/i;

/** Folder of the package that a bundled file is of, with the last `node_modules` in its path. */
const packageFolder = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/;

/**
 * Folders of the packages that have bytes in some output of a build, sorted.
 *
 * @param metafile esbuild's
 */
export function bundledPackages({ outputs }) {
  const files = Object.values(outputs).flatMap(({ inputs }) =>
    Object.keys(inputs).filter((file) => inputs[file].bytesInOutput > 0),
  );
  // A file that a plugin brought has a namespace in front of its path.
  const folders = files.flatMap((file) => packageFolder.exec(file.replace(/^[\w-]+:/, "")) ?? []);
  return [...new Set(folders)].sort();
}

/** The texts of packages that carry none, as NAME-VERSION.txt: another version is looked at again. */
const ownTexts = fileURLToPath(new URL("licenses/", import.meta.url));

function ownText(name, version) {
  const file = join(ownTexts, `${name.replace(/^@/, "").replace("/", "-")}-${version}.txt`);
  return existsSync(file) ? [readFileSync(file, "utf8").trim()] : [];
}

/**
 * Name, version, licence and licence texts of a package.
 *
 * @param folder relative to `root`
 * @throws Error for a package that carries no licence text: it must not be bundled
 */
export function noticeOf(folder, root) {
  const path = join(root, folder);
  const { name, version, license } = JSON.parse(readFileSync(join(path, "package.json"), "utf8"));
  const texts = readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isFile() && licenceFile.test(entry.name))
    .map((entry) => readFileSync(join(path, entry.name), "utf8").replaceAll("\r\n", "\n").trim())
    .filter((text) => text !== "");
  if (texts.length === 0) texts.push(...ownText(name, version));
  if (texts.length === 0)
    throw new Error(`${name} ${version} is bundled, but ${folder} has no licence text`);
  const terms = typeof license === "string" ? ` (${license})` : "";
  return { title: `${name} ${version}${terms}`, texts };
}

/** The notices of packages as one text. */
export function noticesOf(folders, root) {
  return folders
    .map((folder) => noticeOf(folder, root))
    .sort((a, b) => (a.title < b.title ? -1 : 1))
    .map(({ title, texts }) => [title, "=".repeat(title.length), ...texts].join("\n\n"))
    .join("\n\n\n");
}

/** What stands at the end of a bundle that carries packages: a page is served without its folder. */
export function noticeComment(notices) {
  if (notices === "") return "";
  return `\n/*!\nThis file carries:\n\n${notices.replaceAll("*/", "* /")}\n*/\n`;
}
