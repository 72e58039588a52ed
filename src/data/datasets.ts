import { UsageError } from "../gpu/errors.ts";
import { nearest } from "../gpu/suggest.ts";
import { loadCifar10 } from "./cifar10.ts";
import { anime, faces, loadFaces, type OwnSet } from "./faces.ts";
import type { DataSource } from "./files.ts";
import { loadFolder } from "./folder.ts";
import { loadGlyphs } from "./glyphs.ts";
import { loadIdxPath } from "./idx-path.ts";
import { loadIdxSet } from "./idx-set.ts";
import { loadOmniglot } from "./omniglot.ts";
import { joinPath, normalPath, pathLabel } from "./paths.ts";
import { opaque, reshapeImages } from "./reshape.ts";
import { loadShapes } from "./shapes.ts";
import { cifar10, fashionMnist, mnist, omniglot, type PublishedSet } from "./sources.ts";
import { loadSynthetic } from "./synthetic.ts";
import { loadTones } from "./tones.ts";
import type { Dataset } from "./types.ts";

/** A data set by its name. */
export interface DatasetEntry {
  /** What `--data` takes. */
  readonly name: string;
  /** The name where it is part of a path, as in that of a run folder. */
  readonly label: string;
  readonly summary: string;
  /** Its files, where others publish them. */
  readonly published?: PublishedSet;
  /** Its file, where only the user may have it. */
  readonly own?: OwnSet;
  readonly load: (source: DataSource) => Promise<Dataset>;
}

const digits = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

const garments = [
  "T-shirt/top",
  "Trouser",
  "Pullover",
  "Dress",
  "Coat",
  "Sandal",
  "Shirt",
  "Sneaker",
  "Bag",
  "Ankle boot",
];

/** The data sets that have a name of their own. */
export const datasets: readonly DatasetEntry[] = [
  {
    name: "glyphs",
    label: "glyphs",
    summary: "10,000 + 2,000 procedural strokes, 28×28 grey, 10 classes, known factors; no files",
    load: async () => loadGlyphs(),
  },
  {
    name: "shapes",
    label: "shapes",
    summary: "20,000 + 4,000 procedural figures, 32×32 RGB, 5 classes, known factors; no files",
    load: async () => loadShapes(),
  },
  {
    name: "tones",
    label: "tones",
    summary: "8,000 + 2,000 spectrograms of procedural sounds, 32×32, 8 classes, factors; no files",
    load: async () => loadTones(),
  },
  {
    name: "synthetic-8",
    label: "synthetic-8",
    summary: "20,000 + 10,000 vectors of 128 numbers that depend on 8; no files",
    load: async () => loadSynthetic(8),
  },
  {
    name: "synthetic-16",
    label: "synthetic-16",
    summary: "20,000 + 10,000 vectors of 128 numbers that depend on 16; no files",
    load: async () => loadSynthetic(16),
  },
  {
    name: "mnist",
    label: "mnist",
    summary: "60,000 + 10,000 handwritten digits, 28×28 grey, 10 classes",
    published: mnist,
    load: (source) => loadIdxSet(mnist, digits, source),
  },
  {
    name: "fashion-mnist",
    label: "fashion-mnist",
    summary: "60,000 + 10,000 garments, 28×28 grey, 10 classes",
    published: fashionMnist,
    load: (source) => loadIdxSet(fashionMnist, garments, source),
  },
  {
    name: "omniglot",
    label: "omniglot",
    summary: "29,214 + 3,246 drawings of 1,623 characters, 28×28 grey; style: alphabet and drawer",
    published: omniglot,
    load: (source) => loadOmniglot(source, { rotated: false }),
  },
  {
    name: "omniglot-rotated",
    label: "omniglot-rotated",
    summary:
      "116,856 + 12,984 images, 28×28 grey: omniglot's, each turned by quarters, 6,492 classes",
    published: omniglot,
    load: (source) => loadOmniglot(source, { rotated: true }),
  },
  {
    name: "cifar10",
    label: "cifar10",
    summary:
      "50,000 + 10,000 photographs, 32×32 RGB, 10 classes; trains on the batches that are there",
    published: cifar10,
    load: loadCifar10,
  },
  {
    name: "faces",
    label: "faces",
    summary: "photographs of faces (CelebA), RGB, no classes; a file of your own",
    own: faces,
    load: (source) => loadFaces(faces, source),
  },
  {
    name: "anime",
    label: "anime",
    summary: "drawn faces, RGB, no classes; a file of your own",
    own: anime,
    load: (source) => loadFaces(anime, source),
  },
];

/** A kind of set that is the user's own: its name is the kind, a colon and a path. */
interface OwnKind {
  readonly kind: string;
  readonly summary: string;
  readonly load: (path: string, source: DataSource) => Promise<Dataset>;
}

const ownKinds: readonly OwnKind[] = [
  {
    kind: "folder",
    summary: "PNG and JPEG pictures in a folder; sub-folders are classes, or train, val and test",
    load: loadFolder,
  },
  {
    kind: "idx",
    summary: "any IDX files of images and labels (EMNIST, KMNIST, your own), plain or gzip",
    load: loadIdxPath,
  },
];

/** The sets that the user's own files make, as lists of the sets show them. */
export const ownPatterns: readonly { readonly name: string; readonly summary: string }[] =
  ownKinds.map(({ kind, summary }) => ({ name: `${kind}:PATH`, summary }));

/** The entry of that name. Throws UsageError with the nearest name and the list. */
export function findDataset(name: string): DatasetEntry {
  const entry = datasets.find((candidate) => candidate.name === name);
  if (entry !== undefined) return entry;
  const own = ownOf(name);
  if (own !== undefined) return ownEntry(own.kind, own.path);
  const names = datasets.map((candidate) => candidate.name);
  throw new UsageError(
    `unknown data set "${name}"${suggestion(name, names)}; there are ${[...names, ...ownPatterns.map((pattern) => pattern.name)].join(", ")}`,
  );
}

/**
 * Loads a data set whole, its images made what `source.pictures` says. Throws UsageError for an
 * unknown name and for what cannot be done to the set, DataError for files that are missing, cannot be
 * downloaded or are not what they should be, IoError where reading fails.
 */
export async function loadDataset(name: string, source: DataSource): Promise<Dataset> {
  const entry = findDataset(name);
  // A folder's pictures are made so as each is read.
  if (name.startsWith("folder:")) return entry.load(source);
  const { pictures = {} } = source;
  if (pictures.background) throw new UsageError(opaque(name));
  return reshapeImages(await entry.load(source), pictures);
}

/** The name that means the same set in any working folder: that of the user's own has its whole path. */
export function absoluteName(name: string, cwd: string): string {
  const own = ownOf(name);
  return own === undefined ? name : `${own.kind.kind}:${normalPath(joinPath(cwd, own.path))}`;
}

/** Whether a name is that of the user's own files. */
export function isOwnData(name: string): boolean {
  return ownOf(name) !== undefined;
}

function ownOf(name: string): { kind: OwnKind; path: string } | undefined {
  const kind = ownKinds.find((candidate) => name.startsWith(`${candidate.kind}:`));
  return kind && { kind, path: name.slice(kind.kind.length + 1) };
}

function ownEntry({ kind, summary, load }: OwnKind, path: string): DatasetEntry {
  if (path === "") {
    throw new UsageError(`data set "${kind}:": the path is missing, as in ${kind}:DIR`);
  }
  return {
    name: `${kind}:${path}`,
    label: pathLabel(kind, path),
    summary,
    load: (source) => load(path, source),
  };
}

/** " (did you mean X?)", also where the word before a path is mistyped. */
function suggestion(name: string, names: readonly string[]): string {
  const [word = "", ...rest] = name.split(":");
  const kinds = ownKinds.map(({ kind }) => kind);
  const meant = nearest(word, [...names, ...kinds]);
  if (meant === undefined) return "";
  const path = rest.length > 0 ? rest.join(":") : "PATH";
  return ` (did you mean ${kinds.includes(meant) ? `${meant}:${path}` : meant}?)`;
}
