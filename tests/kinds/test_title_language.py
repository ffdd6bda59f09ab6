"""In a shop whose titles are not English, names of its language decide before English phrases."""

import pytest

from goeswith.data.catalog import Catalog
from goeswith.kinds.catalog_kinds import tag_catalog
from goeswith.kinds.tagger import shared_tagger
from goeswith.kinds.title_clusters import head_noun
from goeswith.kinds.title_language import shop_language

FRENCH = [
    "Jupe plissée midi", "Chemisier en soie", "Bottines en cuir", "Manteau en laine",
    "Soutien-gorge balconnet", "Maillot de bain une pièce", "Collants opaques", "Blazer cintré",
]  # fmt: skip
ENGLISH = ["Leather boots", "Silk blouse", "Pleated skirt", "Wool coat", "Tea towel", "Teapot"]


@pytest.mark.parametrize(
    ("titles", "language"),
    [(FRENCH, "fr"), (ENGLISH, None), (ENGLISH * 2 + FRENCH[:4], None), ([None, "4711"], None)],
)
def test_the_language_of_a_shop_is_that_of_most_titles(titles, language):
    assert shop_language(titles, shared_tagger()) == language


def test_a_french_word_that_is_english_too_is_french_in_a_french_shop():
    own = ["Robe portefeuille", "Robe longue fleurie", "Chemise en lin", "Chemise de nuit coton"]
    records = [{"product_id": str(i), "title": title} for i, title in enumerate(FRENCH + own)]
    kinds = [tag.kind for tag in tag_catalog(Catalog.from_records(records))][-4:]
    assert kinds == ["casual_dress", "casual_dress", "casual_shirt", "nightdress"]
    alone = [{"product_id": "a", "title": own[0]}, {"product_id": "b", "title": "Silk blouse"}]
    assert tag_catalog(Catalog.from_records(alone))[0].kind == "dressing_gown"


@pytest.mark.parametrize(
    ("title", "noun"),
    [("Sac bandoulière noir", "bandouliere"), ("Bird screen white", "screen"), ("Weiß", None)],
)
def test_a_colour_is_no_head_noun(title, noun):
    assert head_noun(title) == noun


def test_furniture_and_medicine_have_names_in_german():
    records = [
        {"product_id": title, "title": title}
        for title in ("Pendelleuchte Rattan", "Filzgleiter selbstklebend", "Eisen Kapseln 60 Stück")
    ]
    kinds = [tag.kind for tag in tag_catalog(Catalog.from_records(records))]
    assert kinds == ["ceiling_light", "furniture_pad", "mineral_supplement"]
