"""How far the uncertainty of the BGA weights reaches: compositions of a site under weights drawn at random.

The weights of Table 1 are judgements. Each that is not zero is multiplied by a random factor of mean 1 (lognormal, so
no weight turns negative and the scale of a table does not matter); a zero says "none" and stays. Draw k uses the same
weights at every site, so that the draws of several sites can be compared with each other.
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..classes import slug
from ..errors import InputError
from .composition import compose
from .weights import WeightTable

#: The middle 95 % of the draws.
BAND = (2.5, 97.5)
_MAGIC = b"BGA1"
_HEAD = struct.Struct("<4sI")


@dataclass(frozen=True)
class DrawnWeights:
    """A weight table, and its weights in each draw: (draws, 3) by the name of the class in the table."""

    table: WeightTable
    draws: int
    weights: Mapping[str, np.ndarray]

    def compositions(self, shares: Mapping[str, float]) -> np.ndarray | None:
        """The normalised composition in each draw: (draws, 3) float64, biophony, geophony, anthrophony.

        shares: as :func:`soundvis_core.bga.composition.compose` takes them. None where the site has no normalised
        composition. Raises SiteError where that does.
        """
        if compose(shares, self.table).normalised is None:
            return None
        raw = np.zeros((self.draws, 3))
        for name, share in shares.items():
            row = self.table.row(name)
            if row is not None and row.weights is not None:
                raw += float(share) * self.weights[row.name]
        raw /= raw.max(
            axis=1, keepdims=True
        )  # first, so that the sum stays in range whatever the scale of the weights
        normalised: np.ndarray = raw / raw.sum(axis=1, keepdims=True)
        return normalised


def draw_weights(table: WeightTable, draws: int, spread: float, seed: int) -> DrawnWeights:
    """``draws`` versions of a weight table.

    spread: coefficient of variation of each weight (standard deviation over mean), 0.3 for 30 %. The factors are
    independent between tables, classes and categories. The same table, spread and seed give the same weights.

    Raises InputError for fewer than 2 draws, or a spread that is not positive and finite.
    """
    if draws < 2:
        raise InputError(f"The number of draws is {draws}; a band needs at least 2.")
    if not (math.isfinite(spread) and spread > 0.0):
        raise InputError(f"The uncertainty of the weights is {spread}; it has to be above 0.")
    sigma = math.sqrt(math.log1p(spread * spread))
    drawn: dict[str, np.ndarray] = {}
    for row in table.rows:
        # By table and class: what another row or another table says changes nothing here, and two tables with one seed
        # do not vary together.
        generator = np.random.default_rng([seed, zlib.crc32(f"{table.name}\n{slug(row.name)}".encode())])
        factors = np.exp(sigma * generator.standard_normal((draws, 3)) - sigma * sigma / 2.0)
        if row.weights is not None:
            drawn[row.name] = np.asarray(row.weights) * factors
    return DrawnWeights(table, draws, drawn)


def bands(compositions: np.ndarray) -> list[tuple[float, float]]:
    """Per category the values between which the middle 95 % of the draws lie; ``compositions`` is (draws, 3)."""
    low, high = np.percentile(compositions, BAND, axis=0)
    return list(zip(low.tolist(), high.tolist()))


def pack_draws(compositions: np.ndarray) -> bytes:
    """Compositions (draws, 3) as bytes: a head, and float16 numbers, little-endian; :func:`unpack_draws` reads them."""
    head = _HEAD.pack(_MAGIC, len(compositions))
    return head + np.ascontiguousarray(compositions, dtype="<f2").tobytes()


def draws_text(data: bytes) -> str:
    """The bytes of :func:`pack_draws` as text (base64), for formats that hold no bytes."""
    return base64.b64encode(data).decode("ascii")


def unpack_draws(data: bytes | str) -> np.ndarray:
    """The compositions that were packed: (draws, 3) float16. Raises ValueError for anything else."""
    if isinstance(data, str):
        try:
            data = base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueError("the text is not base64") from error
    if len(data) < _HEAD.size or data[:4] != _MAGIC:
        raise ValueError("it does not begin as compositions of draws do")
    _, draws = _HEAD.unpack_from(data)
    if len(data) != _HEAD.size + 6 * draws or draws == 0:
        raise ValueError("its length does not fit the number of draws in it")
    return np.frombuffer(data, dtype="<f2", offset=_HEAD.size).reshape(draws, 3)
