"""Reads a checkpoint of the convolutional `vae` with NumPy alone and decodes a latent point.

    python docs/examples/decode.py runs/vae-glyphs-1/checkpoints/last.safetensors 0.5 -1

Prints the pixels, rows of numbers from 0 to 1, as JSON. The parameters have PyTorch's names and
layouts: linear [out, in], transposed convolution [in, out, height, width].
"""

import json
import sys

import numpy as np


def read_safetensors(path):
    """Arrays by name, and the metadata."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        values = file.read()
    metadata = header.pop("__metadata__", {})
    types = {"F32": "<f4", "U32": "<u4", "I32": "<i4", "U8": "u1"}
    arrays = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        flat = np.frombuffer(values[begin:end], types[entry["dtype"]])
        arrays[name] = flat.reshape(entry["shape"])
    return arrays, metadata


def conv_transpose(x, weight, bias, stride):
    """x: [in, H, W], weight: [in, out, KH, KW] -> [out, stride * H, stride * W].

    TensorFlow's "same" padding: what the whole result has too much is cut off, half of it in front
    and half behind; an odd row or column comes off behind.
    """
    _, height, width = x.shape
    _, out, kernel_h, kernel_w = weight.shape
    whole = np.zeros((out, (height - 1) * stride + kernel_h, (width - 1) * stride + kernel_w))
    for i in range(height):
        for j in range(width):
            window = np.s_[:, i * stride : i * stride + kernel_h, j * stride : j * stride + kernel_w]
            whole[window] += np.tensordot(x[:, i, j], weight, 1)
    top = (whole.shape[1] - stride * height) // 2
    left = (whole.shape[2] - stride * width) // 2
    cut = whole[:, top : top + stride * height, left : left + stride * width]
    return cut + bias[:, None, None]


def decode(p, z):
    """z: [latent] -> [channels, height, width]."""
    relu = lambda x: np.maximum(x, 0)
    h = relu(p["decoder.0.weight"] @ z + p["decoder.0.bias"])
    channels = p["decoder.3.weight"].shape[0]
    side = int(np.sqrt(h.size / channels))  # of a square image
    h = h.reshape(channels, side, side)
    h = relu(conv_transpose(h, p["decoder.3.weight"], p["decoder.3.bias"], 2))
    h = relu(conv_transpose(h, p["decoder.5.weight"], p["decoder.5.bias"], 2))
    logits = conv_transpose(h, p["decoder.7.weight"], p["decoder.7.bias"], 1)
    return 1 / (1 + np.exp(-logits))


if __name__ == "__main__":
    parameters, _ = read_safetensors(sys.argv[1])
    image = decode(parameters, np.array([float(word) for word in sys.argv[2:]]))
    print(json.dumps(image[0].round(6).tolist()))
