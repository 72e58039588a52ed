/** The builder puts the package's version in. */
declare const LATENTGRAD_VERSION: string;

/** Version of latentgrad, or `development` where it runs unbuilt. */
export const version: string =
  typeof LATENTGRAD_VERSION === "string" ? LATENTGRAD_VERSION : "development";
