import { DataError } from "../gpu/errors.ts";

/** The user's own files are not where the name of their set says. */
export class MissingDataError extends DataError {}
