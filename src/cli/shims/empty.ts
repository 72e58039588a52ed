/** Stands for Node's modules that the argument parser requires for features not used here. */
export {};
