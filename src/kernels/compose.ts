import type { MapSpec } from "./elementwise.ts";
import { type Bound, type Expression, readsCoordinates } from "./expression.ts";
import { contiguousStrides, type View } from "./view.ts";

/**
 * The views of a map as they are walked when its consumer reads the result through a view of its own,
 * a slice or a padded one, so that the map's expression can be written into the consumer. Undefined where the
 * consumer reads some results several times (a broadcast would compute them anew each time), or in
 * another order of the axes.
 *
 * @param expression of the result that input k of the consumer views
 */
export function composeViews(
  producer: MapSpec,
  expression: Expression,
  consumer: MapSpec,
  k: number,
): View[] | undefined {
  if (readsCoordinates(expression)) return undefined;
  const isUniform = producer.inputs.every((view) => view.strides.every((s) => s === 0));
  if (isUniform)
    return producer.inputs.map((view) => ({ ...view, strides: consumer.shape.map(() => 0) }));
  const start = startOf(producer.shape, consumer, k);
  if (!start) return undefined;
  return producer.inputs.map((view) => ({
    value: view.value,
    offset: start.reduce((sum, n, a) => sum + n * (view.strides[a] as number), view.offset),
    strides: view.strides.map((s, a) => (consumer.shape[a] === 1 ? 0 : s)),
  }));
}

/**
 * Coordinates of the element that input k of the consumer reads at its first element; they may be
 * negative where the consumer pads. Undefined where its coordinates do not go along with the consumer's.
 */
function startOf(
  shape: readonly number[],
  consumer: MapSpec,
  k: number,
): readonly number[] | undefined {
  const { offset, strides } = consumer.inputs[k] as View;
  const steps = contiguousStrides(shape);
  if (shape.length !== consumer.shape.length) return undefined;
  // Along an axis of length 1 no step tells which elements are read: only the first may be.
  const alike = shape.every((n, a) =>
    n === 1 ? consumer.shape[a] === 1 : consumer.shape[a] === 1 || strides[a] === steps[a],
  );
  if (!alike) return undefined;
  const bounds = boundsOf(consumer, k);
  // Padding puts the first element where its bound begins; what is left of the offset slices.
  const start = shape.map((_, a) => -(bounds.find((b) => b.axis === a)?.from ?? 0));
  let rest = start.reduce((sum, n, a) => sum - n * (steps[a] as number), offset);
  for (const [a, step] of steps.entries()) {
    if (step === 0 || rest < 0) continue;
    start[a] = (start[a] as number) + Math.floor(rest / step);
    rest %= step;
  }
  if (rest !== 0) return undefined;
  const fits = shape.every((n, a) => {
    const bound = bounds.find((b) => b.axis === a) ?? { from: 0, to: consumer.shape[a] as number };
    const first = start[a] as number;
    return first + bound.from >= 0 && first + bound.to <= n;
  });
  return fits ? start : undefined;
}

/** Bounds within which the consumer looks at its input k at all. */
function boundsOf(consumer: MapSpec, k: number): readonly Bound[] {
  let found: readonly Bound[] | undefined;
  const visit = (e: Expression, bounds: readonly Bound[]): void => {
    if (e.kind === "input" && e.index === k) found = !found || found === bounds ? bounds : [];
    if (e.kind !== "apply") return;
    const [mask, chosen] = e.args;
    for (const arg of e.args)
      visit(
        arg,
        e.fn === "where" && mask?.kind === "inside" && arg === chosen ? mask.bounds : bounds,
      );
  };
  for (const { expression } of consumer.outputs) visit(expression, []);
  return found ?? [];
}
