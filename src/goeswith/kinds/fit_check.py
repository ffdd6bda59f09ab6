"""Whether a product fits another: device, size, connector and the like, as their titles say them.

A title that says nothing of a property fits everything: only a contradiction is a mismatch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final

from goeswith.kinds.phrases import plain

_DEVICES: Final = (
    "iphone",
    "ipad mini",
    "ipad air",
    "ipad pro",
    "ipad",
    "ipod touch",
    "ipod nano",
    "ipod",
    "apple watch",
    "macbook air",
    "macbook pro",
    "macbook",
    "galaxy note",
    "galaxy tab",
    "galaxy s",
    "galaxy",
    "kindle fire",
    "kindle paperwhite",
    "kindle",
    "nexus",
    "pixel",
    "surface",
    "playstation",
    "ps3",
    "ps4",
    "ps5",
    "xbox 360",
    "xbox one",
    "xbox",
    "nintendo switch",
    "wii u",
    "wii",
    "gopro",
    "fitbit",
    "instax",
    "blackberry",
    "dyson",
    "nespresso",
    "dolce gusto",
    "tassimo",
    "keurig",
    "senseo",
    "soda stream",
    "sodastream",
)
_BRANDS: Final = (
    "canon",
    "nikon",
    "sony",
    "panasonic",
    "olympus",
    "fujifilm",
    "pentax",
    "leica",
    "samsung",
    "apple",
    "huawei",
    "motorola",
    "nokia",
    "htc",
    "lg",
    "asus",
    "acer",
    "dell",
    "hp",
    "lenovo",
    "toshiba",
    "brother",
    "epson",
    "lexmark",
    "kodak",
    "dymo",
    "garmin",
    "tomtom",
    "philips",
    "braun",
    "gillette",
    "oral-b",
    "bosch",
    "makita",
    "dewalt",
    "ryobi",
    "karcher",
    "singer",
    "brita",
)
_MODEL: Final = re.compile(r"\b(?=[a-z0-9-]*\d)(?=[a-z0-9-]*[a-z])[a-z0-9][a-z0-9-]{1,11}\b")
_MODEL_NOT: Final = re.compile(
    r"^\d+(?:\.\d+)?(?:-?(?:in|inch|inches|mm|cm|m|ft|feet|foot|gb|tb|mb|oz|ml|cl|l|g|kg|lb|lbs|ct|pk|"
    r"pack|count|piece|pieces|pcs|w|watt|v|volt|mah|hz|khz|mhz|ghz|ms|mp|k|p|i|d|x|way|port|ply|st|nd|"
    r"rd|th|in1|year|yr|ea|set|h|hr|min|sheet|sheets|page|pages|color|colour|tier|outlet|"
    r"channel))$|^(?:a[3-6]|mp3|mp4|h264|1080p|720p|4k|3d|2d|usb[23]|cat[567]e?|v\d|c\d|24k|14k|18k)$"
)
_NUMBER_AFTER: Final = re.compile(
    r"\b(iphone|galaxy s|galaxy note|nexus|ipad|ps|kindle fire)\s*(\d{1,2}[a-z]?|x|xs|xr|se)\b"
)


def _devices(text: str) -> set[str]:
    found = set()
    rest = text
    for device in _DEVICES:
        if re.search(rf"\b{device}s?\b", rest):
            found.add(device)
            rest = re.sub(rf"\b{device}s?\b", " ", rest)
    return found


_DEVICE_AND_MODEL: Final = re.compile(
    rf"\b(?:{'|'.join(sorted(_DEVICES, key=len, reverse=True))})"
    r"(?: ?\d{1,2}[a-z]?(?: (?:plus|pro|max|mini))?| (?:x[rs]?|se))?\b"
)


def device_phrases(title: str) -> set[str]:
    """The devices that a title has, in lower case as it has them, with the model if one follows.

    >>> sorted(device_phrases("Clear case for iPhone 6 Plus / Galaxy S4, not for iPad"))
    ['galaxy s4', 'ipad', 'iphone 6 plus']
    """
    return set(_DEVICE_AND_MODEL.findall(title.lower()))


def _brands(text: str) -> set[str]:
    return {brand for brand in _BRANDS if re.search(rf"\b{brand}\b", text)}


def _models(text: str) -> set[str]:
    named = {f"{name}{number}" for name, number in _NUMBER_AFTER.findall(text)}
    tokens = {token.replace("-", "") for token in _MODEL.findall(text)}
    return named | {token for token in tokens if not _MODEL_NOT.match(token) and len(token) < 9}


def _measures(units: str) -> Callable[[str], set[str]]:
    pattern = re.compile(rf"\b(\d+(?:\.\d+)?)\s*-?\s*(?:{units})\b")
    return lambda text: {f"{float(number):g}" for number in pattern.findall(text)}


def _words(groups: dict[str, str]) -> Callable[[str], set[str]]:
    patterns = {name: re.compile(rf"\b(?:{words})\b") for name, words in groups.items()}
    return lambda text: {name for name, pattern in patterns.items() if pattern.search(text)}


_mm = _measures("mm|millimet(?:er|re)s?")
_inch = _measures('inch(?:es)?|in|"|”')
_paper = _words(
    {"a3": "a3", "a4": "a4", "a5": "a5", "letter": "letter size", "legal": "legal size"}
)

_VALUES: Final[dict[str, Callable[[str], set[str]]]] = {
    "device": _devices,
    "brand": _brands,
    "model": _models,
    "mount": _mm,
    "voltage": _measures("v|volts?"),
    "connector": _words(
        {
            "usb c": r"usb[ -]?c|type[ -]c",
            "lightning": "lightning",
            "micro usb": "micro[ -]?usb",
            "mini usb": "mini[ -]?usb",
            "hdmi": "hdmi",
            "displayport": "display ?port|dp",
            "vga": "vga",
            "dvi": "dvi",
            "30 pin": "30[ -]?pin",
        }
    ),
    "species": _words(
        {
            "dog": "dogs?|pupp(?:y|ies)|canine",
            "cat": "cats?|kittens?|feline",
            "bird": "birds?|parrots?|budgies?",
            "fish": "fish|aquariums?",
            "horse": "horses?|pony|equine",
            "rodent": "rabbits?|hamsters?|guinea pigs?|gerbils?|small animals?",
        }
    ),
    "gender": _words(
        {
            "women": "women'?s?|ladies|lady|womens|girls?'?s?",
            "men": "men'?s?|mens|gents?|boys?'?s?",
        }
    ),
    "age": _words(
        {
            "child": "kids?'?s?|child(?:ren)?'?s?|toddlers?|baby|babies|infants?|girls?|boys?",
            "adult": "adults?|women'?s?|men'?s?|ladies",
        }
    ),
    "diet": _words(
        {"gluten free": "gluten[ -]free", "vegan": "vegan", "sugar free": "sugar[ -]free"}
    ),
}


@lru_cache(maxsize=100_000)
def _values(title: str, what: str) -> frozenset[str]:
    if what in ("size", "dimensions"):
        text = plain(title)
        return frozenset(_paper(text) or _inch(text))
    reader = _VALUES.get(what)
    return frozenset(reader(plain(title))) if reader else frozenset()


def mismatch(source: str, target: str, match: Iterable[str]) -> str | None:
    """Why a target does not fit a source; None where nothing contradicts.

    >>> mismatch("Apple iPhone 6 smartphone", "Leather case for Samsung Galaxy S4", ["device"])
    'device: iphone and galaxy'
    >>> mismatch("Apple iPhone 6 smartphone", "Clear case for iPhone 6", ["device", "model"])

    Args:
        source: title of the product that is looked at.
        target: title of the one that would be shown.
        match: properties that have to match, of `table.FITS`.
    """
    for what in match:
        mine, theirs = _values(source, what), _values(target, what)
        if mine and theirs and not mine & theirs:
            if what in ("device", "model") and _related(mine, theirs):
                continue
            return f"{what}: {', '.join(sorted(mine))} and {', '.join(sorted(theirs))}"
    return None


def _related(mine: frozenset[str], theirs: frozenset[str]) -> bool:
    """Whether one names a family of which the other names a member: ipad mini, m402 and m402dw."""
    return any(
        min(len(a), len(b)) > 3 and (a.startswith(b) or b.startswith(a))
        for a in mine
        for b in theirs
    )
