import type { PictureFile, PictureOptions } from "../formats/picture.ts";
import { largestSide } from "../formats/picture-limits.ts";
import { DataError } from "../gpu/errors.ts";
import type { Host } from "../host/host.ts";
import type { ListedPicture } from "./folder-listing.ts";
import { sizesInWords } from "./picture-sizes.ts";

/** The pictures' samples at most; they live in memory here, and again on the device. */
export const largestFolderBytes = 2 ** 30;

/** Pictures that are read ahead, so that waiting for one does not hold up the next. */
const ahead = 4;

/** The samples of a part, with one channel if all its pictures are grey. */
export interface PartPixels {
  /** [files, height, width, channels] */
  readonly pixels: Uint8Array;
  readonly channels: 1 | 3;
  /** Of each file's bytes, as 64 hexadecimal digits. */
  readonly hashes: readonly string[];
}

/** Pictures that have the same value in all their pixels: the first, and how many there are. */
interface Plain {
  count: number;
  first: string;
  transparent: boolean;
}

/** Puts pictures together; the first decides the size of all. */
export class FolderPixels {
  width = 0;
  height = 0;
  channels: 1 | 3 = 1;
  private first: string | undefined;
  private plain: Plain | undefined;

  /** @param count of all parts' pictures */
  constructor(
    private readonly folder: string,
    private readonly count: number,
    private readonly options: PictureOptions,
  ) {}

  async read(files: readonly ListedPicture[], host: Host): Promise<PartPixels> {
    let pixels = new Uint8Array(0);
    let channels: 1 | 3 = 1;
    const hashes: string[] = [];
    for await (const [file, picture] of inOrder(files, host, this.options)) {
      if (this.differs(picture)) throw await this.mixedSizes(file.path, picture, files, host);
      this.check(file.path, picture);
      const size = this.width * this.height;
      const index = hashes.length;
      if (index === 0) {
        channels = picture.channels;
        pixels = new Uint8Array(files.length * size * channels);
      } else if (picture.channels > channels) {
        const wide = new Uint8Array(files.length * size * picture.channels);
        wide.set(toRgb(pixels.subarray(0, index * size)));
        pixels = wide;
        channels = picture.channels;
      }
      const samples = picture.channels === channels ? picture.pixels : toRgb(picture.pixels);
      pixels.set(samples, index * size * channels);
      hashes.push(picture.sha256);
    }
    return { pixels, channels, hashes };
  }

  /** What the user should know where there is nothing to be seen on pictures. */
  notices(): string[] {
    const { plain, count } = this;
    if (plain === undefined) return [];
    const what =
      plain.count === count
        ? `all ${count} pictures are of one colour each: there is nothing on them`
        : `${plain.count} of ${count} pictures are of one colour each, ${plain.first} is the first`;
    const cure = this.options.background
      ? "another --background may show what is on it"
      : "black ink on transparent ground shows with --background white";
    return [plain.transparent ? `${what}; ${cure}` : what];
  }

  private differs({ width, height }: PictureFile): boolean {
    return this.first !== undefined && (width !== this.width || height !== this.height);
  }

  private async mixedSizes(
    path: string,
    { width, height }: PictureFile,
    files: readonly ListedPicture[],
    host: Host,
  ): Promise<DataError> {
    const paths = files.map((file) => file.path);
    const more = (await sizesInWords(paths, host)) ?? "--size HxW brings all to one size";
    return new DataError(
      `${path}: ${width}×${height} pixels, ${this.first} has ${this.width}×${this.height}; ${more}`,
    );
  }

  private check(path: string, picture: PictureFile): void {
    const { width, height, channels, transparent } = picture;
    if (width * height > 1 && isPlain(picture)) {
      this.plain ??= { count: 0, first: path, transparent: false };
      this.plain.count++;
      this.plain.transparent ||= transparent;
    }
    if (this.first === undefined) {
      this.first = path;
      this.width = width;
      this.height = height;
      if (Math.max(width, height) > largestSide) {
        throw new DataError(
          `${path}: ${width}×${height} pixels, expected at most ${largestSide} a side`,
        );
      }
    } else if (channels <= this.channels) {
      return;
    }
    if (channels > this.channels) this.channels = channels;
    const bytes = this.count * width * height * this.channels;
    if (bytes > largestFolderBytes) {
      const cure = this.options.size ? "a smaller --size" : "--size";
      throw new DataError(
        `${this.folder}: ${this.count} pictures of ${width}×${height}×${this.channels} are ${bytes} bytes, expected at most ${largestFolderBytes}; ${cure} makes them fewer`,
      );
    }
  }
}

function isPlain({ channels, pixels }: PictureFile): boolean {
  for (let i = channels; i < pixels.length; i++) {
    if (pixels[i] !== pixels[i - channels]) return false;
  }
  return true;
}

/** Reads pictures, some ahead, and gives them in order: the first that is bad is the one reported. */
async function* inOrder(
  files: readonly ListedPicture[],
  host: Host,
  options: PictureOptions,
): AsyncGenerator<[ListedPicture, PictureFile]> {
  const reading: Promise<PictureFile>[] = [];
  for (const [i, file] of files.entries()) {
    for (let next = i + reading.length; next < files.length && reading.length < ahead; next++) {
      const picture = host.readPicture(files[next]!.path, options);
      // One that fails while another is waited for is reported when its turn comes.
      picture.catch(() => undefined);
      reading.push(picture);
    }
    yield [file, await reading.shift()!];
  }
}

/** From one channel to three equal ones. */
export function toRgb(grey: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(grey.length * 3);
  for (let i = 0; i < grey.length; i++) rgb.fill(grey[i]!, 3 * i, 3 * i + 3);
  return rgb;
}
