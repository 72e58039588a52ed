import type { Answers, Ask, Runner } from "./protocol.ts";

/** No question takes nearly as long: steps of the slowest engine, its compilation included. */
const LIMIT_MS = 600_000;

/** Closes a side that leaves a question unanswered for too long: it would hold up all others. */
export class PatientRunner implements Runner {
  private givenUp: string | undefined;

  constructor(
    private readonly name: string,
    private readonly runner: Runner,
    private readonly limitMs = LIMIT_MS,
  ) {}

  async ask<A extends Ask>(question: A): Promise<Answers[A["ask"]]> {
    if (this.givenUp) throw new Error(this.givenUp);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.givenUp = `${this.name} gave no answer to "${question.ask}" in ${this.limitMs / 1000} s`;
        reject(new Error(this.givenUp));
      }, this.limitMs);
    });
    try {
      return await Promise.race([this.runner.ask(question), late]);
    } catch (error) {
      if (this.givenUp) await this.runner.close();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  close(): Promise<void> {
    return this.runner.close();
  }
}
