"""The encoder and the decoder of a latentgrad checkpoint (model `vae`) in NumPy alone.

    python latentgrad_numpy.py runs/vae-mnist-1/checkpoints/best.safetensors IMAGES
        [--count N] [--out FILE.npy]

IMAGES is an IDX file of images, plain or gzip, or a .npy array [n, height, width] or [n, height,
width, channels] of bytes or of floats in [0, 1]. Prints the reconstruction term: the negative
log-likelihood of Bernoulli pixels, decoded from the posterior's mean, in nats per image. FILE.npy
gets the reconstructions, float32 [n, height, width, channels].

As a module:

    vae = latentgrad_numpy.load("runs/vae-mnist-1/checkpoints/best.safetensors")
    z = vae.encode(images)       # [n, latent]
    pictures = vae.decode(z)     # [n, height, width, channels] in [0, 1]; = vae.reconstruct(images)

Everything is float32. Inside, images are [n, channels, height, width], and the parameters have the
names and the layouts of PyTorch: linear [out, in], convolution [out, in, height, width], transposed
convolution [in, out, height, width].

Exit status: 0 success, 2 usage, 3 a bad file, 7 input or output failed.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import hashlib
import json
import math
import os
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn, Protocol

import numpy as np

Arrays = dict[str, np.ndarray]
Metadata = dict[str, str]
Image = tuple[int, int, int]  # height, width, channels


class BadFile(Exception):
    """A file that is not what it should be. The message is one line and names the file."""


# --- Layers ---------------------------------------------------------------------------------------


def linear(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """x [n, in], weight [out, in] -> [n, out]."""
    return x @ weight.T + bias


def flatten(x: np.ndarray) -> np.ndarray:
    """[n, channels, height, width] -> [n, channels * height * width]."""
    return x.reshape(len(x), -1)


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def sigmoid(x: np.ndarray) -> np.ndarray:
    small = np.exp(-np.abs(x))  # never overflows
    return np.where(x >= 0, 1, small) / (1 + small)


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and behind an axis, TensorFlow's "same".

    So many that ceil(size / stride) windows fit; an odd zero stands behind.
    """
    windows = math.ceil(size / stride)
    zeros = max((windows - 1) * stride + kernel - size, 0)
    return zeros // 2, zeros - zeros // 2


def conv(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int) -> np.ndarray:
    """x [n, in, H, W], weight [out, in, KH, KW] -> [n, out, ceil(H / stride), ceil(W / stride)].

    Cross-correlation, as in all deep-learning libraries: the kernel is not flipped.
    """
    n, inputs, height, width = x.shape
    outputs, _, kernel_h, kernel_w = weight.shape
    rows = same_padding(height, kernel_h, stride)
    columns = same_padding(width, kernel_w, stride)
    padded = np.pad(x, ((0, 0), (0, 0), rows, columns))
    h, w = math.ceil(height / stride), math.ceil(width / stride)
    y = np.zeros((n, outputs, h * w), np.float32)
    for i, j in np.ndindex(kernel_h, kernel_w):
        # What element (i, j) of the kernel meets in each of its places.
        met = padded[:, :, i::stride, j::stride][:, :, :h, :w]
        y += weight[:, :, i, j] @ met.reshape(n, inputs, h * w)
    return y.reshape(n, outputs, h, w) + bias[:, None, None]


def conv_transpose(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int, size: tuple[int, int]
) -> np.ndarray:
    """x [n, in, H, W], weight [in, out, KH, KW] -> [n, out, *size].

    The input gradient of the convolution that makes H, W of `size`. Each pixel of x puts its kernel
    into the result, `stride` apart; then what that convolution has as padding is cut off.
    """
    n, inputs, h, w = x.shape
    _, outputs, kernel_h, kernel_w = weight.shape
    whole_h, whole_w = (h - 1) * stride + kernel_h, (w - 1) * stride + kernel_w
    whole = np.zeros((n, outputs, whole_h, whole_w), np.float32)
    for i, j in np.ndindex(kernel_h, kernel_w):
        put = weight[:, :, i, j].T @ x.reshape(n, inputs, h * w)
        places = whole[:, :, i::stride, j::stride][:, :, :h, :w]  # a view of `whole`
        places += put.reshape(n, outputs, h, w)
    top, _ = same_padding(size[0], kernel_h, stride)
    left, _ = same_padding(size[1], kernel_w, stride)
    cut = whole[:, :, top : top + size[0], left : left + size[1]]
    return cut + bias[:, None, None]


# --- The model ------------------------------------------------------------------------------------


class Settings(NamedTuple):
    """Settings of the model that decide its shapes."""

    network: str
    latent: int
    width: float


def half(size: int) -> int:
    return math.ceil(size / 2)


def parameter_shapes(settings: Settings, image: Image) -> dict[str, tuple[int, ...]]:
    """The shape of every parameter by its name."""
    network, latent, factor = settings
    height, width, channels = image

    def scaled(count: int) -> int:
        return max(1, math.floor(count * factor + 0.5))

    layers: dict[str, tuple[int, ...]]
    if network == "dense":
        pixels, hidden = height * width * channels, scaled(400)
        layers = {
            "encoder.1": (hidden, pixels),
            "head": (2 * latent, hidden),
            "decoder.0": (hidden, latent),
            "decoder.2": (pixels, hidden),
        }
    else:
        first, second, features = scaled(32), scaled(64), 16
        flat = second * half(half(height)) * half(half(width))
        layers = {
            "encoder.0": (first, channels, 3, 3),
            "encoder.2": (second, first, 3, 3),
            "encoder.5": (features, flat),
            "head": (2 * latent, features),
            "decoder.0": (flat, latent),
            "decoder.3": (second, second, 3, 3),
            "decoder.5": (second, first, 3, 3),
            "decoder.7": (first, channels, 3, 3),
        }
    shapes = {}
    for name, shape in layers.items():
        transposed = name.startswith("decoder") and len(shape) == 4
        shapes[f"{name}.weight"] = shape
        shapes[f"{name}.bias"] = (shape[1] if transposed else shape[0],)
    return shapes


class Vae:
    """Encoder x -> N(mean, variance) and decoder z -> pixels."""

    def __init__(self, weights: Arrays, settings: Settings, image: Image) -> None:
        self.weights = weights
        self.settings = settings
        self.image = image

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Means of the posterior, [n, latent]. images: as `to_pixels` takes them."""
        return in_batches(lambda x: self.posterior(to_pixels(x, self.image))[0], images)

    def decode(self, z: np.ndarray) -> np.ndarray:
        """Pixels in [0, 1], [n, height, width, channels]. z: [n, latent]."""
        z = np.asarray(z, np.float32)
        return in_batches(lambda part: to_images(sigmoid(self.logits(part))), z)

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """What the decoder makes of the posterior's means, [n, height, width, channels]."""
        return self.decode(self.encode(images))

    def posterior(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and ln variance, each [n, latent]. x: [n, channels, height, width]."""
        if self.settings.network == "dense":
            h = relu(linear(flatten(x), *self.layer("encoder.1")))
        else:
            h = relu(conv(x, *self.layer("encoder.0"), stride=2))
            h = relu(conv(h, *self.layer("encoder.2"), stride=2))
            h = relu(linear(flatten(h), *self.layer("encoder.5")))
        mean, log_variance = np.split(linear(h, *self.layer("head")), 2, axis=1)
        return mean, log_variance

    def logits(self, z: np.ndarray) -> np.ndarray:
        """Logits of the pixels, [n, channels, height, width]. z: [n, latent]."""
        height, width, channels = self.image
        h = relu(linear(z, *self.layer("decoder.0")))
        if self.settings.network == "dense":
            return linear(h, *self.layer("decoder.2")).reshape(-1, channels, height, width)
        middle = half(height), half(width)
        h = h.reshape(len(h), -1, half(middle[0]), half(middle[1]))
        h = relu(conv_transpose(h, *self.layer("decoder.3"), stride=2, size=middle))
        h = relu(conv_transpose(h, *self.layer("decoder.5"), stride=2, size=(height, width)))
        return conv_transpose(h, *self.layer("decoder.7"), stride=1, size=(height, width))

    def reconstruction_logits(self, x: np.ndarray) -> np.ndarray:
        """x and the result: [n, channels, height, width]."""
        return self.logits(self.posterior(x)[0])

    def layer(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        return self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]


def bernoulli_nats(logits: np.ndarray, x: np.ndarray) -> np.ndarray:
    """[n]: -sum of x ln s + (1 - x) ln(1 - s) over each image, s the sigmoid of the logits."""
    softplus = np.maximum(logits, 0) + np.log1p(np.exp(-np.abs(logits)))
    return flatten(softplus - logits * x).sum(1, dtype=np.float64)


def to_pixels(images: np.ndarray, image: Image) -> np.ndarray:
    """[n, height, width] or [n, height, width, channels], bytes or floats in [0, 1], to float32
    [n, channels, height, width]. Raises ValueError for anything else."""
    images = np.asarray(images)
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[1:] != image:
        raise ValueError(f"images of shape {list(images.shape)}, the model has {size_text(image)}")
    if images.dtype == np.uint8:
        values = images.astype(np.float32) / np.float32(255)
    elif images.dtype.kind == "f":
        values = images.astype(np.float32)
        if not np.all((values >= 0) & (values <= 1)):  # false for NaN too
            raise ValueError("pixels outside [0, 1]")
    else:
        raise ValueError(f"pixels of type {images.dtype}, expected uint8, or floats in [0, 1]")
    return values.transpose(0, 3, 1, 2)


def to_images(pixels: np.ndarray) -> np.ndarray:
    """[n, channels, height, width] -> [n, height, width, channels]."""
    return np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))


def in_batches(function: Callable[[np.ndarray], np.ndarray], values: np.ndarray) -> np.ndarray:
    """function(values), a hundred rows at a time: the layers' intermediate results are large."""
    starts = range(0, max(len(values), 1), 100)
    return np.concatenate([function(values[start : start + 100]) for start in starts])


def size_text(image: Image) -> str:
    return "×".join(str(size) for size in image)


# --- Checkpoints ----------------------------------------------------------------------------------


def load(path: str | Path, image: Image | None = None) -> Vae:
    """The model of a checkpoint, with the moving average of its weights where it has one.

    image: height, width, channels; by default what the checkpoint's metadata say. Raises BadFile,
    or OSError for a file that cannot be read.
    """
    weights, settings, image = read_checkpoint(path, image)
    return Vae(weights, settings, image)


def read_checkpoint(path: str | Path, image: Image | None = None) -> tuple[Arrays, Settings, Image]:
    """The weights by name, and what they are of; everything is checked. See `load`."""
    arrays, metadata = read_safetensors(path)
    settings = read_settings(metadata, path)
    of_run = read_image(metadata, path)
    image = of_run if image is None else image
    if image is None:
        raise BadFile(f"{path}: the metadata do not say how large the images are")
    if of_run is not None and of_run != image:
        raise BadFile(
            f"{path}: the run has images of {size_text(of_run)}, these are {size_text(image)}"
        )
    average = any(name.startswith("ema.") for name in arrays)
    weights = {}
    for name, shape in parameter_shapes(settings, image).items():
        stored = f"ema.{name}" if average else name
        array = arrays.get(stored)
        if array is None:
            raise BadFile(f"{path}: there is no {stored}")
        if array.dtype != np.float32 or array.shape != shape:
            raise BadFile(
                f"{path}: {stored} is {array.dtype} {list(array.shape)}, expected float32"
                f" {list(shape)} for images of {size_text(image)}"
            )
        if not np.all(np.isfinite(array)):
            raise BadFile(f"{path}: {stored} holds NaN or infinite values")
        weights[name] = array
    return weights, settings, image


def read_settings(metadata: Metadata, path: str | Path) -> Settings:
    """From the options of the run, which are JSON in the metadata."""
    if metadata.get("model") != "vae":
        raise BadFile(f"{path}: the model is {metadata.get('model')!r}, expected 'vae'")
    options = parse_json(metadata.get("options", "null"), f"{path}: options in the metadata")
    found = options.get("set") if isinstance(options, dict) else None
    found = found if isinstance(found, dict) else {}
    network, latent, width = found.get("network"), found.get("latent"), found.get("width")
    if network not in ("conv", "dense"):
        raise BadFile(f"{path}: network is {network!r}, expected 'conv' or 'dense'")
    likelihood = found.get("likelihood", "auto")
    if likelihood not in ("auto", "bernoulli"):
        raise BadFile(f"{path}: likelihood is {likelihood!r}, expected 'auto' or 'bernoulli'")
    if not isinstance(latent, int) or latent < 1:
        raise BadFile(f"{path}: latent is {latent!r}, expected a whole number from 1 on")
    if not isinstance(width, (int, float)) or not 0 < width < 1000:
        raise BadFile(f"{path}: width is {width!r}, expected a number above 0")
    return Settings(network, latent, width)


def read_image(metadata: Metadata, path: str | Path) -> Image | None:
    """Size of the images; None where the metadata do not say."""
    if "image" not in metadata:
        return None
    found = parse_json(metadata["image"], f"{path}: image in the metadata")
    sizes = found if isinstance(found, dict) else {}
    image = tuple(sizes.get(key) for key in ("height", "width", "channels"))
    if any(type(size) is not int or size < 1 for size in image):
        raise BadFile(f"{path}: image is {metadata['image']}, expected height, width and channels")
    return image  # type: ignore[return-value]


ELEMENTS = {"F32": "<f4", "U32": "<u4", "I32": "<i4", "U8": "u1"}
LONGEST_HEADER = 2**24
MOST_AXES = 64


def read_safetensors(path: str | Path) -> tuple[Arrays, Metadata]:
    """Arrays by name, and the metadata. Arrays of types other than ELEMENTS are left out.

    The format: 8 bytes of header length (little-endian), a JSON header with the type, shape and
    place of each array, then the values, without a hole. Nothing in a file is ever executed. Raises
    BadFile.
    """

    def fail(detail: str) -> NoReturn:
        raise BadFile(f"{path}: {detail}")

    data = Path(path).read_bytes()
    if data.startswith(b"version https://git-lfs"):
        fail("a Git LFS pointer in place of the file (git lfs pull fetches it)")
    if data.startswith(b"PK\3\4"):
        fail("a ZIP archive, perhaps of torch.save; expected a safetensors file")
    length = int.from_bytes(data[:8], "little")
    if length > LONGEST_HEADER or data[8:9] not in (b"{", b""):
        fail("not a safetensors file")
    if len(data) < 8 or length > len(data) - 8:
        fail(f"ends after {len(data)} bytes, within the header")
    text, values = data[8 : 8 + length], data[8 + length :]
    header = parse_json(text, f"{path}: header")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or any(type(v) is not str for v in metadata.values()):
        fail("the metadata are not strings by name")

    places = []
    for name, entry in header.items():
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            fail(f"{name!r} does not have dtype, shape and data_offsets")
        dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if not isinstance(dtype, str):
            fail(f"{name!r} has a dtype that is not a name")
        if not is_counts(shape) or not is_counts(offsets) or len(offsets) != 2:
            fail(f"{name!r} has a shape or data_offsets that are not whole numbers")
        if len(shape) > MOST_AXES or offsets[0] > offsets[1]:
            fail(f"{name!r} has too many axes, or data_offsets that go backwards")
        size = math.prod(shape) * np.dtype(ELEMENTS[dtype]).itemsize if dtype in ELEMENTS else None
        if size not in (None, offsets[1] - offsets[0]):
            fail(f"{name!r} does not fit its data_offsets {offsets}")
        places.append((*offsets, name))
    at = 0
    for begin, end, name in sorted(places):
        if begin != at:
            fail(f"a hole before {name!r}, or an overlap")
        at = end
    if at != len(values):
        fail(f"{len(values)} bytes of values, expected {at}")

    check_hashes(metadata, text, values, fail)
    arrays = {}
    for begin, end, name in places:
        if header[name]["dtype"] not in ELEMENTS:
            continue
        flat = np.frombuffer(values[begin:end], ELEMENTS[header[name]["dtype"]])
        try:
            arrays[name] = flat.reshape(header[name]["shape"])
        except ValueError:
            fail(f"{name!r} has a shape that NumPy does not have")
    return arrays, metadata


def check_hashes(
    metadata: Metadata, header: bytes, values: bytes, fail: Callable[[str], NoReturn]
) -> None:
    """Checks the SHA-256 hashes of values and header, where the metadata have them."""
    payload, own = metadata.get("payload_sha256"), metadata.get("header_sha256")
    if payload is not None and hashlib.sha256(values).hexdigest() != payload:
        fail("the values do not match their hash")
    if own is not None:
        # The header was hashed with zeros in the place of its own hash.
        mark = b'"header_sha256":"'
        blank = header.replace(mark + own.encode(), mark + b"0" * 64, 1)
        if hashlib.sha256(blank).hexdigest() != own:
            fail("the header does not match its hash")


def write_safetensors(path: str | Path, arrays: Arrays, metadata: Metadata) -> None:
    """Writes float32 arrays under these names. `metadata` may be another checkpoint's: its hashes,
    which would be wrong, are left out, and that of the new values is put in."""
    little = {name: np.ascontiguousarray(array, "<f4") for name, array in sorted(arrays.items())}
    values = b"".join(array.tobytes() for array in little.values())
    strings = {key: text for key, text in metadata.items() if not key.endswith("_sha256")}
    strings["payload_sha256"] = hashlib.sha256(values).hexdigest()
    header: dict[str, Any] = {"__metadata__": strings}
    at = 0
    for name, array in little.items():
        end = at + array.nbytes
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # so that the values are aligned
    write_whole(path, lambda file: file.write(len(text).to_bytes(8, "little") + text + values))


def is_counts(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)


def parse_json(text: str | bytes, name: str | Path) -> Any:
    """JSON without NaN and without a key twice in one object. Raises BadFile naming `name`."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a key is there twice")
        return dict(pairs)

    def no_constant(word: str) -> NoReturn:
        raise ValueError(f"{word} is not JSON")

    def no_minus_zero(digits: str) -> int:
        if digits == "-0":
            raise ValueError("-0 is no count")
        return int(digits)

    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8")
        return json.loads(
            decoded,
            object_pairs_hook=unique,
            parse_constant=no_constant,
            parse_int=no_minus_zero,
        )
    except (ValueError, RecursionError) as error:
        raise BadFile(f"{name}: not JSON ({one_line(error)})") from None


# --- Images ---------------------------------------------------------------------------------------

LARGEST_IMAGES = 2**30  # bytes


def read_images(path: str | Path) -> np.ndarray:
    """[n, height, width, channels], bytes or floats, of an IDX or a .npy file. Raises BadFile."""
    with open(path, "rb") as file:
        magic = file.read(6)
    images = read_npy(path) if magic == b"\x93NUMPY" else read_idx(path, magic[:2] == b"\x1f\x8b")
    return images[..., None] if images.ndim == 3 else images


def read_idx(path: str | Path, compressed: bool) -> np.ndarray:
    """IDX: 0, 0, 8 (bytes), 3 (axes), three sizes of 4 bytes (big-endian), then the pixels."""
    opened: Any = gzip.open if compressed else open
    try:
        with opened(path, "rb") as file:
            head = file.read(16)
            if len(head) < 16 or head[:4] != b"\x00\x00\x08\x03":
                raise BadFile(f"{path}: neither an IDX file of images nor a .npy file")
            shape = tuple(int.from_bytes(head[i : i + 4], "big") for i in (4, 8, 12))
            count = math.prod(shape)
            if not 0 < count <= LARGEST_IMAGES:
                raise BadFile(f"{path}: sizes {list(shape)}, expected 1 to {LARGEST_IMAGES} bytes")
            pixels = file.read(count)
            more = file.read(1)  # at the end of a gzip file this checks its checksum
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadFile(f"{path}: damaged gzip file ({one_line(error)})") from None
    if len(pixels) < count or more:
        raise BadFile(f"{path}: {'more' if more else 'less'} than the {count} pixels of its header")
    return np.frombuffer(pixels, np.uint8).reshape(shape)


def read_npy(path: str | Path) -> np.ndarray:
    with open(path, "rb") as file:
        try:
            images = np.lib.format.read_array(file, allow_pickle=False)
        except OSError:
            raise
        except Exception as error:  # damaged headers raise errors of many kinds
            raise BadFile(f"{path}: not a sound .npy file ({one_line(error)})") from None
        if file.read(1):
            raise BadFile(f"{path}: bytes behind the array")
    if images.ndim not in (3, 4) or 0 in images.shape:
        raise BadFile(
            f"{path}: an array of shape {list(images.shape)}, expected [n, height, width] or"
            " [n, height, width, channels]"
        )
    return images


def one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__


def write_whole(path: str | Path, write: Callable[[BinaryIO], Any]) -> None:
    """Writes a file beside its place and renames it, so that no half-written one is left."""
    part = Path(f"{path}.{os.getpid()}.part")
    try:
        with open(part, "wb") as file:
            write(file)
        os.replace(part, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()


# --- The program ----------------------------------------------------------------------------------


class Model(Protocol):
    """What the program needs of a model."""

    image: Image

    def reconstruction_logits(self, x: np.ndarray) -> np.ndarray:
        """x and the result: [n, channels, height, width]."""


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def command_line(description: str) -> Parser:
    def positive(text: str) -> int:
        if not text.isdecimal() or int(text) < 1:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
        return int(text)

    def npy(text: str) -> str:
        if not text.endswith(".npy"):
            raise argparse.ArgumentTypeError(f"{text!r} does not end in .npy")
        return text

    raw = argparse.RawDescriptionHelpFormatter
    parser = Parser(description=description, formatter_class=raw, allow_abbrev=False)
    parser.add_argument("checkpoint", help="RUN/checkpoints/NAME.safetensors")
    parser.add_argument("images", help="IDX file, plain or gzip, or .npy file")
    parser.add_argument("--count", type=positive, metavar="N", help="the first N images only")
    parser.add_argument("--out", type=npy, metavar="FILE.npy", help="save the reconstructions")
    return parser


def run(arguments: argparse.Namespace, load: Callable[[str, Image], Model]) -> np.ndarray:
    """Reconstructs the images, prints the term, saves and returns the reconstructions."""
    images = read_images(arguments.images)[: arguments.count]
    height, width, channels = images.shape[1:]
    model = load(arguments.checkpoint, (height, width, channels))
    nats = []

    def reconstruct(part: np.ndarray) -> np.ndarray:
        try:
            x = to_pixels(part, model.image)
        except ValueError as error:
            raise BadFile(f"{arguments.images}: {error}") from None
        logits = model.reconstruction_logits(x)
        nats.append(bernoulli_nats(logits, x))
        return to_images(sigmoid(logits))

    reconstructions = in_batches(reconstruct, images)
    mean = np.concatenate(nats).mean()
    print(f"reconstruction {mean:.4f} nats per sample over {len(images)} images")
    if arguments.out:
        write_whole(arguments.out, lambda file: np.save(file, reconstructions))
        print(f"reconstructions {arguments.out}")
    return reconstructions


def exit_with(program: str, body: Callable[[], Any]) -> NoReturn:
    """Ends the process; what is wrong with a file is one line on stderr."""
    try:
        body()
    except BadFile as error:
        sys.exit(say(f"{program}: {error}", 3))
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        sys.exit(say(f"{program}: {name}{error.strerror or one_line(error)}", 7))
    sys.exit(0)


def say(line: str, status: int) -> int:
    print(line, file=sys.stderr)
    return status


def main() -> NoReturn:
    parser = command_line(__doc__)
    arguments = parser.parse_args()
    exit_with(parser.prog, lambda: run(arguments, load))


if __name__ == "__main__":
    main()
