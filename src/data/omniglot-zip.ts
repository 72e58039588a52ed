import { decodeBilevelPng } from "../formats/bilevel-png.ts";
import { readZip, type ZipLimits } from "../formats/zip.ts";
import { DataError } from "../gpu/errors.ts";
import { areaShrinker } from "./shrink.ts";

/** Pixels a side, as published. */
const PUBLISHED_SIDE = 105;

/** Pixels a side of the images here: each covers 3.75×3.75 published ones. */
export const omniglotSide = 28;

/** People who drew each alphabet: its drawers 01 to 20. */
export const omniglotDrawers = 20;

/** A character and the images of it. */
export interface Character {
  readonly alphabet: string;
  /** `ALPHABET/characterNN`. */
  readonly name: string;
  /** By the drawer; [28, 28] of 0 to 255 (ink) each. */
  readonly drawings: readonly Uint8Array[];
}

/** More than the published archives hold: 19,280 pictures of at most 400 bytes, and folders. */
const limits: ZipLimits = { entries: 40_000, memberBytes: 1 << 16, totalBytes: 1 << 26 };

const shrink = areaShrinker(PUBLISHED_SIDE, omniglotSide);

/** An archive of Omniglot that was read, and what messages call it. */
export interface OmniglotArchive {
  readonly bytes: Uint8Array;
  readonly name: string;
  /** The folder that all is in: `images_background` or `images_evaluation`. */
  readonly folder: string;
}

/**
 * The characters of Omniglot's archives, sorted by alphabet and name. A picture is
 * `FOLDER/ALPHABET/characterNN/ID_DD.png`, where DD is the drawer, 105×105 pixels, black and white;
 * it is inverted, so that ink is 255, and made smaller by area. Folders, hidden files and macOS's
 * `__MACOSX` are left out.
 *
 * @throws DataError naming the archive and the member, also where a drawer is missing
 */
export function readOmniglot(archives: readonly OmniglotArchive[]): Character[] {
  const alphabets = new Map<string, Map<string, Uint8Array[]>>();
  for (const archive of archives) addPictures(archive, alphabets);
  const byName = <V>(map: ReadonlyMap<string, V>) =>
    [...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const characters = byName(alphabets).flatMap(([alphabet, letters]) =>
    byName(letters).map(([letter, drawings]) => {
      const name = `${alphabet}/${letter}`;
      return { alphabet, name, drawings };
    }),
  );
  for (const { name, drawings } of characters) {
    for (let drawer = 0; drawer < omniglotDrawers; drawer++) {
      if (drawings[drawer] !== undefined) continue;
      const missing = String(drawer + 1).padStart(2, "0");
      const where = archives.map((archive) => archive.name).join(", ");
      throw new DataError(`${where}: ${name} lacks drawer ${missing}, expected 01 to 20`);
    }
  }
  if (characters.length === 0) {
    throw new DataError(`${archives[0]?.name}: no pictures in it, nor in the others`);
  }
  return characters;
}

function addPictures(
  { bytes, name, folder }: OmniglotArchive,
  alphabets: Map<string, Map<string, Uint8Array[]>>,
): void {
  for (const member of readZip(bytes, name, limits)) {
    const parts = member.name.split("/");
    if (parts.some((part) => part.startsWith(".") || part === "__MACOSX")) continue;
    const [root, alphabet = "", letter = "", file = "", ...more] = parts;
    const drawer = Number(/^\d+_(\d\d)\.png$/.exec(file)?.[1]) - 1;
    if (root !== folder || !/^character\d+$/.test(letter) || Number.isNaN(drawer) || more.length) {
      throw new DataError(
        `${name}: ${member.name}, expected ${folder}/ALPHABET/characterNN/ID_DD.png`,
      );
    }
    if (drawer < 0 || drawer >= omniglotDrawers) {
      throw new DataError(
        `${name}: ${member.name} is by drawer ${drawer + 1}, expected 01 to ${omniglotDrawers}`,
      );
    }
    const letters = alphabets.get(alphabet) ?? new Map<string, Uint8Array[]>();
    alphabets.set(alphabet, letters);
    const drawings = letters.get(letter) ?? [];
    letters.set(letter, drawings);
    const where = `${name}: ${member.name}`;
    if (drawings[drawer] !== undefined) {
      throw new DataError(`${where} is a second picture of its character by the same drawer`);
    }
    const side = PUBLISHED_SIDE;
    const picture = decodeBilevelPng(member.bytes, where, side, side);
    drawings[drawer] = shrink(picture);
  }
}
