import { openDevice } from "latentgrad";
import { loadModel } from "latentgrad/checkpoints";
import { imageSet } from "latentgrad/data";
import { type ImageBatch, imageGrid, toRgba } from "latentgrad/figures";
import { Vae } from "latentgrad/models";
import { Trainer } from "latentgrad/train";

const input = document.querySelector("input") as HTMLInputElement; // type="file" multiple
const canvas = document.querySelector("canvas") as HTMLCanvasElement;
const link = document.querySelector("a") as HTMLAnchorElement;
const context = canvas.getContext("2d") as CanvasRenderingContext2D;

input.onchange = async () => {
  const pictures: ImageData[] = [];
  for (const file of input.files ?? []) {
    const picture = await createImageBitmap(file, { resizeWidth: 28, resizeHeight: 28 });
    context.clearRect(0, 0, 28, 28);
    context.drawImage(picture, 0, 0);
    pictures.push(context.getImageData(0, 0, 28, 28));
  }
  const data = await imageSet(pictures, { channels: 1 });
  const device = await openDevice();
  const settings = { network: "dense", width: 0.25 } as const;
  const trainer = await Trainer.create(device, { model: Vae, settings, data, batch: 16 });
  for await (const { step, terms, endOfEpoch } of trainer.train({ epochs: 10 })) {
    document.title = `step ${step}: ${terms.loss?.toFixed(1)} nats`;
    if (endOfEpoch) show(await trainer.sample(16));
  }
  const file = await trainer.checkpoint(); // `latentgrad sample pictures.safetensors` reads it
  link.href = URL.createObjectURL(new Blob([file]));
  link.download = "pictures.safetensors";
  const vae = await loadModel(device, file, [Vae]);
  show(await vae.sample(16, { seed: 3 }));
  document.title = "trained";
};

function show(images: ImageBatch): void {
  const grid = imageGrid(images, { scale: 2 });
  [canvas.width, canvas.height] = [grid.width, grid.height];
  context.putImageData(new ImageData(toRgba(grid), grid.width), 0, 0);
}
