/** Recorded programs, in which ops are fused, against the same ops run one by one. */
import * as assert from "uvu/assert";
import { variable } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "./device.ts";
import { numbers } from "./products.ts";

export interface Operand {
  readonly shape: readonly number[];
}

/**
 * Asserts that `f` gives the same numbers recorded as eagerly.
 *
 * @param expected the number of dispatches that must be left after fusion
 */
export async function assertRecordedEqualsEager(
  operands: readonly Operand[],
  f: (inputs: readonly Tensor[]) => Tensor,
  expected: { readonly dispatches?: number },
): Promise<void> {
  const device = await testDevice();
  const inputs = operands.map(({ shape }, i) => {
    const data = numbers(
      shape.reduce((a, b) => a * b, 1),
      30 + i,
    );
    return variable(device, data, shape, `operand ${i}`);
  });
  const eager = f(inputs);
  const { program, result } = await record(device, () => f(inputs));
  program.run();
  const [want, got] = [await eager.data(), await result.data()];
  const what = operands.map((o) => `[${o.shape}]`).join(" ");
  assert.equal(result.shape, eager.shape, what);
  for (let i = 0; i < want.length; i++)
    if (!(Math.abs(got[i]! - want[i]!) <= 1e-5 * (1 + Math.abs(want[i]!))))
      assert.unreachable(`${what}: element ${i} is ${got[i]} recorded and ${want[i]} eagerly`);
  if (expected.dispatches !== undefined)
    assert.is(program.statistics.dispatches, expected.dispatches, `${what}: dispatches`);
  program.release();
  for (const t of inputs) device.release(t.value);
}
