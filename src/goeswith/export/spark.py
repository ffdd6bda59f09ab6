"""Answers of every product as a Spark DataFrame: each task opens the bundle and answers a part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from goeswith.core.errors import ConfigError
from goeswith.export.recommendation_rows import RecommendationRows
from goeswith.query.bundle import Bundle

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession


def answers(
    session: SparkSession, bundle: Path, k: int = 10, parts: int = 64, explain: bool = False
) -> DataFrame:
    """The first k complements of every product, with the columns of docs/how-to/export.md.

    A bundle is read by memory map, so that tasks of one machine share what they read of it. A task
    that is lost is done again; write the DataFrame as any other.

    Args:
        session: of Spark.
        bundle: a folder that every machine sees at this path.
        k: answers a product, at most.
        parts: tasks; several times as many as there are cores.
        explain: add the sentence `why`.

    Raises:
        BundleError: there is no bundle, or it holds fewer than k answers a product.
        ConfigError: there is no part to answer.
    """
    from pyspark.sql.pandas.types import from_arrow_schema

    if parts < 1:
        raise ConfigError(f"parts must be at least 1: {parts}")
    folder = bundle.absolute()
    schema = from_arrow_schema(RecommendationRows(Bundle.open(folder), k, explain=explain).schema)

    def export_part(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column("id").to_pylist():
                part = (number, parts)
                yield from RecommendationRows(Bundle.open(folder), k, explain=explain, part=part)

    return session.range(parts, numPartitions=parts).mapInArrow(export_part, schema)
