"""The U-Net: raw counts in, the probability of nucleus out, per pixel. PyTorch.

The names of the modules become the names of the ONNX nodes (``/down0/conv0/Conv``), so they are chosen to be
read there.
"""

from __future__ import annotations

import torch
from torch import nn

# A wide first layer, since its channels have to tell apart brightnesses over a factor of 1000; then narrower,
# since a network for one class on two CPU cores need not be large.
FIRST = 40
WIDTHS = (24, 40, 64, 96)


class Down(nn.Module):
    """Two times Conv 3x3, BatchNorm, ReLU."""

    def __init__(self, inputs: int, between: int, outputs: int) -> None:
        super().__init__()
        # No bias: the BatchNorm behind the convolution would take it out again.
        self.conv0 = nn.Conv2d(inputs, between, 3, padding=1, bias=False)
        self.bn0 = nn.BatchNorm2d(between)
        self.relu0 = nn.ReLU()
        self.conv1 = nn.Conv2d(between, outputs, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu0(self.bn0(self.conv0(x)))
        return self.relu1(self.bn1(self.conv1(x)))


class Up(nn.Module):
    """Twice the resolution, joined with the encoder's map of that resolution; Conv 3x3, BatchNorm, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.widen = nn.ConvTranspose2d(inputs, outputs, 2, stride=2)
        self.conv0 = nn.Conv2d(2 * outputs, outputs, 3, padding=1, bias=False)
        self.bn0 = nn.BatchNorm2d(outputs)
        self.relu0 = nn.ReLU()

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        x = torch.cat([skip, self.widen(x)], dim=1)
        return self.relu0(self.bn0(self.conv0(x)))


class UNet(nn.Module):
    """[N, 1, H, W] counts of 0 to 65535, H and W multiples of 8, to [N, 1, H, W] probabilities.

    Nothing is normalised before the first convolution, as in pipelines that feed the camera's frames
    directly: the first BatchNorm learns the scale of the counts.
    """

    def __init__(self) -> None:
        super().__init__()
        full, half, quarter, eighth = WIDTHS
        self.down0, self.pool0 = Down(1, FIRST, full), nn.MaxPool2d(2)
        self.down1, self.pool1 = Down(full, half, half), nn.MaxPool2d(2)
        self.down2, self.pool2 = Down(half, quarter, quarter), nn.MaxPool2d(2)
        self.bottom = Down(quarter, eighth, eighth)
        self.up2 = Up(eighth, quarter)
        self.up1 = Up(quarter, half)
        self.up0 = Up(half, full)
        self.head = nn.Conv2d(full, 1, 1)
        self.probability = nn.Sigmoid()

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """What the loss is computed from: the probabilities' log odds, [N, 1, H, W]."""
        full = self.down0(x)
        half = self.down1(self.pool0(full))
        quarter = self.down2(self.pool1(half))
        x = self.up2(self.bottom(self.pool2(quarter)), quarter)
        return self.head(self.up0(self.up1(x, half), full))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.probability(self.logits(x))
