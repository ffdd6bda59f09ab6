"""What of a title only says which variant of a product it is: colour, size and pack."""

from __future__ import annotations

import re
from typing import Final
from unicodedata import combining, normalize

_TOKEN: Final = re.compile(r"\d+(?:[.,/]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)?")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SIZE_LETTER: Final = re.compile(r"(\d)\s+[SML]\b")
_UNITS: Final = _words(
    "oz ct lb lbs pk gal fl ml cl dl l ltr litre liter litres liters kg g gm gr gram grams cm mm m "
    "inch inches in ft yd pc pcs piece pieces count pack packs stk st er x"
)
"""After a number they make it a size; the number alone may be a model."""
_BEFORE_SIZE: Final = _words("size eu uk us größe grösse gr taille talla taglia pointure")
"""Before a number or a size they are part of it."""
_SIZES: Final = _words(
    "xxs xs s m l xl xxl xxxl small medium large mini midi maxi jumbo regular petite tall "
    "klein mittel groß gross petit moyen grand pequeño mediano grande"
)
_COLOURS: Final = _words(
    "black white red blue green yellow orange purple violet pink brown grey gray silver gold "
    "golden beige ivory cream turquoise teal navy aqua lilac lavender magenta burgundy maroon "
    "khaki olive charcoal copper bronze anthracite taupe multicolour multicolor multicoloured "
    # German, with the endings of an adjective below
    "silber silbern rosa lila creme petrol türkis oliv bordeaux weinrot anthrazit hellgrau "
    "dunkelgrau hellblau dunkelblau hellgrün dunkelgrün hellbraun dunkelbraun senfgelb "
    "cremeweiß altrosa "
    # French, Spanish and Italian
    "noir noire noirs noires blanc blanche blancs blanches rouge rouges bleu bleue bleus bleues "
    "vert verte verts vertes jaune jaunes rose roses marron gris grise grises argent argenté "
    "argentée doré dorée violette écru écrue kaki camel "
    "negro negra negros negras blanco blanca blancos blancas rojo roja rojos rojas azul azules "
    "verde verdes amarillo amarilla naranja morado morada marrón dorado dorada plateado plateada "
    "nero nera neri nere bianco bianca bianchi bianche rosso rossa rossi rosse blu giallo gialla "
    "grigio grigia marrone arancione dorato argento"
) | {
    colour + ending
    for colour in ("schwarz", "weiss", "weiß", "rot", "blau", "grün", "gelb", "braun", "grau")
    for ending in ("", "e", "er", "es", "en")
}
_PACK: Final = _words("pack packs pk set box boxed bundle of the colour color size assorted")
_PLAIN: Final = frozenset(
    form
    for word in _COLOURS | _SIZES
    for form in (
        word,
        "".join(c for c in normalize("NFKD", word.replace("ß", "ss")) if not combining(c)),
    )
)
_MIN_WORDS: Final = 2
"""Words that have to remain: two products whose titles share one word are not one product."""


def is_variant_word(word: str) -> bool:
    """Whether a word in lower case, with or without accents, is a colour or a size."""
    return word in _PLAIN


def base_title(title: str | None) -> str | None:
    """The words of a title without colour, size and pack, sorted; None where too few remain.

    >>> base_title("Regency teacup, pink"), base_title("PINK Regency Teacup 250 ml")
    ('regency teacup', 'regency teacup')
    >>> base_title("iPhone 12"), base_title("Red")
    ('12 iphone', None)
    """
    # a letter of a size that stands alone, as in "Model 2 L", is no litre
    separate = _SIZE_LETTER.sub(lambda match: f"{match[1]} size ", title or "")
    words = _TOKEN.findall(separate.lower())
    kept: list[str] = []
    at = 0
    while at < len(words):
        word, following = words[at], words[at + 1] if at + 1 < len(words) else ""
        is_size = word[0].isdigit() and following in _UNITS
        before_size = following[:1].isdigit() or following in _SIZES
        if is_size or (word in _BEFORE_SIZE and before_size):
            at += 2
            continue
        if word not in _COLOURS and word not in _SIZES and word not in _PACK:
            kept.append(word)
        at += 1
    return " ".join(sorted(kept)) if len(kept) >= _MIN_WORDS else None
