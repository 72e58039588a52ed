import type { Answers, Ask, Runner } from "./protocol.ts";
import { stepNoise, taskData } from "./torch-data.ts";

/** PyTorch's process, which is handed the numbers that the other engines make for themselves. */
export class TorchRunner implements Runner {
  private batch = 0;

  constructor(private readonly process: Runner) {}

  ask<A extends Ask>(question: A): Promise<Answers[A["ask"]]> {
    return this.process.ask({ ...question, ...this.data(question) } as A);
  }

  private data(question: Ask): object {
    if (question.ask === "step") return { noise: stepNoise(this.batch, question.step) };
    if (question.ask !== "prepare") return {};
    const { task } = question;
    if (task.kind !== "matmul") this.batch = task.batch;
    return taskData(task);
  }

  close(): Promise<void> {
    return this.process.close();
  }
}
