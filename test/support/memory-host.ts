import { joinBytes } from "../../src/formats/bytes.ts";
import {
  type DecodedPicture,
  type PictureFile,
  type PictureOptions,
  preparePicture,
} from "../../src/formats/picture.ts";
import { sha256 } from "../../src/formats/sha256.ts";
import { DataError, IoError, UsageError } from "../../src/gpu/errors.ts";
import type { FilePin, FileStatus, Host, Lock } from "../../src/host/host.ts";

/** A picture of a test: what a decoder would say of its file. */
export type MemoryPicture = Omit<DecodedPicture, "samples" | "grey"> & {
  /** 1: grey; 3: RGB; 4: RGB and opacity. */
  readonly channels: 1 | 3 | 4;
  /** An RGB picture that has no colours by its file. */
  readonly grey?: boolean;
};

/** A path without doubled and trailing slashes. */
const plain = (path: string) => path.replace(/\/+/g, "/").replace(/(.)\/$/, "$1");

/** A host whose files, environment and streams are in memory; writes can be made to fail. */
export class MemoryHost implements Host {
  readonly runtime = "node";
  readonly cwd = "/home";
  readonly cacheDir = "/cache";
  readonly stderrIsTerminal: boolean;
  readonly env: Record<string, string | undefined>;
  readonly files = new Map<string, Uint8Array>();
  readonly locks = new Set<string>();
  /** What the picture files hold: files of the same paths stand for their bytes. */
  readonly pictures = new Map<string, MemoryPicture>();
  /** Addresses that were downloaded. */
  readonly asked: string[] = [];
  /** The network: what an address gives; undefined fails. */
  remote: (url: string, pin: FilePin) => Uint8Array | undefined = () => new Uint8Array();
  out = "";
  err = "";
  /** Writes to a path that contains this text fail as on a full disk. */
  failOn: string | undefined;

  constructor(env: Record<string, string | undefined> = {}, stderrIsTerminal = false) {
    this.env = env;
    this.stderrIsTerminal = stderrIsTerminal;
  }

  /** Adds a file without going through a write. */
  put(path: string, content: Uint8Array | string): void {
    this.files.set(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
  }

  /** Adds a picture file. */
  putPicture(path: string, picture: MemoryPicture): void {
    this.put(path, "");
    this.pictures.set(path, picture);
  }

  /** A file's content as text. */
  text(path: string): string {
    return new TextDecoder().decode(this.files.get(path));
  }

  /** All paths, sorted. */
  paths(): string[] {
    return [...this.files.keys()].sort();
  }

  async stat(typed: string): Promise<FileStatus | undefined> {
    const path = plain(typed);
    const file = this.files.get(path);
    if (file !== undefined) return { kind: "file", size: file.length };
    const folder = this.paths().some((other) => other.startsWith(`${path}/`));
    return folder ? { kind: "directory", size: 0 } : undefined;
  }

  async list(typed: string): Promise<string[]> {
    const path = plain(typed);
    const inside = this.paths().filter((other) => other.startsWith(`${path}/`));
    return [...new Set(inside.map((other) => other.slice(path.length + 1).split("/")[0]!))];
  }

  async readFile(path: string): Promise<Uint8Array> {
    const file = this.files.get(plain(path));
    if (file === undefined) throw new IoError(`${path}: no such file`);
    return file.slice();
  }

  async readPicture(path: string, options?: PictureOptions): Promise<PictureFile> {
    await this.readFile(path);
    const picture = this.pictures.get(plain(path));
    if (picture === undefined) throw new DataError(`${path}: not a picture`);
    const { channels: samples, grey = samples === 1, ...rest } = picture;
    const prepared = preparePicture({ ...rest, samples, grey }, options);
    return { ...prepared, sha256: await sha256(picture.pixels) };
  }

  async download(
    url: string,
    target: string,
    pin: FilePin,
    onProgress?: (received: number) => void,
  ): Promise<void> {
    this.asked.push(url);
    onProgress?.(0);
    const bytes = this.remote(url, pin);
    if (bytes === undefined) throw new DataError(`cannot download ${url}: the host is not found`);
    onProgress?.(bytes.length);
    await this.writeAtomic(target, bytes);
  }

  async writeAtomic(path: string, bytes: Uint8Array): Promise<void> {
    this.refuse(path);
    this.files.set(path, bytes.slice());
  }

  async append(path: string, content: string | Uint8Array): Promise<void> {
    this.refuse(path);
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    this.put(path, joinBytes([this.files.get(path) ?? new Uint8Array(), bytes]));
  }

  async makeDirectory(): Promise<void> {}

  async remove(path: string): Promise<void> {
    this.files.delete(path);
  }

  async removeEmpty(): Promise<void> {}

  async lock(path: string): Promise<Lock> {
    this.refuse(path);
    if (this.locks.has(path)) throw new UsageError(`${path}: another run is at work`);
    this.locks.add(path);
    return {
      check: async (file) => {
        if (!this.locks.has(path)) throw new IoError(`cannot write ${file}: ${path} is gone`);
      },
      release: async () => {
        this.locks.delete(path);
      },
    };
  }

  async stdout(text: string): Promise<void> {
    this.out += text;
  }

  stderr(text: string): void {
    this.err += text;
  }

  private refuse(path: string): void {
    if (this.failOn !== undefined && path.includes(this.failOn)) {
      throw new IoError(`${path}: no space left on device`);
    }
  }
}
