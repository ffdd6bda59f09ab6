"""The models that the ranker of shoppers combines, fitted together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from goeswith.core.arrays_file import Arrays
from goeswith.shoppers.shop_counts import ShopCounts
from goeswith.shoppers.tifu_knn import TifuKnn
from goeswith.shoppers.time_frequency import TimeFrequency
from goeswith.shoppers.top_frequency import PersonalThenShop
from goeswith.shoppers.up_cf import UpCf

if TYPE_CHECKING:
    from goeswith.data.catalog import Catalog
    from goeswith.shoppers.base import ShopperModel
    from goeswith.shoppers.histories import Histories


@dataclass(frozen=True)
class Members:
    """Fitted models, and counts of the shop.

    Attributes:
        gp: personal frequency, then that of the shop.
        time: time-aware frequency.
        up_cf: similar shoppers by recent popularity.
        tifu: similar shoppers by decayed frequency.
        counts: of the shop.
        unit: usual days between two baskets, the unit of every age.
    """

    gp: PersonalThenShop
    time: TimeFrequency
    up_cf: UpCf
    tifu: TifuKnn
    counts: ShopCounts
    unit: float

    @classmethod
    def learn(cls, catalog: Catalog, histories: Histories) -> Self:
        """Learn all with their default settings: the trees decide what each is worth."""
        unit = histories.usual_interval
        return cls(
            PersonalThenShop().learn(catalog, histories),
            TimeFrequency().learn(catalog, histories),
            UpCf().learn(catalog, histories),
            TifuKnn().learn(catalog, histories),
            ShopCounts.count(histories, unit),
            unit,
        )

    def __iter__(self) -> Iterator[ShopperModel]:
        yield from (self.gp, self.time, self.up_cf, self.tifu)

    def arrays(self) -> Arrays:
        """The arrays of `restore`."""
        parts: Arrays = {
            f"{member.name}-{name}": value
            for member in self
            for name, value in member.arrays().items()
        }
        return parts | {f"counts-{name}": value for name, value in self.counts.arrays().items()}

    @classmethod
    def restore(cls, arrays: Arrays) -> Self:
        """Restore from `arrays`."""
        counts = ShopCounts.restore(arrays_of(arrays, "counts"))
        unit = float(arrays[f"{TimeFrequency.name}-unit_"])
        restored = cls(PersonalThenShop(), TimeFrequency(), UpCf(), TifuKnn(), counts, unit)
        for member in restored:
            member.restore(arrays_of(arrays, member.name))
        return restored


def arrays_of(arrays: Arrays, part: str) -> Arrays:
    """The arrays of a part, under their own names."""
    prefix = f"{part}-"
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
