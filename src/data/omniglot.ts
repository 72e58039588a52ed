import { type DataSource, fetchFiles } from "./files.ts";
import { permutation } from "./hash.ts";
import { type Character, omniglotDrawers, omniglotSide, readOmniglot } from "./omniglot-zip.ts";
import { omniglot } from "./sources.ts";
import type { Attribute, Dataset, Labels, Split } from "./types.ts";

/** Drawings of each character that are for the test part. */
const TEST_DRAWINGS = 2;

/** Key of the hash that chooses them; a run's seed does not change it. */
const SPLIT_SEED = 0x4f6d6e69;

/** What has a place in the set: a drawing of a character, turned by so many quarters clockwise. */
interface Place {
  readonly character: number;
  readonly drawer: number;
  readonly quarters: number;
}

/**
 * Omniglot (Lake, Salakhutdinov, Tenenbaum 2015): characters of 50 alphabets, each drawn once by 20
 * people, as 28×28 grey images with ink 255. Classes are the characters. Two drawings of each go to
 * the test part, chosen by the character's number: every character and every style is trained on.
 * The order takes one drawing of each class in turn, of drawers by chance, so that the first images
 * are of all classes.
 *
 * With `rotated`, the drawings turned by 90, 180 and 270° are further classes; the copies of a
 * drawing are on the same side of the split, and a group for validation.
 *
 * @throws DataError for archives that are missing or not what they should be
 */
export async function loadOmniglot(
  source: DataSource,
  { rotated }: { readonly rotated: boolean },
): Promise<Dataset<Uint8Array>> {
  const archives = [];
  for (const [i, path] of (await fetchFiles(omniglot, source)).entries()) {
    const bytes = await source.host.readFile(path);
    archives.push({ bytes, name: path, folder: omniglot.files[i]!.name.replace(/\.zip$/, "") });
  }
  return makeOmniglot(readOmniglot(archives), rotated);
}

/** The set that characters make, in the order of their labels. */
export function makeOmniglot(
  characters: readonly Character[],
  rotated: boolean,
): Dataset<Uint8Array> {
  const alphabets = [...new Set(characters.map(({ alphabet }) => alphabet))];
  const orders = characters.map((_, i) => permutation(omniglotDrawers, SPLIT_SEED, i));
  const turns = rotated ? [0, 1, 2, 3] : [0];
  const part = (from: number, to: number): Split<Uint8Array> => {
    const places: Place[] = [];
    for (let i = from; i < to; i++) {
      for (const quarters of turns) {
        orders.forEach((order, character) => {
          places.push({ character, drawer: order[i]!, quarters });
        });
      }
    }
    return makeSplit(characters, alphabets, places);
  };
  return {
    name: rotated ? "omniglot-rotated" : "omniglot",
    train: part(TEST_DRAWINGS, omniglotDrawers),
    test: part(0, TEST_DRAWINGS),
    attributes: attributesOf(alphabets.length),
    height: omniglotSide,
    width: omniglotSide,
    channels: 1,
    classes: characters.length * turns.length,
    classNames: turns.flatMap((quarters) =>
      characters.map(({ name }) => (quarters === 0 ? name : `${name} ${90 * quarters}°`)),
    ),
  };
}

/** Drawer 5 of one alphabet is another person than drawer 5 of the next: the style is of both. */
function attributesOf(alphabets: number): Attribute[] {
  const drawers = omniglotDrawers;
  return [
    { name: "style", classes: alphabets * drawers, meaning: "alphabet × drawer: a person's hand" },
    { name: "alphabet", classes: alphabets, meaning: "the alphabet, in alphabetical order" },
    { name: "drawer", classes: drawers, meaning: "the drawer's number within an alphabet" },
  ];
}

function makeSplit(
  characters: readonly Character[],
  alphabets: readonly string[],
  places: readonly Place[],
): Split<Uint8Array> {
  const count = places.length;
  const pixels = omniglotSide * omniglotSide;
  const images = new Uint8Array(count * pixels);
  const labels = new Uint16Array(count);
  const style = new Uint16Array(count);
  const alphabet = new Uint16Array(count);
  const drawers = new Uint16Array(count);
  const numbers = new Map(alphabets.map((name, i) => [name, i]));
  places.forEach(({ character, drawer, quarters }, i) => {
    const { alphabet: name, drawings } = characters[character]!;
    turn(drawings[drawer]!, quarters, images.subarray(i * pixels, (i + 1) * pixels));
    labels[i] = quarters * characters.length + character;
    alphabet[i] = numbers.get(name)!;
    drawers[i] = drawer;
    style[i] = alphabet[i]! * omniglotDrawers + drawer;
  });
  const attributes: Record<string, Labels> = { style, alphabet, drawer: drawers };
  if (places.every(({ quarters }) => quarters === 0)) return { images, labels, count, attributes };
  const drawing = ({ character, drawer }: Place) => character * omniglotDrawers + drawer;
  return { images, labels, count, attributes, groups: Uint32Array.from(places, drawing) };
}

/** By the quarters of a turn clockwise: the pixel of the drawing that each pixel is taken from. */
const turned = [0, 1, 2, 3].map((quarters) => {
  const last = omniglotSide - 1;
  return Uint16Array.from({ length: omniglotSide * omniglotSide }, (_, to) => {
    let [row, column] = [Math.floor(to / omniglotSide), to % omniglotSide];
    for (let i = 0; i < quarters; i++) [row, column] = [last - column, row];
    return row * omniglotSide + column;
  });
});

function turn(from: Uint8Array, quarters: number, to: Uint8Array): void {
  const sources = turned[quarters]!;
  for (let i = 0; i < sources.length; i++) to[i] = from[sources[i]!]!;
}
