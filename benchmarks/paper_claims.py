"""What the papers claim, as comparisons that `claims.py` measures.

Cleaned pairs, slates and types: P-Companion (Hao et al., 2020). Direction, asymmetry and co-view:
DAEMON (Virinchi et al., 2022). The others: dual embeddings (Kvernadze et al., 2022).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

SLATES = ((1, 60), (3, 20), (5, 12), (6, 10))
"""K types x M products."""


@dataclass(frozen=True)
class Arm:
    """A model and what it learns from.

    Attributes:
        label: what the table calls it.
        spec: `name:key=value,...`.
        protocol: edges or cold.
        signal: complement edges that it is fitted on: cleaned, raw (all of co_purchase) or
            undirected (cleaned, both ways).
    """

    label: str
    spec: str
    protocol: str = "edges"
    signal: str = "cleaned"

    @property
    def key(self) -> str:
        """Names its figures in the file."""
        return f"{self.protocol} {self.spec} {self.signal}"


@dataclass(frozen=True)
class BootstrapResult:
    """`metric` of one arm is said to be higher (or lower) than `other_metric` of another."""

    metric: str
    better: Arm
    worse: Arm
    other_metric: str | None = None
    lower: bool = False


@dataclass(frozen=True)
class Claim:
    """What a paper says, as comparisons."""

    name: str
    says: str
    comparisons: tuple[BootstrapResult, ...]

    @property
    def arms(self) -> Iterable[Arm]:
        """Every arm once, by its key."""
        both = [arm for each in self.comparisons for arm in (each.better, each.worse)]
        return {arm.key: arm for arm in both}.values()


def claims() -> list[Claim]:
    """Every claim, cheapest arms first."""
    found = [*_signal(), *_p_companion(), *_dual_embedding(), *_daemon()]
    assert len({claim.name for claim in found}) == len(found)
    return found


def _signal() -> list[Claim]:
    compared = []
    for label, spec, place, metrics in (
        ("co-citation", "cocitation", "edges", ("substitutes@10",)),
        ("P-Companion", "p_companion", "edges", ("substitutes@10",)),
        ("similar complements", "similar_complements", "cold", ("substitutes@10", "type_hit@3")),
        ("P-Companion", "p_companion", "cold", ("substitutes@10", "type_hit@3")),
    ):
        clean = Arm(f"{label}, {place}, cleaned pairs", spec, place)
        raw = Arm(f"{label}, {place}, raw co-purchase", spec, place, "raw")
        compared += [
            BootstrapResult(metric, clean, raw, lower=metric.startswith("substitutes"))
            for metric in metrics
        ]
    says = (
        "Cleaned complement pairs train better models than raw co-purchase: fewer substitutes, "
        "and the right types for cold products"
    )
    return [Claim("cleaned_pairs", says, tuple(compared))]


def _p_companion() -> list[Claim]:
    warm, cold = Arm("P-Companion", "p_companion"), Arm("P-Companion", "p_companion", "cold")
    slates = [
        BootstrapResult(
            f"slate_hit@60.{k}x{m}",
            replace(warm, label=f"P-Companion, {k} x {m}"),
            replace(warm, label="P-Companion, 1 x 60"),
            "slate_hit@60.1x60",
        )
        for k, m in SLATES[1:]
    ]
    types = [
        BootstrapResult(
            "predicted_type_hit@3",
            replace(arm, label=f"P-Companion, {arm.protocol}"),
            replace(arm, label=f"most frequent types {name}, {arm.protocol}"),
            other,
        )
        for arm in (warm, cold)
        for name, other in (
            ("of all", "frequent_type_hit@3"),
            ("of the source's type", "frequent_type_hit@3.by_type"),
        )
    ]
    switched = Arm(
        "random ones too, true type, residual",
        "p_companion:negatives=both,train_projection=true_type,residual_projection=true",
    )
    paper = replace(warm, label="substitutes as negatives, as in the paper")
    negatives = tuple(
        BootstrapResult(metric, paper, switched) for metric in ("predicted_type_hit@3", "ndcg@10")
    )
    return [
        Claim("negatives", "Substitutes are sufficient negatives for P-Companion", negatives),
        Claim("slates", "A slate of several types holds more hits than one type", tuple(slates)),
        Claim("types", "P-Companion predicts the types of complements", tuple(types)),
    ]


def _dual_embedding() -> list[Claim]:
    base = "dual_embedding:stand_ins=0,max_epochs=5,patience=5"
    both = Arm("IN-OUT", base)
    word2vec = Arm("negative exponent .75", base + ",negative_exponent=.75")
    augmented = Arm("with synthetic pairs", base + ",gamma=.1")
    return [
        Claim(
            "in_out",
            "IN-OUT finds complements, IN-IN and OUT-OUT do not",
            tuple(
                BootstrapResult("ndcg@10", both, Arm(label, f"{base},retrieval={name}"))
                for label, name in (("IN-IN", "in_in"), ("OUT-OUT", "out_out"))
            ),
        ),
        Claim(
            "exponent",
            "A negative exponent of 0 does better than word2vec's .75",
            (BootstrapResult("ndcg@10", replace(both, label="negative exponent 0"), word2vec),),
        ),
        Claim(
            "synthetic_pairs",
            "Synthetic pairs widen coverage, and do not cost accuracy",
            tuple(
                BootstrapResult(metric, augmented, replace(both, label="without"))
                for metric in ("coverage@10", "ndcg@10")
            ),
        ),
    ]


def _daemon() -> list[Claim]:
    paper = "daemon:max_epochs=4,patience=4"
    ours = (
        "daemon:id_vectors=true,self_term=true,last_relu=false,temperature=.1,learning_rate=.003,"
        "max_epochs=4,patience=4"
    )
    daemons = [Arm("DAEMON", paper), Arm("DAEMON with id vectors", ours)]
    symmetric = [
        Arm("attribute similarity", "attribute_similarity"),
        Arm("co-citation of undirected pairs", "cocitation", signal="undirected"),
    ]
    direction = [BootstrapResult("direction_accuracy", d, s) for d in daemons for s in symmetric]
    asymmetry = [
        BootstrapResult(
            "direction_accuracy", d, Arm(f"{d.label}, asymmetry=false", d.spec + ",asymmetry=false")
        )
        for d in daemons
    ]
    propagation = Arm("directed propagation", "directed_propagation")
    views = [
        BootstrapResult("ndcg@10", arm, Arm(f"{arm.label}, no co-view", f"{arm.spec}{switch}"))
        for arm, switch in ((propagation, ":co_view=0"), (daemons[0], ",co_view=false"))
    ]
    return [
        Claim(
            "direction", "DAEMON predicts the direction; symmetric models cannot", tuple(direction)
        ),
        Claim(
            "asymmetry",
            "DAEMON's asymmetry loss improves its direction accuracy",
            tuple(asymmetry),
        ),
        Claim("co_view", "Co-view edges help to find complements", tuple(views)),
    ]
