import { DataError } from "../gpu/errors.ts";
import type { Host } from "../host/host.ts";
import { countNames, counts, endingOf, howToRead, isPicture } from "./contents.ts";
import { isJunk, layoutOf, layouts } from "./folder-layout.ts";
import { MissingDataError } from "./missing-data.ts";
import { type Part, parts } from "./part-names.ts";
import { joinPath, lastPart, parentPath } from "./paths.ts";

/** A picture of a class, by the class's number. */
export interface ListedPicture {
  readonly path: string;
  readonly label: number;
}

/** The pictures of a folder, not read yet. */
export interface PictureFolder {
  readonly classNames: readonly string[];
  readonly train: readonly ListedPicture[];
  readonly test: readonly ListedPicture[];
  /** Where the folder has such a part. */
  readonly validation?: readonly ListedPicture[];
  /** What the user should know of it: files that were left out, a part that is made up. */
  readonly notices: readonly string[];
}

/** Labels are numbers of 16 bits. */
const mostClasses = 65_536;

/** Every so many pictures of a class, the last goes to the test part. */
const testEvery = 10;

/**
 * Lists the pictures of a folder by class and part. Names are sorted by code unit.
 *
 * A class is a sub-folder; pictures in the folder itself are one class, named `rootClass`. Sub-folders
 * with the names of parts (see `layoutOf`) are parts, each with pictures or with class folders.
 * Where there is no test part, every class gives every tenth picture (of the part to train on) to it,
 * or, where no class has ten, the last one of all. The order takes one picture of each class in turn,
 * so that the first pictures are of all classes.
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
  if (found === undefined) throw new MissingDataError(`${path}: no such folder`);
  if (found.kind !== "directory") {
    const how = howToRead(parentPath(path), [lastPart(path)]);
    throw new DataError(`${path}: a file, expected a folder of pictures${how}`);
  }
  return new Listing(path, rootClass, host).list();
}

interface Class {
  readonly name: string;
  /** Paths. */
  readonly pictures: readonly string[];
  /** They lie in no folder of their own. */
  readonly loose?: boolean;
}

interface Content {
  readonly pictures: readonly string[];
  readonly folders: readonly string[];
  /** Other files. */
  readonly others: readonly string[];
}

/** A part, and the name of the folder to train on beside it. */
interface PartFolder {
  readonly part: Part;
  readonly train: string | undefined;
}

/** What is to be done about a part without pictures. */
function whatToDo({ part, train }: PartFolder): string {
  if (part === "train") return "; pictures to train on belong there";
  const instead =
    part === "test"
      ? `every tenth picture of ${train} is for testing`
      : `some pictures of ${train} are held out`;
  return `; put pictures there, or remove the folder: then ${instead}`;
}

/** One look at a folder; what is left out on the way is counted. */
class Listing {
  /** Files that are no pictures, by what their names end in. */
  private readonly leftOut = new Map<string, number>();

  constructor(
    private readonly path: string,
    private readonly rootClass: string,
    private readonly host: Host,
  ) {}

  async list(): Promise<PictureFolder> {
    const { path } = this;
    const root = await this.look(path);
    const { parts: found, notice } = layoutOf(path, root.folders);
    const [loose] = root.pictures;
    if (found !== undefined && loose !== undefined) {
      throw new DataError(
        `${path}: both pictures (${loose}) and parts (${found.train}); expected ${layouts}`,
      );
    }
    if (found !== undefined) return this.listParts(found);
    const classes = await this.listClasses(path, root);
    return this.made(splitOff(classes), classes, notice === undefined ? [] : [notice]);
  }

  private async listParts(found: Partial<Record<Part, string>>): Promise<PictureFolder> {
    const notices: string[] = [];
    const listed: Partial<Record<Part, Class[]>> = {};
    const folderOf = (part: Part) => joinPath(this.path, found[part] ?? part);
    for (const part of parts) {
      if (found[part] === undefined) continue;
      const content = await this.look(folderOf(part));
      listed[part] = await this.listClasses(folderOf(part), content, { part, train: found.train });
    }
    const { train: classes = [], validation, test } = listed;
    for (const part of parts) {
      const [first] = listed[part] ?? [];
      if (first && first.loose !== classes[0]?.loose) {
        throw new DataError(
          `${this.path}: class folders in one of ${found.train} and ${found[part]}, pictures in the other; expected ${layouts}`,
        );
      }
      const problem = listed[part] && differences(classes, listed[part]);
      if (problem?.strange !== undefined) {
        throw new DataError(
          `${folderOf(part)}: ${problem.strange} of it is not in ${folderOf("train")}; expected the same classes in each part`,
        );
      }
      if (problem?.lacking.length) {
        notices.push(`${folderOf(part)} has no pictures of ${some(problem.lacking)}`);
      }
    }
    const rows = (of: readonly Class[]) =>
      classes.map(({ name }) => of.find((one) => one.name === name)?.pictures ?? []);
    if (test === undefined) {
      notices.push(
        `${this.path} has no test part: every tenth picture of ${found.train} is for testing, none of them is trained on`,
      );
    }
    const split =
      test === undefined
        ? splitOff(classes)
        : { train: inTurn(rows(classes)), test: inTurn(rows(test)) };
    return this.made(
      { ...split, ...(validation ? { validation: inTurn(rows(validation)) } : {}) },
      classes,
      notices,
    );
  }

  private made(
    split: Pick<PictureFolder, "train" | "test" | "validation">,
    classes: readonly Class[],
    notices: readonly string[],
  ): PictureFolder {
    const count = split.train.length + split.test.length;
    if (count < 2 || split.train.length === 0) {
      throw new DataError(`${this.path}: only one picture, expected at least 2`);
    }
    const left = this.leftOut.size > 0 ? [`left out: ${counts(this.leftOut)}`] : [];
    return {
      ...split,
      classNames: classes.map(({ name }) => name),
      notices: [...left, ...notices],
    };
  }

  /** Names of pictures, sub-folders and other files, without those that nobody means as data. */
  private async look(path: string): Promise<Content> {
    const names = (await this.host.list(path)).filter((name) => !isJunk(name)).sort();
    const isFolder = async (name: string) =>
      (await this.host.stat(joinPath(path, name)))?.kind === "directory";
    const folders: string[] = [];
    const others: string[] = [];
    for (const name of names) {
      if (!isPicture(name)) ((await isFolder(name)) ? folders : others).push(name);
    }
    let pictures = names.filter(isPicture);
    const [first] = pictures;
    // A thousand pictures are not worth a thousand questions whether one is a folder: one question is
    // enough where no folder lies beside them.
    if (first !== undefined && (folders.length > 0 || (await isFolder(first)))) {
      const named = pictures;
      pictures = [];
      for (const name of named) ((await isFolder(name)) ? folders : pictures).push(name);
      folders.sort();
    }
    for (const name of others) {
      const ending = endingOf(name);
      this.leftOut.set(ending, (this.leftOut.get(ending) ?? 0) + 1);
    }
    return { pictures, folders, others };
  }

  /** @param of the part that the folder is, where there are parts, and the folder to train on */
  private async listClasses(path: string, root: Content, of?: PartFolder): Promise<Class[]> {
    const { pictures, folders, others } = root;
    const [loose] = pictures;
    if (folders.length === 0) {
      if (of === undefined && pictures.length + others.length === 0)
        throw new MissingDataError(`${path}: nothing in it; expected ${layouts}`);
      const cure = of === undefined ? "" : whatToDo(of);
      return [{ ...this.classOf(this.rootClass, path, root, cure), loose: true }];
    }
    if (loose !== undefined) {
      throw new DataError(
        `${path}: both pictures (${loose}) and folders (${folders[0]}); expected ${layouts}`,
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
      const inside = await this.look(folder);
      const [deeper] = inside.folders;
      if (deeper !== undefined) {
        const only = folders.length === 1 && path === this.path && inside.pictures.length === 0;
        const meant = only ? `; did you mean folder:${folder}?` : `; expected ${layouts}`;
        throw new DataError(`${folder}: a folder (${deeper}) within that of a class${meant}`);
      }
      const cure = inside.others.length > 0 ? "" : "; put pictures there, or remove the folder";
      classes.push(this.classOf(name, folder, inside, cure));
    }
    return classes;
  }

  /** @param cure what to do where there is nothing in it that is read in another way */
  private classOf(
    name: string,
    folder: string,
    { pictures, others }: Content,
    cure: string,
  ): Class {
    if (pictures.length > 0) {
      return { name, pictures: pictures.map((picture) => joinPath(folder, picture)) };
    }
    const there = others.length > 0 ? `, but ${countNames(others)}` : "";
    const how = howToRead(folder, others) || cure;
    throw new DataError(`${folder}: no PNG or JPEG pictures in it${there}${how}`);
  }
}

/** Names of classes that a line tells. */
const mostNamed = 5;

function some(names: readonly string[]): string {
  const more = names.length - mostNamed;
  return names.slice(0, mostNamed).join(", ") + (more > 0 ? ` and ${more} more classes` : "");
}

/** A class of `others` that is not among `classes`, and those of `classes` that it lacks. */
function differences(
  classes: readonly Class[],
  others: readonly Class[],
): { strange: string | undefined; lacking: string[] } {
  const known = new Set(classes.map(({ name }) => name));
  const there = new Set(others.map(({ name }) => name));
  return {
    strange: others.find(({ name }) => !known.has(name))?.name,
    lacking: classes.map(({ name }) => name).filter((name) => !there.has(name)),
  };
}

/** One picture of each class in turn, until all are taken. */
function inTurn(rows: readonly (readonly string[])[]): ListedPicture[] {
  const longest = rows.reduce((most, row) => Math.max(most, row.length), 0);
  const files: ListedPicture[] = [];
  for (let i = 0; i < longest; i++) {
    rows.forEach((row, label) => {
      const path = row[i];
      if (path !== undefined) files.push({ path, label });
    });
  }
  return files;
}

function splitOff(classes: readonly Class[]): { train: ListedPicture[]; test: ListedPicture[] } {
  const rows = classes.map(({ pictures }) => pictures);
  const isTest = (i: number) => i % testEvery === testEvery - 1;
  const train = inTurn(rows.map((row) => row.filter((_, i) => !isTest(i))));
  const test = inTurn(rows.map((row) => row.filter((_, i) => isTest(i))));
  if (test.length === 0) test.push(...train.splice(-1));
  return { train, test };
}
