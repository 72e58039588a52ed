/** What the pictures of a part folder are for. */
export const parts = ["train", "validation", "test"] as const;

export type Part = (typeof parts)[number];

/** The words that name parts, in any case. Pictures to train and validate on together are to train on. */
const partWords: Readonly<Record<Part, readonly string[]>> = {
  train: ["train", "training", "trn", "trainval"],
  validation: ["val", "valid", "validate", "validation", "dev"],
  test: ["test", "testing", "tst", "eval", "evaluate", "evaluation", "holdout", "heldout"],
};

/** Short forms, which may be anything else, as languages: they count where there is nothing beside them. */
const shortWords: Readonly<Record<string, Part>> = {
  tr: "train",
  va: "validation",
  vl: "validation",
  te: "test",
  ts: "test",
};

/** What stands behind such a word without a gap. */
const content = "(set|data|images?|imgs?)?";

const patterns = parts.map((part) => {
  const known = `^(${partWords[part].join("|")})`;
  return {
    part,
    plain: new RegExp(`${known}([-_ ]?set)?$`),
    word: new RegExp(`${known}${content}$`),
  };
});

/** Words that say nothing of what is on pictures. */
const neutral =
  /^(\p{L}|(data)?sets?|data|images?|imgs?|pictures?|pics?|photos?|files?|frames?|samples?|examples?|splits?|folds?|parts?|folders?|dirs?|raw|png|jpe?g)$/u;

/** Letters that two names share beside words of parts, at least, to be taken for a word. */
const shortestShared = 3;

/** Where a word stands in a name, and the rest of the name. */
interface Affix {
  readonly part: Part;
  readonly front: boolean;
  readonly rest: string;
}

/** What a folder's name says of parts. */
export interface PartName {
  readonly name: string;
  /** The parts of which it has a word: `train2017`, `testA`, `images_train`, `01-val`, `Training Data`. */
  readonly of: readonly Part[];
  /** It is the name of a part and nothing else: `Train`, `val`, `test_set`, `hold-out`. */
  readonly plain: boolean;
  /** Beside words of parts it has only such as say nothing: `test_images`, `train_01`, not `test tube`. */
  readonly like: boolean;
  /** The part of the word that it begins with, and of that which it ends with. */
  readonly first: Part | undefined;
  readonly last: Part | undefined;
  /** The same with short forms: `tr`, `imagesTs`. */
  readonly short: Part | undefined;
  /** Its letters in lower case, and what they are without a word of a part, also one without a gap. */
  readonly letters: string;
  readonly affixes: readonly Affix[];
}

/** Takes a folder's name apart. */
export function partName(name: string): PartName {
  const text = name
    .replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2")
    .toLowerCase()
    .replace(/(?<!\p{L})(hold|held)[^\p{L}]+out(?!\p{L})/gu, "holdout")
    .replace(/(?<!\p{L})train[^\p{L}]*val(id(ation)?)?(?!\p{L})/gu, "trainval");
  const words = text.split(/[^\p{L}]+/u).filter((word) => word !== "");
  const found = words.map(partOf);
  const [first] = found;
  const last = found.at(-1);
  const letters = words.join("");
  const short = [words[0], words.at(-1)].flatMap((word) => shortWords[word ?? ""] ?? []);
  return {
    name,
    of: parts.filter((part) => found.includes(part)),
    plain: patterns.some(({ plain }) => plain.test(text)),
    like:
      found.some((part) => part !== undefined) &&
      words.every((word, i) => found[i] !== undefined || neutral.test(word)),
    first,
    last,
    short: first ?? last ?? short[0],
    letters,
    affixes: parts.flatMap((part) =>
      partWords[part].flatMap((word) => affixes(part, word, letters)),
    ),
  };
}

function partOf(word: string): Part | undefined {
  return patterns.find(({ word: known }) => known.test(word))?.part;
}

function affixes(part: Part, word: string, letters: string): Affix[] {
  const found: Affix[] = [];
  if (letters.startsWith(word)) found.push({ part, front: true, rest: letters.slice(word.length) });
  if (letters.endsWith(word))
    found.push({ part, front: false, rest: letters.slice(0, -word.length) });
  return found;
}

/** The names that are another one with a word of a part: `cats_test` beside `cats`. */
export function othersWithWords(names: readonly PartName[]): Set<PartName> {
  const all = new Set(names.map(({ letters }) => letters));
  return new Set(
    names.filter(({ affixes }) =>
      affixes.some(({ rest }) => rest.length >= shortestShared && all.has(rest)),
    ),
  );
}

/** Two names that are the same but for words of two parts, one to train on: `mytrain` and `mytest`. */
export function pairAmong(names: readonly PartName[]): [PartName, PartName] | undefined {
  for (const one of names) {
    for (const affix of one.affixes) {
      if (affix.part !== "train" || affix.rest === "") continue;
      const other = names.find(({ affixes }) =>
        affixes.some(
          ({ part, front, rest }) =>
            part !== "train" && front === affix.front && rest === affix.rest,
        ),
      );
      if (other) return [one, other];
    }
  }
  return undefined;
}
