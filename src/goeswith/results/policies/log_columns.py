"""Names of the columns of a log of shown products."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LogColumns:
    """Names of the columns of a log.

    Attributes:
        product: the shown product.
        rank: its rank, from 1; a log without this column has one product an answer.
        reward: of the product: 1 for a click, or an amount.
        propensity: probability with which the logging policy shows the product at this rank.
        conditional: the same, given the products above it (cascade); without the column it is
            `propensity`.
        target: probability with which the evaluated policy shows the product at this rank, where
            no table gives it.
        slate: products of one answer; None where every row is an answer.
        unit: rows that may depend on each other, such as a user; None is the answer.
        context: what the two policies and the reward model may depend on.
    """

    product: str = "product_id"
    rank: str = "rank"
    reward: str = "reward"
    propensity: str = "propensity"
    conditional: str = "conditional_propensity"
    target: str = "target_probability"
    slate: str | None = None
    unit: str | None = None
    context: tuple[str, ...] = ()
