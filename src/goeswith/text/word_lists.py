"""Words of an explanation: those that claim nothing, word stems, numbers with their units."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final


def _set(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


WORD: Final = re.compile(r"[^\W_]+(?:[-.'’/&+][^\W_]+)*")
"""A word, with what is written together: USB-C, 2.0, men's."""

FRAME: Final = _set("""
    a an the this that these those it its they them their theirs both either each one two other
    another and or but so also too as at by for from in into of on onto out over to up with within
    is are was were be been being am do does did done has have had having can could may might will
    would which who whom whose where when while because since if than then there here
    person people customer customers buyer buyers shopper shoppers someone somebody
    buy buys buying bought purchase purchases purchased purchasing want wants wanted wanting
    need needs needed needing like likes liked look looking looks
    use uses used using useful usable usage useable able capable
    product products item items thing things something
    type types kind kinds manner sort form part category categories
    relate relates related define defined belong belongs include includes
    go goes going together well along each-other often usually
    similar same
""")
"""Words that make no claim by themselves: every explanation may contain them."""
OPENINGS: Final = _set("""
    they both these this it people customers customer someone bought listed products either one the
    viewed a an
""")
"""First words of an explanation: its subject, never a verb in the imperative."""
PERSONS: Final = _set("""
    he him his himself she her hers herself his/her he/she him/her i me my mine we us our ours
    son daughter wife husband girlfriend boyfriend mother father mom dad brother sister
""")
"""Words for a buyer: no catalogue has them, so a product's own text must contain the word."""
READER: Final = _set("you your yours yourself please let lets let's")
NEGATIONS: Final = _set(
    "no not never none nothing without neither nor cannot can't don't doesn't isn't aren't"
)
EVERY: Final = _set("both each all same either share shares")
"""With one of these words, a statement is about both products."""
_NUMBERS: Final = {
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
    "ten": "10",
    "twelve": "12",
    "dozen": "12",
    "hundred": "100",
    "thousand": "1000",
    "double": "2",
    "triple": "3",
}

_UNITS: Final = {
    "in": 'in inch inches ″ ” "',
    "ft": "ft foot feet ′",
    "m": "m meter meters metre metres",
    "mm": "mm millimeter millimeters millimetre millimetres",
    "cm": "cm centimeter centimeters centimetre centimetres",
    "gb": "gb gigabyte gigabytes",
    "mb": "mb megabyte megabytes",
    "tb": "tb terabyte terabytes",
    "mah": "mah",
    "v": "v volt volts vdc",
    "w": "w watt watts",
    "a": "amp amps ampere",
    "hz": "hz hertz",
    "mhz": "mhz",
    "ghz": "ghz",
    "oz": "oz ounce ounces",
    "lb": "lb lbs pound pounds",
    "kg": "kg kilogram kilograms",
    "g": "g gram grams",
    "ml": "ml milliliter milliliters millilitre millilitres",
    "l": "l liter liters litre litres",
    "mp": "mp megapixel megapixels",
    "pack": "pack packs pk",
    "pcs": "pcs piece pieces pc count ct",
    "pair": "pair pairs",
    "k": "k karat karats kt",
    "ct": "carat carats ctw cttw",
    "%": "% percent",
    "dpi": "dpi",
    "rpm": "rpm",
    "in1": "in-1",
    "port": "port ports",
    "year": "year years",
    "times": "times x",
    "baskets": "basket baskets",
    "sessions": "session sessions",
    "users": "user users",
}
_UNIT_OF: Final = {name: unit for unit, names in _UNITS.items() for name in names.split()}
_MEASURE: Final = re.compile(
    r"(?<![\w.])(\d+(?:[.,/]\d+)*)\s*-?\s*("
    + "|".join(sorted(map(re.escape, _UNIT_OF), key=len, reverse=True))
    + r")(?![^\W_])",
    re.IGNORECASE,
)


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """A word without its endings, for comparison only: `cables` and `cable` are one."""
    word = word.lower().replace("’", "'").removesuffix("'s").removesuffix("'")
    if len(word) > 4 and word.endswith("ies"):
        word = word[:-3] + "y"
    elif len(word) > 4 and word.endswith(("xes", "ches", "shes", "sses", "zes")):
        word = word[:-2]
    elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed", "er", "or"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            word = word[: -len(ending)]
            if word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    return word[:-1] if word.endswith("e") and len(word) > 4 else word


def words(text: str) -> list[str]:
    """The words of a text, as they are written."""
    return WORD.findall(text)


def joined(word: str) -> str:
    """A name without what is written between its parts: `UV-5R` -> `uv5r`."""
    return re.sub(r"[\W_]", "", word).lower()


def measures(text: str) -> tuple[set[tuple[str, str]], str]:
    """Numbers with their units, as (number, unit), and the text without them."""
    units = {(_number(number), _UNIT_OF[unit.lower()]) for number, unit in _MEASURE.findall(text)}
    return units, _MEASURE.sub(" ", text)


def as_number(word: str) -> str | None:
    """The number that a word is, in digits; None for other words."""
    if re.fullmatch(r"\d+(?:[.,/]\d+)*", word):
        return _number(word)
    return _NUMBERS.get(word.lower())


def _number(digits: str) -> str:
    digits = re.sub(r",(?=\d{3}\b)", "", digits)
    return digits.rstrip("0").rstrip(".") if "." in digits else digits
