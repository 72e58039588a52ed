import type { FilePin } from "../host/host.ts";

/** One file as its publisher gives it. */
export type PinnedFile = FilePin & { readonly name: string };

/** A data set that others publish, and how its files are known. */
export type PublishedSet = FileSet | ArchiveSet;

interface Publication {
  /** Also the folder within the data folder. */
  readonly name: string;
  /** Address of the files, ending in a slash. */
  readonly url: string;
  readonly homepage: string;
  /** Other folders within the data folder in which unpackers and other programs leave the files. */
  readonly folders?: readonly string[];
  readonly licence: string;
}

/** Each file is published by itself. */
export interface FileSet extends Publication {
  readonly files: readonly PinnedFile[];
  readonly archive?: undefined;
}

/** The files are published together in one gzipped tar archive. */
export interface ArchiveSet extends Publication {
  /** Names of the files within the data folder, with or without `.gz`. */
  readonly files: readonly { readonly name: string }[];
  readonly archive: PinnedFile & {
    /** Folder within the archive that the files are in. */
    readonly folder: string;
  };
  /** Whether files of these names are enough of a set to load. */
  readonly suffices: (names: readonly string[]) => boolean;
}

/** MNIST (LeCun, Cortes, Burges 1998), where its authors' own address no longer gives the files. */
export const mnist: FileSet = {
  name: "mnist",
  url: "https://ossci-datasets.s3.amazonaws.com/mnist/",
  homepage: "http://yann.lecun.com/exdb/mnist/",
  folders: ["mnist/raw", "MNIST/raw"],
  licence: "CC BY-SA 3.0",
  files: [
    {
      name: "train-images-idx3-ubyte.gz",
      bytes: 9_912_422,
      sha256: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    },
    {
      name: "train-labels-idx1-ubyte.gz",
      bytes: 28_881,
      sha256: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    },
    {
      name: "t10k-images-idx3-ubyte.gz",
      bytes: 1_648_877,
      sha256: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    },
    {
      name: "t10k-labels-idx1-ubyte.gz",
      bytes: 4_542,
      sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
  ],
};

/** Fashion-MNIST (Xiao, Rasul, Vollgraf 2017). Its address has no https; the hashes stand for it. */
export const fashionMnist: FileSet = {
  name: "fashion-mnist",
  url: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
  homepage: "https://github.com/zalandoresearch/fashion-mnist",
  folders: ["fashion-mnist/raw", "FashionMNIST/raw"],
  licence: "MIT",
  files: [
    {
      name: "train-images-idx3-ubyte.gz",
      bytes: 26_421_880,
      sha256: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    },
    {
      name: "train-labels-idx1-ubyte.gz",
      bytes: 29_515,
      sha256: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    },
    {
      name: "t10k-images-idx3-ubyte.gz",
      bytes: 4_422_102,
      sha256: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    },
    {
      name: "t10k-labels-idx1-ubyte.gz",
      bytes: 5_148,
      sha256: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
  ],
};

/** Omniglot (Lake, Salakhutdinov, Tenenbaum 2015). The MD5s are those by which torchvision knows it. */
export const omniglot: FileSet = {
  name: "omniglot",
  url: "https://github.com/brendenlake/omniglot/raw/master/python/",
  homepage: "https://github.com/brendenlake/omniglot",
  licence: "MIT",
  files: [
    {
      name: "images_background.zip",
      bytes: 9_464_212,
      md5: "68d2efa1b9178cc56df9314c21c6e718",
    },
    {
      name: "images_evaluation.zip",
      bytes: 6_462_886,
      md5: "6b91aef0f799c5bb55b94e3f2daec811",
    },
  ],
};

const cifarTraining = [1, 2, 3, 4, 5].map((i) => `data_batch_${i}.bin.gz`);
const cifarTest = "test_batch.bin.gz";

/** CIFAR-10 (Krizhevsky 2009), the binary version, whose publisher gives an MD5. */
export const cifar10: ArchiveSet = {
  name: "cifar10",
  url: "https://www.cs.toronto.edu/~kriz/",
  homepage: "https://www.cs.toronto.edu/~kriz/cifar.html",
  folders: ["cifar10/cifar-10-batches-bin", "cifar-10-batches-bin"],
  licence: "none stated",
  files: [...cifarTraining, cifarTest].map((name) => ({ name })),
  archive: {
    name: "cifar-10-binary.tar.gz",
    bytes: 170_052_171,
    md5: "c32a1d4ab5d03f1284b67883e8d87530",
    folder: "cifar-10-batches-bin",
  },
  suffices: (names) =>
    names.includes(cifarTest) && names.some((name) => cifarTraining.includes(name)),
};
