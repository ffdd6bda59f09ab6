import pytest

from goeswith.data.folder import load_data
from goeswith.evaluation.comparison import benchmark
from goeswith.settings.sections import Settings

QUICK = Settings.model_validate({"evaluation": {"bootstrap": 100}})

pytestmark = pytest.mark.shared


def test_cocitation_is_as_good_on_warm_pairs_as_it_was_measured_to_be(shared):
    found = benchmark(
        load_data(shared / "amazon-beauty"), ["popularity", "cocitation"], ["edges"], [0], QUICK
    )
    popularity, cocitation = (r["metrics"]["ndcg@10"]["mean"] for r in found["results"])
    assert popularity == pytest.approx(0.027, rel=0.1)
    assert cocitation == pytest.approx(0.219, rel=0.1)


@pytest.mark.parametrize(("data", "least"), [("electronic", 0.588), ("clothing", 0.682)])
def test_attributes_tell_bundles_at_least_as_well_as_titles_alone(shared, data, least):
    dataset = load_data(shared / f"bundles-{data}")
    (result,) = benchmark(dataset, ["attribute_similarity"], ["gold"], [0], QUICK)["results"]
    assert least < result["metrics"]["auc"]["mean"] < least + 0.1
