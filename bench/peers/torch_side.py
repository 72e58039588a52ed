"""PyTorch on the CPU as a side of `latentgrad bench --peers`: what a person without a GPU would take.

Answers one JSON a line of standard input, as the other engines' processes do (protocol.ts). Operands, weights,
images and noise come with the questions, already in PyTorch's layouts (torch-data.ts), as base64 of their floats.
"""
import array
import base64
import json
import math
import os
import re
import sys
import time
import traceback

# Threads of two OpenMP runtimes that wait by spinning take the cores from one another, and from the engines
# whose turn it is: without this, single steps of the convolutional VAE took up to eight times as long as the
# shortest. It must be set before torch is imported.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

MARK = "@bench "

torch = None


def processors():
    """How many processors this process may run on."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count()


def blas():
    """The library that computes matrix products, which decides what PyTorch shows.

    Debian's PyTorch takes whatever BLAS the system names, so the libraries that this process has mapped tell,
    where the system shows them; else what PyTorch was built with.
    """
    if torch.backends.mkl.is_available():
        return "MKL"
    try:
        with open("/proc/self/maps") as maps:
            return name_of_blas(set(re.findall(r"/\S+", maps.read())), torch.__config__.show())
    except OSError:
        return name_of_blas((), torch.__config__.show())


def name_of_blas(paths, config):
    """`paths`: of the libraries that are mapped; `config`: what torch.__config__.show() says."""
    for path in sorted(paths):
        folder, file = os.path.split(path)
        if re.match(r"lib(open|flexi)?blas|libblis|libatlas|libarmpl|libnvpl_blas", file):
            if "openblas" in path:
                threads = re.search(r"openblas-(\w+)", folder)
                return f"OpenBLAS ({threads[1]})" if threads else "OpenBLAS"
            if os.path.basename(folder) == "blas":
                return "reference BLAS, which has neither vectors nor threads: install OpenBLAS"
            return re.sub(r"^lib|\.so.*$", "", file)
    built = re.search(r"BLAS_INFO=(\w+)", config)
    return f"{built[1]} BLAS" if built else "unknown BLAS"


def describe():
    """What runs here, for the row of the results."""
    vectors = re.search(r"CPU capability usage: (\S+)", torch.__config__.show())
    parts = [f"PyTorch {torch.__version__}", f"{torch.get_num_threads()} threads"]
    if vectors:
        parts.append(vectors[1])
    if torch.backends.mkldnn.is_available():
        parts.append("oneDNN")
    return ", ".join([*parts, blas()])


def tensor(sent):
    """What was sent as its shape and its floats."""
    values = bytearray(base64.b64decode(sent["values"]))
    return torch.frombuffer(values, dtype=torch.float32).reshape(sent["shape"])


class Product:
    """A matrix product of two operands."""

    def __init__(self, tensors):
        self.first, self.second = tensors["first"], tensors["second"]

    def call(self):
        return self.first @ self.second


def conv(latent):
    """Encoder, width of its last layer, decoder to the pixels' logits: the VAE of the Keras examples."""
    from torch import nn

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
    return encoder, 16, decoder


def dense(latent):
    """784-400-z-400-784."""
    from torch import nn

    encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 400), nn.ReLU())
    decoder = nn.Sequential(
        nn.Linear(latent, 400), nn.ReLU(), nn.Linear(400, 784), nn.Unflatten(1, (1, 28, 28))
    )
    return encoder, 400, decoder


class Step:
    """The training step of a VAE with its state: the negative ELBO of Bernoulli pixels, Adam."""

    def __init__(self, network, latent, adam, tensors):
        from torch import nn

        encoder, features, decoder = {"conv": conv, "dense": dense}[network](latent)
        head = nn.Linear(features, 2 * latent)
        self.model = nn.ModuleDict({"encoder": encoder, "head": head, "decoder": decoder})
        self.images = tensors.pop("images")
        # Every name must be there and no other.
        self.model.load_state_dict(tensors)
        self.optimiser = torch.optim.Adam(
            self.model.parameters(),
            lr=adam["learningRate"], betas=(adam["beta1"], adam["beta2"]), eps=adam["epsilon"],
        )

    def loss(self, noise):
        from torch.nn import functional as F

        mean, log_variance = self.model["head"](self.model["encoder"](self.images)).chunk(2, dim=1)
        logits = self.model["decoder"](mean + torch.exp(0.5 * log_variance) * noise)
        pixels = F.binary_cross_entropy_with_logits(logits, self.images, reduction="none").sum((1, 2, 3))
        kl = 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(1)
        return (pixels + kl).mean()

    def step(self, noise):
        loss = self.loss(noise)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        return loss.item()


class Side:
    """Answers the questions of the comparison."""

    def __init__(self):
        self.prepared = None

    def open(self, _):
        global torch
        import torch

        torch.set_num_threads(processors())
        # The libraries are loaded by what first wants them.
        torch.ones(64, 64) @ torch.ones(64, 64)
        return {"about": describe()}

    def prepare(self, asked):
        self.prepared = None
        task = asked["task"]
        tensors = {name: tensor(sent) for name, sent in asked["tensors"].items()}
        if task["kind"] == "matmul":
            self.prepared = Product(tensors)
        elif task["kind"] == "step":
            self.prepared = Step(task["network"], asked["latent"], asked["adam"], tensors)
        return {"able": self.prepared is not None}

    def read(self, _):
        values = array.array("f", self.prepared.call().flatten().tolist())
        return {"values": base64.b64encode(values.tobytes()).decode()}

    def calls(self, asked):
        begin = time.perf_counter()
        for _ in range(asked["count"]):
            self.prepared.call()
        return {"ms": milliseconds(begin)}

    def step(self, asked):
        noise = tensor(asked["noise"])
        begin = time.perf_counter()
        loss = self.prepared.step(noise)
        # JSON has no NaN.
        return {"ms": milliseconds(begin), "loss": loss if math.isfinite(loss) else None}

    def answer(self, asked):
        begin = time.perf_counter()
        answer = getattr(self, asked["ask"])(asked)
        return {"ms": milliseconds(begin), **answer}


def milliseconds(begin):
    return 1000 * (time.perf_counter() - begin)


def main():
    side = Side()
    for line in sys.stdin:
        try:
            answer = side.answer(json.loads(line))
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(MARK + json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
