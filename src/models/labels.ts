import { oneHot } from "../autograd/ops/indexing.ts";
import { ShapeError } from "../gpu/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * The classes of a batch as one-hot rows. u32 [batch] → [batch, classes]
 *
 * @throws ShapeError where there are no labels
 */
export function classesOf(
  label: Tensor<"u32"> | undefined,
  classes: number,
  model: string,
): Tensor {
  if (!label) throw new ShapeError(model, "it needs the class of each image");
  return oneHot(label, classes);
}
