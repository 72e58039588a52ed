/**
 * What a runtime gives to the code that reads data, trains and prints: files, environment and
 * output. Paths are the operating system's, absolute or relative to `cwd`.
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

  /** undefined: there is nothing at that path. */
  stat(path: string): Promise<FileStatus | undefined>;
  /** Names in a folder, sorted. */
  list(path: string): Promise<string[]>;
  readFile(path: string): Promise<Uint8Array>;
  /**
   * Writes a whole file, making its folder: the bytes go to a temporary file beside it, which is
   * synced and renamed. On failure nothing half-written is left.
   */
  writeAtomic(path: string, bytes: Uint8Array): Promise<void>;
  append(path: string, text: string): Promise<void>;
  /** Recursive; a folder that exists already is fine. */
  makeDirectory(path: string): Promise<void>;
  /** Removes a file or a folder with its content; nothing there is fine. */
  remove(path: string): Promise<void>;
  stdout(text: string): void | Promise<void>;
  stderr(text: string): void | Promise<void>;
}

export interface FileStatus {
  readonly kind: "file" | "directory";
  /** Bytes; for a folder without meaning. */
  readonly size: number;
}
