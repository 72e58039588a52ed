import { DataError } from "../gpu/errors.ts";
import type { Host } from "../host/host.ts";
import type { DataSource } from "./files.ts";
import { type ListedPicture, listPictures } from "./folder-listing.ts";
import { lastPart, pathLabel } from "./paths.ts";
import type { PictureFile } from "./picture.ts";
import type { Dataset, Labels, Split } from "./types.ts";

/** The pictures' samples at most; they live in memory here, and again on the device. */
export const largestFolderBytes = 2 ** 30;

/** Pictures that are read ahead, so that waiting for one does not hold up the next. */
const ahead = 4;

/**
 * Loads a folder of PNG and JPEG pictures of one size: see `listPictures` for classes and parts. There is one
 * channel if all pictures are grey, else three. Throws DataError naming the folder or the picture.
 */
export async function loadFolder(path: string, { host, onNotice }: DataSource): Promise<Dataset> {
  const listed = await listPictures(path, lastPart(path), host);
  for (const line of listed.notices) onNotice?.(line);
  const { classNames, train, test, validation = [] } = listed;
  const pictures = new Pictures(path, train.length + validation.length + test.length);
  const trainPixels = await pictures.read(train, host);
  const validationPixels = await pictures.read(validation, host);
  const testPixels = await pictures.read(test, host);
  const { width, height, channels } = pictures;
  const split = (files: readonly ListedPicture[], { pixels, ...read }: PartPixels): Split => ({
    images: read.channels === channels ? pixels : toRgb(pixels),
    labels: labelsOf(files, classNames.length),
    count: files.length,
  });
  return {
    name: pathLabel("folder", path),
    train: split(train, trainPixels),
    test: split(test, testPixels),
    ...(listed.validation ? { validation: split(validation, validationPixels) } : {}),
    height,
    width,
    channels,
    classes: classNames.length,
    classNames,
  };
}

function labelsOf(files: readonly ListedPicture[], classes: number): Labels {
  const labels = classes <= 256 ? new Uint8Array(files.length) : new Uint16Array(files.length);
  files.forEach(({ label }, i) => {
    labels[i] = label;
  });
  return labels;
}

/** The samples of a part, with one channel if all its pictures are grey. */
interface PartPixels {
  readonly pixels: Uint8Array;
  readonly channels: 1 | 3;
}

/** Puts pictures together; the first decides the size of all. */
class Pictures {
  width = 0;
  height = 0;
  channels: 1 | 3 = 1;
  private first: string | undefined;

  constructor(
    private readonly folder: string,
    private readonly count: number,
  ) {}

  /** The pictures' samples, [files, height, width, channels]: one channel if all these are grey. */
  async read(files: readonly ListedPicture[], host: Host): Promise<PartPixels> {
    let pixels = new Uint8Array(0);
    let channels: 1 | 3 = 1;
    let index = 0;
    for await (const [file, picture] of inOrder(files, host)) {
      this.check(file.path, picture);
      const size = this.width * this.height;
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
      pixels.set(samples, index++ * size * channels);
    }
    return { pixels, channels };
  }

  private check(path: string, picture: PictureFile): void {
    const { width, height, channels } = picture;
    if (this.first === undefined) {
      this.first = path;
      this.width = width;
      this.height = height;
    } else if (width !== this.width || height !== this.height) {
      throw new DataError(
        `${path}: ${width}×${height} pixels, expected ${this.width}×${this.height} as in ${this.first}`,
      );
    } else if (channels <= this.channels) {
      return;
    }
    if (channels > this.channels) this.channels = channels;
    const bytes = this.count * width * height * this.channels;
    if (bytes > largestFolderBytes) {
      throw new DataError(
        `${this.folder}: ${this.count} pictures of ${width}×${height}×${this.channels} are ${bytes} bytes, expected at most ${largestFolderBytes}`,
      );
    }
  }
}

/** Reads pictures, some ahead, and gives them in order: the first that is bad is the one reported. */
async function* inOrder(
  files: readonly ListedPicture[],
  host: Host,
): AsyncGenerator<[ListedPicture, PictureFile]> {
  const reading: Promise<PictureFile>[] = [];
  for (const [i, file] of files.entries()) {
    for (let next = i + reading.length; next < files.length && reading.length < ahead; next++) {
      const picture = host.readPicture(files[next]!.path);
      // One that fails while another is waited for is reported when its turn comes.
      picture.catch(() => undefined);
      reading.push(picture);
    }
    yield [file, await reading.shift()!];
  }
}

/** From one channel to three equal ones. */
function toRgb(grey: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(grey.length * 3);
  for (let i = 0; i < rgb.length; i++) rgb[i] = grey[Math.floor(i / 3)]!;
  return rgb;
}
