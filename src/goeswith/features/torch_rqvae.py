"""RQ-VAE: codes that a small autoencoder learns (Zeghidour et al., 2021; Rajput et al., 2023)."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from goeswith.core.arrays import Floats
from goeswith.features.semantic_codes import Codes, residual_codes, spread_last


class RqVae(nn.Module):
    """Encoder, codebooks of each level, decoder."""

    def __init__(self, dimension: int, latent: int, levels: int, size: int) -> None:
        super().__init__()
        hidden = max(latent, dimension)
        self.encoder = nn.Sequential(
            nn.Linear(dimension, hidden), nn.GELU(), nn.Linear(hidden, latent)
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent, hidden), nn.GELU(), nn.Linear(hidden, dimension)
        )
        self.books = nn.Parameter(torch.zeros(levels, size, latent))

    def quantised(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Codes (b, levels), their sum (b, latent) and the loss of what each level leaves."""
        left, total, loss, codes = z, torch.zeros_like(z), z.new_zeros(()), []
        for book in self.books:
            chosen = torch.cdist(left.detach(), book).argmin(dim=1)
            centre = book[chosen]
            # codebooks follow what they stand for; the encoder commits to them, by a quarter
            loss = loss + functional.mse_loss(centre, left.detach())
            loss = loss + 0.25 * functional.mse_loss(left, centre.detach())
            codes.append(chosen)
            total, left = total + centre, left - centre.detach()
        return torch.stack(codes, dim=1), total, loss

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Loss of a batch (b, d): reconstruction through the codes, and quantisation."""
        z = self.encoder(x)
        _, total, loss = self.quantised(z)
        through = z + (total - z).detach()  # gradients pass as if nothing were rounded
        return functional.mse_loss(self.decoder(through), x) + loss


def rq_vae_codes(
    vectors: Floats,
    levels: int,
    size: int,
    seed: int,
    *,
    latent: int = 32,
    epochs: int = 60,
    batch: int = 256,
    learning_rate: float = 1e-3,
    spread: bool = False,
) -> Codes:
    """(n, levels) codes of vectors (n, d), by a residual-quantised autoencoder.

    Codebooks start as the residual k-means of what the untrained encoder says, and codes that
    nothing took in an epoch start again at what is quantised worst: both keep books in use.

    Args:
        vectors: (n, d); columns are scaled to a variance of 1.
        levels: how many.
        size: codes of a level.
        seed: of every draw.
        latent: length of what is quantised.
        epochs: passes over the vectors.
        batch: vectors in a step.
        learning_rate: Adam's step size.
        spread: see `residual_codes`.
    """
    scaled = (vectors - vectors.mean(axis=0)) / np.maximum(vectors.std(axis=0), 1e-6)
    x = torch.from_numpy(scaled.astype(np.float32))
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = RqVae(x.shape[1], min(latent, x.shape[1]), levels, size)
    _begin(model, x, seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    for _ in range(epochs):
        for rows in np.array_split(rng.permutation(len(x)), max(len(x) // batch, 1)):
            loss = model(x[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        _revive(model, x)
    with torch.no_grad():
        z = model.encoder(x)
        codes: Codes = model.quantised(z)[0].numpy()
        if not spread:
            return codes
        for book, level in zip(model.books[:-1], codes.T, strict=False):
            z = z - book[level]
        return spread_last(codes, torch.cdist(z, model.books[-1]).numpy(), size)


@torch.no_grad()
def _begin(model: RqVae, x: torch.Tensor, seed: int) -> None:
    z = model.encoder(x)
    levels, size, _ = model.books.shape
    codes = torch.from_numpy(residual_codes(z.numpy(), levels, size, seed))
    left = z
    for level, book in enumerate(model.books):
        sums = torch.zeros_like(book).index_add_(0, codes[:, level], left)
        count = torch.bincount(codes[:, level], minlength=size)[:, None]
        book.copy_(sums / count.clamp(min=1))
        left = left - book[codes[:, level]]


@torch.no_grad()
def _revive(model: RqVae, x: torch.Tensor) -> None:
    left = model.encoder(x)
    for book in model.books:
        distance, chosen = torch.cdist(left, book).min(dim=1)
        unused = torch.bincount(chosen, minlength=len(book)) == 0
        worst = distance.argsort(descending=True)[: int(unused.sum())]
        book[torch.nonzero(unused)[: len(worst), 0]] = left[worst]
        left = left - book[torch.cdist(left, book).argmin(dim=1)]
