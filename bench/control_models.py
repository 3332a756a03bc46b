"""Small models whose way depends on data: for bench/torchscript.py. A file of their own, since
torch.jit.script reads a class's source."""

from typing import List

import torch
from torch import nn


class WhileLoop(nn.Module):
    """Doubles until the values are large: how often, the data decides."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.weight(x)
        n = 0
        while bool(y.abs().sum() < 1000.0) and n < 20:
            y = y * 2 + n
            n += 1
        return y


class DataDependentIf(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(8, 4)
        self.b = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if bool(x.sum() > 0):
            return torch.relu(self.a(x))
        return self.b(x) - 1


class ListOfPieces(nn.Module):
    """A list that grows, a dict, an optional: nothing of it is left in the file."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(8, 8) for _ in range(3)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pieces: List[torch.Tensor] = []
        for i, layer in enumerate(self.layers):
            x = layer(x)
            if i % 2 == 0:
                pieces.append(x)
            else:
                pieces.insert(0, x.neg())
        pieces.append(x.view(x.size(0), 2, 4).sum(1, keepdim=True).expand(x.size(0), 2, 4).flatten(1))
        return torch.cat(pieces, dim=1)
