"""Trains the U-Net on generated fields and exports it to ONNX. Needs PyTorch, onnx and numpy.

    python models/unet/train.py --out models/unet/unet.onnx

It runs on a GPU where PyTorch finds one, else on the CPU (there, take fewer steps and fields to try it out).
The seeds are fixed; sums on a GPU are not, so that two trainings agree in quality, not bit for bit.
"""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import generate
import numpy as np
import torch
from network import UNet
from torch import nn

TRAINING_STREAM = 1
LEARNING_RATE = 3e-3
# For the last part of the training BatchNorm uses the statistics that it will use in the exported network.
# Brightness differs by a factor of 1000 between fields, so that a batch's own statistics are a poor estimate.
FROZEN_SHARE = 0.3

log = logging.getLogger("train")


def main() -> None:
    options = arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    images, masks = fields(options.fields)
    log.info("%d fields, training on %s", len(images), device)
    network = UNet().to(device)
    train(network, images.to(device), masks.to(device), options.steps, options.batch)
    export(network.cpu().eval(), options.out)
    log.info("IoU on the evaluation set %.4f, by kind %s", *evaluate(network))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train the U-Net and export it to ONNX.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "unet.onnx")
    parser.add_argument("--fields", type=int, default=6000, help="generated fields to train on")
    parser.add_argument("--steps", type=int, default=12000)
    parser.add_argument("--batch", type=int, default=24)
    return parser.parse_args()


def fields(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Images [count, 1, 256, 256] as float32 counts and masks of the same shape, dim, mixed, bright in turn."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        samples = list(pool.map(field, range(count), chunksize=16))
    images = np.stack([one.image[None].astype(np.float32) for one in samples])
    masks = np.stack([one.mask[None].astype(np.float32) for one in samples])
    return torch.from_numpy(images), torch.from_numpy(masks)


def field(index: int) -> generate.Sample:
    return generate.sample(TRAINING_STREAM, index, generate.KINDS[index % len(generate.KINDS)])


def train(network: UNet, images: torch.Tensor, masks: torch.Tensor, steps: int, batch: int) -> None:
    """Adam on Dice and cross entropy; the learning rate rises over the first tenth and falls along a cosine."""
    optimizer = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=LEARNING_RATE, total_steps=steps, pct_start=0.1)
    freeze = int((1 - FROZEN_SHARE) * steps)
    network.train()
    for step in range(steps):
        if step == freeze:
            settle_statistics(network, images, batch)
        chosen = torch.randint(len(images), (batch,), device=images.device)
        image, mask = augment(images[chosen], masks[chosen])
        value = loss(network.logits(image), mask)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        schedule.step()
        if step % 200 == 0:
            log.info("step %d: loss %.4f", step, value.item())


def augment(image: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """One of the square's eight symmetries, the same for the batch: the camera knows no direction."""
    turns, mirrored = int(torch.randint(4, ())), bool(torch.randint(2, ()))
    image, mask = (torch.rot90(x, turns, (2, 3)) for x in (image, mask))
    return (image.flip(3), mask.flip(3)) if mirrored else (image, mask)


def loss(logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Cross entropy of the pixels plus one minus the Dice overlap of each image."""
    probability = torch.sigmoid(logits)
    overlap = (probability * mask).sum((1, 2, 3))
    total = (probability + mask).sum((1, 2, 3))
    dice = (2 * overlap + 1) / (total + 1)
    return nn.functional.binary_cross_entropy_with_logits(logits, mask) + (1 - dice).mean()


@torch.no_grad()
def settle_statistics(network: UNet, images: torch.Tensor, batch: int) -> None:
    """Sets the BatchNorms to the mean of their statistics over all fields, and keeps them there."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over the batches
    for chosen in batches(len(images), batch):
        network.logits(images[chosen])
    for norm in norms:
        norm.eval()


def batches(count: int, batch: int) -> Iterator[torch.Tensor]:
    """All indices once, in a random order."""
    yield from torch.randperm(count).split(batch)


def export(network: UNet, path: Path) -> None:
    """Writes the ONNX: opset 17, any batch size, Conv, BatchNormalization and Relu as nodes of their own.

    The exporter would fold BatchNormalization into Conv; a network that comes from a training framework as
    it is has them apart, and it is the numbers between them that the example is about.
    """
    torch.onnx.export(
        network,
        (torch.zeros(1, 1, generate.SIZE, generate.SIZE),),
        path,
        input_names=["image"],
        output_names=["mask"],
        dynamic_axes={"image": {0: "N"}, "mask": {0: "N"}},
        opset_version=17,
        dynamo=False,  # the older exporter names nodes by module
        training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=False,
    )


@torch.no_grad()
def evaluate(network: UNet) -> tuple[float, dict[str, float]]:
    """IoU at the threshold 0.5 over all pixels of the evaluation set, and for each kind of field."""
    overlap = np.zeros((2, len(generate.KINDS)))
    for index, one in enumerate(generate.evaluation()):
        image = torch.from_numpy(one.image.astype(np.float32))[None, None]
        found = network(image)[0, 0].numpy() > 0.5
        overlap[:, index % len(generate.KINDS)] += (found & one.mask).sum(), (found | one.mask).sum()
    by_kind = dict(zip(generate.KINDS, (overlap[0] / overlap[1]).round(4).tolist(), strict=True))
    return float(overlap[0].sum() / overlap[1].sum()), by_kind


if __name__ == "__main__":
    main()
