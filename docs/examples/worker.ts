import { openDevice } from "latentgrad";
import { loadGlyphs } from "latentgrad/data";
import { Vae } from "latentgrad/models";
import { Trainer } from "latentgrad/train";

const opened = openDevice(); // awaited below: while a module awaits at its top, messages are lost
const trainers = new Map<string, Trainer>();
const stops = new Map<string, AbortController>();

self.onmessage = async ({ data: { id, name, ask, value } }) => {
  try {
    const answer = await work(name, ask, value);
    postMessage({ id, answer }, { transfer: answer instanceof Uint8Array ? [answer.buffer] : [] });
  } catch (error) {
    postMessage({ id, error: String(error) });
  }
};

async function work(name: string, ask: string, value: never) {
  if (ask === "create") {
    const options = { model: Vae, data: loadGlyphs(64, 8), ...(value as object) };
    trainers.set(name, await Trainer.create(await opened, options));
  }
  const trainer = trainers.get(name)!;
  if (ask === "train") {
    const stop = new AbortController();
    stops.set(name, stop);
    for await (const progress of trainer.train({ ...(value as object), signal: stop.signal }))
      postMessage({ name, progress });
  }
  if (ask === "stop") stops.get(name)?.abort();
  if (ask === "pause") trainer.pause();
  if (ask === "resume") trainer.resume();
  if (ask === "set") trainer.set(value); // { beta: 4, learningRate: 5e-4 }
  if (ask === "sample") return trainer.sample(value);
  if (ask === "checkpoint") return trainer.checkpoint();
  return trainer.stepsDone;
}
