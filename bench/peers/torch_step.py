"""The training step of the convolutional and of the dense VAE in PyTorch on the CPU, for comparison.

    apt-get install python3-torch libopenblas0-openmp        # or: pip install torch
    python3 bench/peers/torch_step.py [--steps N] [--batch N] [--latent N] [--threads N] [--json]

Debian's PyTorch takes whatever BLAS is there, and python3-torch alone brings the reference one, which has
neither vectors nor threads: the rate of a matrix product, printed first, tells which one it was.

The networks are those of `latentgrad bench --filter '^step/vae-(conv|dense)/128$'`: the convolutional VAE
of the Keras examples and 784-400-z-400-784, on random 28x28 images, with Bernoulli pixels and Adam. Prints
median, shortest and longest step in ms; the first five, which set things up, do not count.
"""
import argparse
import json
import os
import time

# Threads of two OpenMP runtimes that wait by spinning take the cores from one another: without this, single
# steps of the convolutional VAE took up to eight times as long as the shortest. It must come before torch.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch  # noqa: E402
from torch import nn
from torch.nn import functional as F

WARM_UP = 5


class Vae(nn.Module):
    """Encoder, a head for mean and log variance, decoder to the pixels' logits."""

    def __init__(self, encoder, features, decoder, latent):
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(features, 2 * latent)
        self.decoder = decoder

    def forward(self, x):
        """The negative ELBO, a mean over the batch. x: [batch, 1, 28, 28]."""
        mean, log_variance = self.head(self.encoder(x)).chunk(2, dim=1)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        logits = self.decoder(z)
        reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum((1, 2, 3))
        kl = 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(1)
        return (reconstruction + kl).mean()


def conv(latent):
    encoder = nn.Sequential(
        nn.Conv2d(1, 32, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(64 * 7 * 7, 16), nn.ReLU(),
    )
    transposed = dict(kernel_size=3, stride=2, padding=1, output_padding=1)
    decoder = nn.Sequential(
        nn.Linear(latent, 64 * 7 * 7), nn.ReLU(), nn.Unflatten(1, (64, 7, 7)),
        nn.ConvTranspose2d(64, 64, **transposed), nn.ReLU(),
        nn.ConvTranspose2d(64, 32, **transposed), nn.ReLU(),
        nn.ConvTranspose2d(32, 1, 3, padding=1),
    )
    return Vae(encoder, 16, decoder, latent)


def dense(latent):
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 400), nn.ReLU())
    decoder = nn.Sequential(
        nn.Linear(latent, 400), nn.ReLU(), nn.Linear(400, 784), nn.Unflatten(1, (1, 28, 28))
    )
    return Vae(encoder, 400, decoder, latent)


def product_gflops(size=1024, runs=9):
    """What the BLAS makes of a matrix product: billions of operations a second, by the median time."""
    a, b = torch.rand(size, size), torch.rand(size, size)
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - begin)
    return 2 * size**3 / sorted(times)[runs // 2] / 1e9


def measure(model, batch, steps):
    """Times of the steps in ms, sorted."""
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    x = torch.rand(batch, 1, 28, 28)
    times = []
    for _ in range(WARM_UP + steps):
        begin = time.perf_counter()
        loss = model(x)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        loss.item()
        times.append(1000 * (time.perf_counter() - begin))
    return sorted(times[WARM_UP:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--latent", type=int, default=2)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    product = product_gflops()
    results = []
    for name, build in (("conv", conv), ("dense", dense)):
        model = build(options.latent)
        times = measure(model, options.batch, options.steps)
        results.append({
            "step": f"vae-{name}/{options.batch}",
            "parameters": sum(p.numel() for p in model.parameters()),
            "ms": times[len(times) // 2], "minMs": times[0], "maxMs": times[-1],
        })
    if options.json:
        print(json.dumps({"torch": torch.__version__, "threads": options.threads, "productGflops": product, "steps": results}, indent=2))
        return
    print(f"PyTorch {torch.__version__}, {options.threads} threads, z = {options.latent}; matrix product 1024: {product:.1f} GFLOP/s")
    for row in results:
        print("{step}: median {ms:.1f} ms, shortest {minMs:.1f}, longest {maxMs:.1f}; {parameters} parameters".format(**row))


main()
