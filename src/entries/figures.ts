/**
 * Grids of images, as pixels and as PNG files.
 *
 * @module latentgrad/figures
 */

export {
  type GridOptions,
  type ImageBatch,
  imageGrid,
  pairGrid,
  tileGrid,
} from "../figures/grid.ts";
export { toRgba } from "../figures/rgba.ts";
export { encodePng, type Picture } from "../formats/png.ts";
