"""RQ-VAE: semantic codes of a small autoencoder (Zeghidour et al., 2021; Rajput et al., 2023)."""

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
        self.codebooks = nn.Parameter(torch.zeros(levels, size, latent))

    def quantise(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Codes (b, levels), sum of their vectors (b, latent) and the loss of the residuals."""
        residuals, total, loss, codes = z, torch.zeros_like(z), z.new_zeros(()), []
        for codebook in self.codebooks:
            nearest = torch.cdist(residuals.detach(), codebook).argmin(dim=1)
            centre = codebook[nearest]
            # codebooks follow the residuals; the encoder commits to them, by a quarter
            loss = loss + functional.mse_loss(centre, residuals.detach())
            loss = loss + 0.25 * functional.mse_loss(residuals, centre.detach())
            codes.append(nearest)
            total, residuals = total + centre, residuals - centre.detach()
        return torch.stack(codes, dim=1), total, loss

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Loss of a batch (b, d): reconstruction through the codes, and quantisation."""
        z = self.encoder(x)
        _, total, loss = self.quantise(z)
        straight_through = z + (total - z).detach()  # gradients pass as if nothing were rounded
        return functional.mse_loss(self.decoder(straight_through), x) + loss


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

    Codebooks start as the residual k-means of the untrained encoder's output, and codes without
    a vector in an epoch restart at the vectors with the largest error: both keep codes in use.

    Args:
        vectors: (n, d); columns are scaled to a variance of 1.
        levels: how many.
        size: codes of a level.
        seed: of every draw.
        latent: length of a quantised vector.
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
    _initialise_codebooks(model, x, seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    for _ in range(epochs):
        for rows in np.array_split(rng.permutation(len(x)), max(len(x) // batch, 1)):
            loss = model(x[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        _restart_unused_codes(model, x)
    with torch.no_grad():
        z = model.encoder(x)
        codes: Codes = model.quantise(z)[0].numpy()
        if not spread:
            return codes
        for codebook, level in zip(model.codebooks[:-1], codes.T, strict=False):
            z = z - codebook[level]
        return spread_last(codes, torch.cdist(z, model.codebooks[-1]).numpy(), size)


@torch.no_grad()
def _initialise_codebooks(model: RqVae, x: torch.Tensor, seed: int) -> None:
    z = model.encoder(x)
    levels, size, _ = model.codebooks.shape
    codes = torch.from_numpy(residual_codes(z.numpy(), levels, size, seed))
    residuals = z
    for level, codebook in enumerate(model.codebooks):
        sums = torch.zeros_like(codebook).index_add_(0, codes[:, level], residuals)
        count = torch.bincount(codes[:, level], minlength=size)[:, None]
        codebook.copy_(sums / count.clamp(min=1))
        residuals = residuals - codebook[codes[:, level]]


@torch.no_grad()
def _restart_unused_codes(model: RqVae, x: torch.Tensor) -> None:
    residuals = model.encoder(x)
    for codebook in model.codebooks:
        distances, nearest = torch.cdist(residuals, codebook).min(dim=1)
        unused = torch.bincount(nearest, minlength=len(codebook)) == 0
        worst = distances.argsort(descending=True)[: int(unused.sum())]
        codebook[torch.nonzero(unused)[: len(worst), 0]] = residuals[worst]
        residuals = residuals - codebook[torch.cdist(residuals, codebook).argmin(dim=1)]
