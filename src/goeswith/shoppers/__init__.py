"""Models of the next basket of a shopper, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from goeswith.models.registry import Registry

if TYPE_CHECKING:
    from goeswith.shoppers.base import ShopperModel

_WHERE: Final = {
    "g_topfreq": "goeswith.shoppers.top_frequency:ShopFrequency",
    "p_topfreq": "goeswith.shoppers.top_frequency:PersonalFrequency",
    "gp_topfreq": "goeswith.shoppers.top_frequency:PersonalThenShop",
    "time_frequency": "goeswith.shoppers.time_frequency:TimeFrequency",
    "up_cf": "goeswith.shoppers.up_cf:UpCf",
    "tifu_knn": "goeswith.shoppers.tifu_knn:TifuKnn",
    "shopper_ranker": "goeswith.shoppers.shopper_ranker:ShopperRanker",
}

SHOPPER_MODELS: Final[Registry[ShopperModel]] = Registry(
    "shopper model", _WHERE, "goeswith.shopper_models", "goeswith.shoppers.base:ShopperModel"
)
