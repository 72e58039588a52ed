/** Known causes of each image, where a set has them. */
export interface Factors {
  readonly names: readonly string[];
  /** [count, names.length] */
  readonly values: Float32Array;
}

/** Bytes of images, 0 to 255, or numbers of vectors. */
export type Values = Uint8Array | Float32Array;

/** Images of one part of a data set. */
export interface Split<V extends Values = Values> {
  /** [count, height, width, channels] */
  readonly images: V;
  /** [count], below the number of classes */
  readonly labels: Uint8Array;
  readonly count: number;
  readonly factors?: Factors;
}

/** A labelled set of images of one size. */
export interface Dataset<V extends Values = Values> {
  readonly name: string;
  readonly train: Split<V>;
  readonly test: Split<V>;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** It holds vectors, [1, 1, channels], which are no pictures. */
  readonly vectors?: boolean;
  readonly classes: number;
  readonly classNames: readonly string[];
}
