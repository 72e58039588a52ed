import type { PictureFile, PictureOptions } from "../formats/picture.ts";

/**
 * What a runtime gives to the code that reads data, trains and prints: files, environment, output
 * and downloads. Paths are the operating system's, absolute or relative to `cwd`.
 *
 * Failures of files throw `IoError`, naming path and reason.
 */
export interface Host {
  readonly runtime: "node" | "deno" | "chrome";
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** The user's cache folder for latentgrad; it need not exist yet. */
  readonly cacheDir: string;
  readonly stderrIsTerminal: boolean;
  /** Width of that terminal in characters, where it is known. */
  readonly stderrColumns?: number | undefined;

  /** undefined: there is nothing at that path. */
  stat(path: string): Promise<FileStatus | undefined>;
  /** Names in a folder, sorted. */
  list(path: string): Promise<string[]>;
  readFile(path: string): Promise<Uint8Array>;
  /**
   * Reads a PNG or JPEG file. Throws DataError for one that is damaged, hostile or too large: beyond
   * 4096 pixels a side, or, where it is made smaller, beyond 64 MP.
   */
  readPicture(path: string, options?: PictureOptions): Promise<PictureFile>;
  /**
   * Writes a whole file, making its folder: the bytes go to a temporary file beside it, which is
   * synced and renamed. On failure nothing half-written is left.
   *
   * @param within a folder that is there already, or else the write fails: only those in it are made
   */
  writeAtomic(path: string, bytes: Uint8Array, within?: string): Promise<void>;
  /** Appends text as UTF-8, or bytes, and syncs; makes folders as `writeAtomic` does. */
  append(path: string, content: string | Uint8Array, within?: string): Promise<void>;
  /** Recursive; a folder that exists already is fine. */
  makeDirectory(path: string): Promise<void>;
  /** Removes a file or a folder with its content; nothing there is fine. */
  remove(path: string): Promise<void>;
  /** Removes a folder if nothing is in it; one that is not there is fine. */
  removeEmpty(path: string): Promise<void>;
  /**
   * Makes a file that keeps other processes, on this machine and on others that share the folder, from
   * taking it, too, until it is released or this process has ended. Throws UsageError while another one
   * holds it.
   */
  lock(path: string): Promise<Lock>;
  /**
   * Fetches a file, making its folder. The bytes go to `target.part`, from which a later call goes
   * on where this one broke off; once their checksum is right it is synced and renamed. Throws
   * DataError where the server, the network or the bytes are at fault.
   */
  download(
    url: string,
    target: string,
    pin: FilePin,
    /** Told how many bytes are there. */
    onProgress?: (received: number) => void,
  ): Promise<void>;
  /** Collects garbage at once, where the runtime can be told to. */
  readonly collect?: (() => void) | undefined;
  stdout(text: string): void | Promise<void>;
  stderr(text: string): void | Promise<void>;
}

/** A lock that this process holds. */
export interface Lock {
  /**
   * Throws IoError, as of the write of `file`, where this process has lost the lock: its folder was
   * removed, or another process has taken it over.
   */
  check(file: string): Promise<void>;
  /** Lets others have it; removes no lock but its own. Throws IoError. */
  release(): Promise<void>;
}

export interface FileStatus {
  readonly kind: "file" | "directory";
  /** Bytes; for a folder without meaning. */
  readonly size: number;
}

/** What is known of a file before it is fetched. */
export type FilePin = { readonly bytes: number } & (
  | {
      /** 64 hexadecimal digits. */
      readonly sha256: string;
      readonly md5?: undefined;
    }
  | {
      readonly sha256?: undefined;
      /** 32 hexadecimal digits, where the publisher gives nothing better. */
      readonly md5: string;
    }
);

/** Names of the temporary files of `writeAtomic`; one that is found at a start was left by a crash. */
export const temporaryFile = /^\.[0-9a-f]{12}\.tmp$/;
