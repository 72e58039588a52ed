/** Known causes of each image, where a set has them. */
export interface Factors {
  readonly names: readonly string[];
  /** [count, names.length] */
  readonly values: Float32Array;
}

/** Bytes of images, 0 to 255, or numbers of vectors. */
export type Values = Uint8Array | Float32Array;

/** A label for each image. */
export type Labels = Uint8Array | Uint16Array;

/** What is known of each image beside its class, as one of so many values: who drew it, in which style. */
export interface Attribute {
  readonly name: string;
  /** Number of values; they are counted from 0. */
  readonly classes: number;
  /** What a value stands for. */
  readonly meaning: string;
}

/** Images of one part of a data set. */
export interface Split<V extends Values = Values> {
  /** [count, height, width, channels] */
  readonly images: V;
  /** [count], below the number of classes */
  readonly labels: Labels;
  readonly count: number;
  /** By the names of the set's `attributes`, [count] each. */
  readonly attributes?: Readonly<Record<string, Labels>>;
  readonly factors?: Factors;
  /**
   * [count]; images with the same number are of one thing (a drawing, turned otherwise), and all or
   * none of them are held out for validation. Absent where each is of its own.
   */
  readonly groups?: Uint32Array;
}

/** The number of values of each further label, by name. */
export function attributeClasses({ attributes = [] }: Dataset): Readonly<Record<string, number>> {
  return Object.fromEntries(attributes.map(({ name, classes }) => [name, classes]));
}

/** A labelled set of images of one size. */
export interface Dataset<V extends Values = Values> {
  readonly name: string;
  readonly train: Split<V>;
  readonly test: Split<V>;
  /** Where the set has such a part of its own; else some of `train` are held out. */
  readonly validation?: Split<V>;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** It holds vectors, [1, 1, channels], which are no pictures. */
  readonly vectors?: boolean;
  readonly classes: number;
  readonly classNames: readonly string[];
  readonly attributes?: readonly Attribute[];
  /**
   * SHA-256, as hexadecimal digits, over the bytes that the training part was made of and over what
   * was done to them: given by a set whose files say more exactly than the images in memory whether
   * it is the same. Absent where the images, labels and attributes themselves are hashed.
   */
  readonly fingerprint?: string;
}
