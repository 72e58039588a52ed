import type { PictureFile, PictureOptions } from "../formats/picture.ts";
import type { FilePin } from "./host.ts";

/**
 * How the page in Chrome uses its parent's files and output: one POST per call to a loopback
 * server. The call's arguments go as JSON in a header, bytes in the body, so that data sets and
 * checkpoints pass without being encoded as text.
 */
export interface PageCall {
  readonly method:
    | "stat"
    | "list"
    | "readFile"
    | "readPicture"
    | "writeAtomic"
    | "append"
    | "makeDirectory"
    | "remove"
    | "removeEmpty"
    | "lock"
    | "checkLock"
    | "unlock"
    | "download"
    | "stdout"
    | "stderr";
  readonly path?: string;
  /** What is done to a picture that is read. */
  readonly picture?: PictureOptions;
  /** Of a write: a folder that must be there. */
  readonly within?: string | undefined;
  /** Of a lock that is checked: the file that is to be written. */
  readonly file?: string;
  /** Of a download: the page itself never asks a foreign address. */
  readonly url?: string;
  readonly pin?: FilePin;
}

/** Header that holds a `PageCall`, percent-encoded since headers are Latin-1. */
export const CALL_HEADER = "x-latentgrad-call";

/** Header of a decoded picture, whose pixels are the body: the rest of it as JSON. */
export const PICTURE_HEADER = "x-latentgrad-picture";

export type PictureFacts = Omit<PictureFile, "pixels">;

/** Body of a response that reports a failure (status 500). */
export interface PageFailure {
  readonly message: string;
  /** Whose fault it is, where that decides the exit status; else that of files. */
  readonly kind?: "data" | "usage" | "memory";
}

/** A download is answered by one such object a line, as it goes on; the last is no number of bytes. */
export type DownloadReport =
  | { readonly received: number }
  | { readonly done: true }
  | { readonly failure: PageFailure };

/** What the page gets before it starts. */
export interface PageConfig {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly cacheDir: string;
  readonly stderrIsTerminal: boolean;
  readonly stderrColumns?: number | undefined;
}
