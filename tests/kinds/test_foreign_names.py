"""Titles in other languages than English."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.kinds.foreign_names import ForeignNames
from goeswith.kinds.table import Kind, KindTable
from goeswith.kinds.table_reader import load_table
from goeswith.kinds.tagger import Tagger, shared_tagger


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return shared_tagger()


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Keramiktasse mit Weihnachtsmotiv", "mug"),
        ("2 Stück Geschirrtücher aus Baumwolle", "tea_towel"),
        ("Handyhülle für iPhone 12, schwarz", "phone_case"),
        ("Bouilloire électrique inox 1,7 L", "electric_kettle"),
        ("Rideaux occultants 140x260 cm", "curtain"),
        ("Coque pour iPhone 12", "phone_case"),
        ("Taza de cerámica blanca 350 ml", "mug"),
        ("Cojines decorativos 45x45", "cushion"),
        ("Aceite de oliva virgen extra 1 L", "olive_oil"),
        ("Tovaglia in cotone 140x180", "tablecloth"),
        ("Cuscini decorativi per divano", "cushion"),
        ("Bollitore elettrico in acciaio", "electric_kettle"),
        ("【送料無料】マグカップ 北欧 おしゃれ 350ml", "mug"),
        ("ステンレス水筒 500ml", "water_bottle"),
        ("パンダ ぬいぐるみ", "soft_toy"),
    ],
)
def test_titles_in_other_languages_have_a_kind(tagger: Tagger, title: str, kind: str) -> None:
    assert tagger.tag(title).kind == kind


def test_most_names_are_tagged_as_their_kind(tagger: Tagger) -> None:
    for language, names in tagger.table.names.items():
        every = [(name, kind) for kind, texts in names.items() for name in texts]
        right = sum(tagger.tag(name).kind == kind for name, kind in every)
        # the rest are English phrases of another kind, such as "casserole"
        assert right / len(every) > 0.88, language


def _table(names: dict[str, dict[str, tuple[str, ...]]]) -> KindTable:
    kinds = {
        kind: Kind(kind, kind.replace("_", " "), "all", None, use="durable")
        for kind in ("sofa", "cushion", "bread")
    }
    return KindTable(kinds=kinds, names=names)


def test_a_foreign_phrase_never_overrides_an_english_one() -> None:
    tagger = Tagger(_table({"fr": {"bread": ("sofa", "cushion sofa", "velours")}}))
    assert tagger.tag("Sofa").kind == "sofa"
    assert tagger.tag("Blue velours sofa").kind == "sofa"
    assert tagger.tag("Velours").kind == "bread"
    # an English phrase in the type, too
    assert tagger.tag("Velours", type="Sofa").kind == "sofa"


def test_a_name_before_a_preposition_says_what_the_product_is() -> None:
    tagger = Tagger(_table({"fr": {"cushion": ("coussin",)}}))
    assert tagger.tag("Coussin pour sofa").kind == "cushion"
    # without a name in front, the word is no preposition: "easy pour"
    assert tagger.tag("Easy pour sofa").kind == "sofa"


def test_japanese_names_do_not_end_inside_a_word() -> None:
    names = ForeignNames(_table({"ja": {"bread": ("パン",), "sofa": ("ソファ",)}}), set())
    assert [match.kind for match in names.matches("パン 6枚切り")] == ["bread"]
    assert names.matches("パンダ") == []
    best, other = names.matches("ソファ用 パン")
    assert (best.kind, other.position) == ("bread", "modifier")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    names = ForeignNames(_table({"de": {"bread": ("Brot",)}, "ja": {"sofa": ("ソファ",)}}), set())
    assert all(match.score > 0 for match in names.matches(text))
    assert isinstance(names.without_modifiers(text), str)


def test_every_language_names_kinds_of_the_table() -> None:
    table = load_table()
    assert set(table.names) == {"de", "es", "fr", "it", "ja"}
    for names in table.names.values():
        assert len(names) >= 400
        assert all(names.values())
