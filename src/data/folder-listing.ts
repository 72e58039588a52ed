import { DataError } from "../gpu/errors.ts";
import type { Host } from "../host/host.ts";
import { joinPath } from "./paths.ts";

/** A picture of a class, by the class's number. */
export interface PictureFile {
  readonly path: string;
  readonly label: number;
}

/** The pictures of a folder, not read yet. */
export interface PictureFolder {
  readonly classNames: readonly string[];
  readonly train: readonly PictureFile[];
  readonly test: readonly PictureFile[];
}

/** Labels are bytes. */
const mostClasses = 256;

/** Every so many pictures of a class, the last goes to the test part. */
const testEvery = 10;

/**
 * Lists the PNG files of a folder by class and part. Names are sorted by code unit; hidden files and
 * files of other kinds are left out.
 *
 * A class is a sub-folder; pictures in the folder itself are one class, named `rootClass`. If there
 * are exactly the sub-folders `train` and `test`, these are the parts. Else every class gives every
 * tenth picture to the test part, or, where no class has ten, the last one of all. The order takes one
 * picture of each class in turn, so that the first pictures are of all classes.
 *
 * Throws DataError for a folder that is missing, is laid out in another way or has fewer than two
 * pictures.
 */
export async function listPictures(
  path: string,
  rootClass: string,
  host: Host,
): Promise<PictureFolder> {
  const found = await host.stat(path);
  if (found === undefined) throw new DataError(`${path}: no such folder`);
  if (found.kind !== "directory") {
    throw new DataError(`${path}: a file, expected a folder of pictures`);
  }
  const root = await look(path, host);
  const parted = root.folders.join("/") === "test/train" && root.pictures.length === 0;
  const whole = parted ? undefined : await listClasses(path, rootClass, host, root);
  const trainFolder = joinPath(path, "train");
  const testFolder = joinPath(path, "test");
  const train = whole ?? (await listClasses(trainFolder, rootClass, host));
  const test = whole ?? (await listClasses(testFolder, rootClass, host));
  const classNames = train.map(({ name }) => name);
  const stranger = test.find(({ name }) => !classNames.includes(name));
  if (stranger !== undefined) {
    throw new DataError(`${testFolder}: its class ${stranger.name} is not in ${trainFolder}`);
  }
  const rows = (classes: readonly Class[]) =>
    classNames.map((name) => classes.find((candidate) => candidate.name === name)?.pictures ?? []);
  const parts = parted
    ? { train: inTurn(rows(train)), test: inTurn(rows(test)) }
    : splitOff(rows(train));
  const count = parts.train.length + parts.test.length;
  if (count < 2) throw new DataError(`${path}: only one picture, expected at least 2`);
  return { classNames, ...parts };
}

interface Class {
  readonly name: string;
  /** Paths. */
  readonly pictures: readonly string[];
}

interface Content {
  readonly pictures: readonly string[];
  readonly folders: readonly string[];
}

const isPng = (name: string) => /\.png$/i.test(name);

/** Names of pictures and sub-folders. */
async function look(path: string, host: Host): Promise<Content> {
  const names = (await host.list(path)).filter((name) => !name.startsWith(".")).sort();
  const folders: string[] = [];
  for (const name of names) {
    // A thousand pictures are not worth a thousand questions whether one is a folder.
    if (isPng(name)) continue;
    if ((await host.stat(joinPath(path, name)))?.kind === "directory") folders.push(name);
  }
  return { pictures: names.filter(isPng), folders };
}

async function listClasses(
  path: string,
  rootClass: string,
  host: Host,
  content?: Content,
): Promise<Class[]> {
  const { pictures, folders } = content ?? (await look(path, host));
  const [loose] = pictures;
  if (folders.length === 0) return [classOf(rootClass, path, pictures)];
  if (loose !== undefined) {
    throw new DataError(
      `${path}: both pictures (${loose}) and folders (${folders[0]}), expected one kind`,
    );
  }
  if (folders.length > mostClasses) {
    throw new DataError(
      `${path}: ${folders.length} folders, expected at most ${mostClasses} classes`,
    );
  }
  const classes: Class[] = [];
  for (const name of folders) {
    const folder = joinPath(path, name);
    classes.push(classOf(name, folder, (await look(folder, host)).pictures));
  }
  return classes;
}

function classOf(name: string, folder: string, pictures: readonly string[]): Class {
  if (pictures.length === 0) throw new DataError(`${folder}: no PNG pictures in it`);
  return { name, pictures: pictures.map((picture) => joinPath(folder, picture)) };
}

/** One picture of each class in turn, until all are taken. */
function inTurn(rows: readonly (readonly string[])[]): PictureFile[] {
  const longest = Math.max(...rows.map((row) => row.length));
  const files: PictureFile[] = [];
  for (let i = 0; i < longest; i++) {
    rows.forEach((row, label) => {
      const path = row[i];
      if (path !== undefined) files.push({ path, label });
    });
  }
  return files;
}

function splitOff(rows: readonly (readonly string[])[]): {
  train: PictureFile[];
  test: PictureFile[];
} {
  const isTest = (i: number) => i % testEvery === testEvery - 1;
  const train = inTurn(rows.map((row) => row.filter((_, i) => !isTest(i))));
  const test = inTurn(rows.map((row) => row.filter((_, i) => isTest(i))));
  if (test.length === 0) test.push(...train.splice(-1));
  return { train, test };
}
