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
    | "writeAtomic"
    | "append"
    | "makeDirectory"
    | "remove"
    | "stdout"
    | "stderr";
  readonly path?: string;
}

/** Header that holds a `PageCall`, percent-encoded since headers are Latin-1. */
export const CALL_HEADER = "x-latentgrad-call";

/** Body of a response that reports a failure (status 500). */
export interface PageFailure {
  readonly message: string;
}

/** What the page gets before it starts. */
export interface PageConfig {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly cacheDir: string;
  readonly stderrIsTerminal: boolean;
}
