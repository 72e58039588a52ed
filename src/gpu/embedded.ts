import { importAtRunTime } from "./adapter-environment.ts";
import { withCleanUp } from "./clean-up.ts";
import { IoError, NoAdapterError } from "./errors.ts";
import { readTar } from "./tar.ts";

/**
 * The software adapter that comes from npm: the package `@sparticuz/chromium` holds a headless
 * Chromium and beside it SwiftShader with a Vulkan loader, as brotli-compressed archives. They
 * are unpacked once into the user's cache. Node and Deno on Linux only.
 */
const PACKAGE = "@sparticuz/chromium";

type Fs = typeof import("node:fs");
type Os = typeof import("node:os");
type Path = typeof import("node:path");
type Zlib = typeof import("node:zlib");

async function nodeModules() {
  const [fs, os, path, zlib] = await Promise.all([
    importAtRunTime<Fs>("node:fs"),
    importAtRunTime<Os>("node:os"),
    importAtRunTime<Path>("node:path"),
    importAtRunTime<Zlib>("node:zlib"),
  ]);
  return { fs, os, path, zlib };
}

/** The user's cache folder for latentgrad, by the platform's custom. */
export async function userCacheFolder(): Promise<string> {
  const { os, path } = await nodeModules();
  const env = process.env;
  if (process.platform === "win32") {
    return path.join(
      env.LOCALAPPDATA ?? path.join(homeFolder(os), "AppData", "Local"),
      "latentgrad",
      "Cache",
    );
  }
  if (process.platform === "darwin") {
    return path.join(homeFolder(os), "Library", "Caches", "latentgrad");
  }
  const base = env.XDG_CACHE_HOME;
  // The XDG specification asks to ignore a relative path.
  return path.join(
    base && path.isAbsolute(base) ? base : path.join(homeFolder(os), ".cache"),
    "latentgrad",
  );
}

/**
 * Stands in for a cache that cannot be written. Others may write to the folder for temporary
 * files too: a folder there that is not this user's own is not trusted with libraries.
 */
async function temporaryFolder(): Promise<string | undefined> {
  const { fs, os, path } = await nodeModules();
  const user = process.getuid?.() ?? 0;
  const folder = path.join(os.tmpdir(), `latentgrad-${user}`);
  try {
    fs.mkdirSync(folder, { mode: 0o700 });
  } catch {
    // there already, or not to be made
  }
  const status = fs.lstatSync(folder, { throwIfNoEntry: false });
  const own = status?.isDirectory() && status.uid === user && (status.mode & 0o022) === 0;
  return own ? folder : undefined;
}

/** Home folder of the user, who need not be in the list of users. */
function homeFolder(os: Os): string {
  try {
    return os.homedir();
  } catch {
    return os.tmpdir();
  }
}

/** Folder of an installed npm package, sought upwards from this module and from the work folder. */
export async function findPackage(name: string): Promise<string | undefined> {
  const { fs, path } = await nodeModules();
  const starts = [process.cwd()];
  if (import.meta.url?.startsWith("file:")) {
    const url = await importAtRunTime<typeof import("node:url")>("node:url");
    starts.unshift(path.dirname(url.fileURLToPath(import.meta.url)));
  }
  for (const start of starts) {
    for (let folder = start; ; folder = path.dirname(folder)) {
      const candidate = path.join(folder, "node_modules", name);
      if (fs.existsSync(path.join(candidate, "package.json"))) return candidate;
      if (folder === path.dirname(folder)) break;
    }
  }
  return undefined;
}

/** What can be unpacked, with the files that must lie there afterwards. */
const PARTS = {
  swiftshader: {
    archives: ["swiftshader.tar.br"],
    files: ["libvk_swiftshader.so", "libvulkan.so.1", "vk_swiftshader_icd.json"],
  },
  // The browser wants its graphics libraries beside it.
  chromium: {
    archives: ["chromium.br", "swiftshader.tar.br"],
    files: ["chromium", "libvk_swiftshader.so", "libvulkan.so.1", "libGLESv2.so", "libEGL.so"],
  },
  nss: { archives: ["al2023.tar.br"], files: ["lib/libnss3.so", "lib/libnspr4.so"] },
  fonts: { archives: ["fonts.tar.br"], files: ["fonts.conf"] },
} as const;

export type EmbeddedPart = keyof typeof PARTS;

/** Whether this machine can use what the package carries: it is built for Linux on x86-64. */
export function embeddedFits(): boolean {
  return process.platform === "linux" && process.arch === "x64";
}

/**
 * Unpacks a part of the package, unless that was done before, and returns its folder.
 *
 * Two processes may do so at once: each unpacks into a folder of its own and renames it to the
 * final name; the second finds the name taken and uses what is there.
 */
export async function unpackEmbedded(part: EmbeddedPart): Promise<string> {
  if (!embeddedFits()) {
    throw new NoAdapterError(
      `the embedded software adapter is built for Linux on x64, not for ${process.platform} on ${process.arch}`,
    );
  }
  const { fs, path } = await nodeModules();
  const source = await findPackage(PACKAGE);
  if (!source) {
    throw new NoAdapterError(
      `the embedded software adapter is not installed: npm install ${PACKAGE}@147.0.0`,
    );
  }
  const { version } = JSON.parse(fs.readFileSync(path.join(source, "package.json"), "utf8"));
  const name = `${part}-${version}-${process.arch}`;
  const { files } = PARTS[part];
  const complete = (folder: string) =>
    files.every((file) => fs.existsSync(path.join(folder, file)));

  const archives = PARTS[part].archives.map((archive) => path.join(source, "bin", archive));
  let failure: unknown;
  for (const base of [userCacheFolder, temporaryFolder]) {
    const folder = await base();
    if (folder === undefined) continue;
    if (complete(path.join(folder, name))) return path.join(folder, name);
    try {
      return await unpackInto(archives, folder, name, complete);
    } catch (error) {
      failure ??= error; // a cache that cannot be written: the temporary folder may do
    }
  }
  throw new IoError(`cannot unpack ${part} of ${PACKAGE}: ${(failure as Error).message}`);
}

async function unpackInto(
  archives: readonly string[],
  base: string,
  name: string,
  complete: (folder: string) => boolean,
): Promise<string> {
  const { fs, path } = await nodeModules();
  const target = path.join(base, name);
  makeFolder(fs, path, base);
  const scratch = fs.mkdtempSync(path.join(base, `.${name}-`));
  const fresh = path.join(scratch, "new");
  const unpack = async () => {
    fs.mkdirSync(fresh);
    for (const archive of archives) await unpackArchive(archive, fresh);
    if (!complete(fresh)) throw new Error("an expected file is not in the archives");
    if (fs.existsSync(target) && !complete(target)) {
      // Something removed files of it, as cleaners of temporary folders do.
      fs.renameSync(target, path.join(scratch, "old"));
    }
    try {
      fs.renameSync(fresh, target);
    } catch (error) {
      if (!complete(target)) throw error;
    }
    return target;
  };
  return withCleanUp(unpack, () => fs.rmSync(scratch, { recursive: true, force: true }));
}

/**
 * Makes a folder and those above it. Node's recursive mkdir never ends where the system answers ENOENT
 * to what it will not make, as below /proc.
 */
function makeFolder(
  fs: typeof import("node:fs"),
  path: typeof import("node:path"),
  folder: string,
): void {
  if (fs.existsSync(folder)) return;
  const parent = path.dirname(folder);
  if (parent !== folder) makeFolder(fs, path, parent);
  try {
    fs.mkdirSync(folder);
  } catch (error) {
    if (!fs.existsSync(folder)) throw error; // else another process has just made it
  }
}

/** A `.tar.br` into its files, any other `.br` into the file of that name. */
async function unpackArchive(archive: string, folder: string): Promise<void> {
  const { fs, path, zlib } = await nodeModules();
  if (archive.endsWith(".tar.br")) {
    for (const entry of readTar(zlib.brotliDecompressSync(fs.readFileSync(archive)))) {
      const file = path.join(folder, entry.path);
      makeFolder(fs, path, path.dirname(file));
      fs.writeFileSync(file, entry.bytes, { mode: entry.executable ? 0o755 : 0o644 });
    }
    return;
  }
  const { pipeline } =
    await importAtRunTime<typeof import("node:stream/promises")>("node:stream/promises");
  await pipeline(
    fs.createReadStream(archive),
    zlib.createBrotliDecompress(),
    fs.createWriteStream(path.join(folder, path.basename(archive, ".br")), { mode: 0o755 }),
  );
}
