"""The encoder and the decoder of a latentgrad checkpoint (model `vae`) in PyTorch.

    python latentgrad_torch.py runs/vae-mnist-1/checkpoints/best.safetensors IMAGES
        [--count N] [--out FILE.npy] [--compare]

The same as latentgrad_numpy.py, which must lie beside this file and reads the files. --compare also
prints by how much the reconstructions differ from those of NumPy.

As a module:

    vae = latentgrad_torch.load("runs/vae-mnist-1/checkpoints/best.safetensors")
    mean, log_variance = vae.posterior(x)    # x: [n, channels, height, width] in [0, 1]
    pictures = torch.sigmoid(vae.decoder(mean))
"""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import latentgrad_numpy as in_numpy
from latentgrad_numpy import Image, Settings, half, same_padding


class SameConv2d(nn.Conv2d):
    """A convolution with TensorFlow's "same" padding, which is not PyTorch's: see `same_padding`.

    x [n, in, H, W] -> [n, out, ceil(H / stride), ceil(W / stride)].
    """

    def forward(self, x: Tensor) -> Tensor:
        top, bottom = same_padding(x.shape[2], self.kernel_size[0], self.stride[0])
        left, right = same_padding(x.shape[3], self.kernel_size[1], self.stride[1])
        return super().forward(F.pad(x, (left, right, top, bottom)))


class SameConvTranspose2d(nn.ConvTranspose2d):
    """The transposed convolution of a SameConv2d: what that one pads is cut off here.

    x [n, in, H, W] -> [n, out, *size], where SameConv2d makes H, W of `size`.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int, size: tuple[int, int]
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride)
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        height, width = self.size
        top, _ = same_padding(height, self.kernel_size[0], self.stride[0])
        left, _ = same_padding(width, self.kernel_size[1], self.stride[1])
        return super().forward(x)[:, :, top : top + height, left : left + width]


class Vae(nn.Module):
    """Its state_dict has the names and the layouts of the checkpoint."""

    def __init__(self, settings: Settings, image: Image) -> None:
        super().__init__()
        self.image = image
        self.settings = settings
        shapes = in_numpy.parameter_shapes(settings, image)
        build = dense_networks if settings.network == "dense" else conv_networks
        self.encoder, self.decoder = build(shapes, settings.latent, image)
        outputs, features = shapes["head.weight"]
        self.head = nn.Linear(features, outputs)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and ln variance, each [n, latent]. x: [n, channels, height, width]."""
        mean, log_variance = self.head(self.encoder(x)).chunk(2, dim=1)
        return mean, log_variance

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the reconstruction from the posterior's mean."""
        mean, _ = self.posterior(x)
        return self.decoder(mean)

    @torch.no_grad()
    def reconstruction_logits(self, x: np.ndarray) -> np.ndarray:
        """x and the result: [n, channels, height, width]."""
        return self(torch.from_numpy(np.ascontiguousarray(x))).numpy()


Shapes = dict[str, tuple[int, ...]]


def dense_networks(shapes: Shapes, latent: int, image: Image) -> tuple[nn.Module, nn.Module]:
    height, width, channels = image
    hidden, pixels = shapes["encoder.1.weight"]
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(pixels, hidden), nn.ReLU())
    decoder = nn.Sequential(
        nn.Linear(latent, hidden),
        nn.ReLU(),
        nn.Linear(hidden, pixels),
        nn.Unflatten(1, (channels, height, width)),
    )
    return encoder, decoder


def conv_networks(shapes: Shapes, latent: int, image: Image) -> tuple[nn.Module, nn.Module]:
    height, width, channels = image
    first, second = shapes["encoder.0.weight"][0], shapes["encoder.2.weight"][0]
    features, flat = shapes["encoder.5.weight"]
    middle = half(height), half(width)
    inner = half(middle[0]), half(middle[1])
    encoder = nn.Sequential(
        SameConv2d(channels, first, 3, stride=2),
        nn.ReLU(),
        SameConv2d(first, second, 3, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(flat, features),
        nn.ReLU(),
    )
    decoder = nn.Sequential(
        nn.Linear(latent, flat),
        nn.ReLU(),
        nn.Unflatten(1, (second, *inner)),
        SameConvTranspose2d(second, second, 3, stride=2, size=middle),
        nn.ReLU(),
        SameConvTranspose2d(second, first, 3, stride=2, size=(height, width)),
        nn.ReLU(),
        SameConvTranspose2d(first, channels, 3, stride=1, size=(height, width)),
    )
    return encoder, decoder


def load(path: str | Path, image: Image | None = None) -> Vae:
    """As latentgrad_numpy.load."""
    weights, settings, image = in_numpy.read_checkpoint(path, image)
    model = Vae(settings, image)
    state = {name: torch.tensor(array) for name, array in weights.items()}
    model.load_state_dict(state, strict=True)
    return model.eval()


def main() -> NoReturn:
    parser = in_numpy.command_line(__doc__)
    parser.add_argument("--compare", action="store_true", help="print the difference from NumPy")
    arguments = parser.parse_args()

    def body() -> None:
        reconstructions = in_numpy.run(arguments, load)
        if arguments.compare:
            images = in_numpy.read_images(arguments.images)[: arguments.count]
            height, width, channels = images.shape[1:]
            model = in_numpy.load(arguments.checkpoint, (height, width, channels))
            difference = np.abs(model.reconstruct(images) - reconstructions).max()
            print(f"largest difference from NumPy {difference:.2e}")

    in_numpy.exit_with(parser.prog, body)


if __name__ == "__main__":
    main()
