/**
 * Most turns that the loops of one thread may take together. llvmpipe ends them after 65,535, those of
 * inner loops counted too, and says nothing: what is left of a sum would be missing from it. Longer work
 * is shared between threads.
 */
export const MOST_TURNS = 2 ** 15;
