"""One epoch of each trained model of goeswith, and of peers: what `training_steps.py` runs.

A model of goeswith is fitted as ever; `Watch` notes processor time when an epoch begins and after
its last step, so that preparing, validating and saving are left out. The first epoch warms up, the
second is timed, the third is profiled. Peers are timed likewise, where they have epochs.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

DIMENSION, BATCH, NEGATIVES = 64, 1024, 5
SEQUENCES = {"dimension": DIMENSION, "layers": 2, "heads": 2, "max_length": 50, "batch": 128}
DROPOUT, MASK = 0.2, 0.3
EPOCHS = 3


class Watch:
    """Processor seconds of the second epoch's steps, and of the third how much was in torch."""

    def __init__(self) -> None:
        import torch
        from torch.profiler import ProfilerActivity, profile

        from goeswith.models.compiled_skip_gram import CompiledSkipGram
        from goeswith.models.neural.training import TrainingRun

        self.seconds: dict[int, float] = {}
        self.steps: dict[int, int] = {}
        self.outside_torch = 0.0
        plain_epochs, plain_step, watch = TrainingRun.epochs, torch.optim.Adam.step, self
        plain_compiled = CompiledSkipGram.epoch
        epoch, started, wall, profiler = 0, 0.0, 0.0, profile()

        def epochs(run: Any) -> Any:
            nonlocal epoch, started, wall, profiler
            for epoch in plain_epochs(run):
                watch.steps[epoch] = 0
                if epoch == EPOCHS:
                    profiler = profile(activities=[ProfilerActivity.CPU])
                    profiler.__enter__()
                started, wall = time.process_time(), time.perf_counter()
                yield epoch

        def step(optimizer: Any, *given: Any, **named: Any) -> Any:
            left = plain_step(optimizer, *given, **named)
            count_step()
            return left

        def compiled_epoch(model: Any, *given: Any) -> float:
            loss: float = plain_compiled(model, *given)
            count_step()
            return loss

        def count_step() -> None:
            watch.steps[epoch] += 1
            watch.seconds[epoch] = time.process_time() - started
            if epoch == EPOCHS and watch.steps[epoch] == watch.steps[2]:
                # the profiler's clock is that on the wall
                seconds = time.perf_counter() - wall
                profiler.__exit__(None, None, None)
                inside = sum(event.self_cpu_time_total for event in profiler.key_averages())
                watch.outside_torch = max(0.0, 1 - inside / 1e6 / seconds)

        CompiledSkipGram.epoch = compiled_epoch  # type: ignore[method-assign]
        TrainingRun.epochs, torch.optim.Adam.step = epochs, step  # type: ignore[method-assign]

    def as_record(self, examples: int) -> dict[str, Any]:
        """The figures of an epoch of so many examples."""
        return {
            "epoch_seconds": self.seconds[2],
            "steps": self.steps[2],
            "examples": examples,
            "outside_torch": self.outside_torch,
        }


def shop_of(data: Any) -> tuple[Any, Any]:
    """The catalogue and the graph of lists that the graph models learn from."""
    import polars as pl

    from goeswith.data.catalog import Catalog
    from goeswith.relations.graph import RelationGraph
    from goeswith.relations.relation import CO_PURCHASE, CO_VIEW, Relation, csr

    n = int(data["n"])
    catalog = Catalog(pl.DataFrame({name: data[name] for name in ("product_id", "title", "type")}))
    relations = {
        CO_PURCHASE: Relation(csr(n, *data["goes"].T, np.ones(len(data["goes"])))),
        CO_VIEW: Relation(csr(n, *data["alike"].T, np.ones(len(data["alike"])))),
    }
    return catalog, RelationGraph(n, relations)


def graph_model(name: str, counts: str, **settings: Any) -> Any:
    """A model of models/neural; its examples are pairs, or sources, of the training graph."""

    def work(data: Any) -> dict[str, Any]:
        from goeswith.models import make_model
        from goeswith.models.neural.training import PairValidation

        catalog, graph = shop_of(data)
        epochs = {"max_epochs": EPOCHS, "patience": EPOCHS}
        model: Any = make_model(name, {name: {**settings, **epochs}})
        watch = Watch()
        model.fit(catalog, graph)
        learned = PairValidation(
            graph, model.config.validation_share, model.config.seed
        ).split.graph
        edges = learned.similars if counts == "look-alikes" else learned.complements
        examples = len(edges) if counts == "pairs" else len(np.unique(edges.sources))
        return watch.as_record(examples)

    return work


def session_model(name: str, **settings: Any) -> Any:
    """A model of sessions/neural, its examples sequences."""

    def work(data: Any) -> dict[str, Any]:
        import polars as pl

        from goeswith.data.catalog import Catalog
        from goeswith.sequential import SESSION_MODELS
        from goeswith.sequential.sequences import Sequences

        n = int(data["session_n"])
        # no attributes: vectors of ids alone, as the peers have them
        catalog = Catalog(pl.DataFrame({"product_id": np.arange(n).astype(str)}))
        sequences = Sequences(data["products"], data["starts"])
        epochs = {"max_epochs": EPOCHS, "patience": EPOCHS, "dropout": DROPOUT}
        model = SESSION_MODELS.make(name, {name: {**SEQUENCES, **epochs, **settings}})
        watch = Watch()
        model.fit(catalog, sequences)
        return watch.as_record(len(sequences))

    return work


def gensim(data: Any) -> dict[str, Any]:
    """Word2Vec of sentences of two words: either word is asked for the other, two examples."""
    from gensim.models import Word2Vec

    sentences = data["goes"].astype(str).tolist()
    model = Word2Vec(
        vector_size=DIMENSION, window=1, min_count=1, sg=1, negative=NEGATIVES, sample=0, workers=1
    )
    model.build_vocab(sentences)
    for _ in range(2):
        started = time.process_time()
        model.train(sentences, total_examples=len(sentences), epochs=1)
        seconds = time.process_time() - started
    return {"epoch_seconds": seconds, "examples": 2 * len(sentences)}


def bpr(data: Any) -> dict[str, Any]:
    """One negative a pair, plain gradient descent: two epochs less one."""
    from implicit.bpr import BayesianPersonalizedRanking
    from scipy import sparse

    pairs, n = data["goes"], int(data["n"])
    matrix = sparse.csr_matrix((np.ones(len(pairs), np.float32), tuple(pairs.T)), shape=(n, n))
    seconds = []
    for epochs in (1, 3):
        model = BayesianPersonalizedRanking(DIMENSION, iterations=epochs, num_threads=1)
        started = time.process_time()
        model.fit(matrix, show_progress=False)
        seconds.append(time.process_time() - started)
    return {"epoch_seconds": (seconds[1] - seconds[0]) / 2, "examples": len(pairs)}


def plain_torch(dense: bool) -> Any:
    """What one writes: two tables, five negatives drawn for each pair, Adam."""

    def work(data: Any) -> dict[str, Any]:
        import torch
        from torch.nn import functional

        pairs, n = torch.from_numpy(data["goes"].astype(np.int64)), int(data["n"])
        tables = [torch.nn.Embedding(n, DIMENSION, sparse=not dense) for _ in range(2)]
        parameters = [table.weight for table in tables]
        kind = torch.optim.Adam if dense else torch.optim.SparseAdam
        optimizer = kind(parameters, lr=0.01)
        for _ in range(2):
            started, steps = time.process_time(), 0
            for block in torch.randperm(len(pairs)).split(BATCH):
                u, v = pairs[block].T
                s, t = tables[0](u), tables[1](v)
                w = tables[1](torch.randint(n, (len(block), NEGATIVES)))
                seen = functional.logsigmoid((s * t).sum(1))
                unseen = functional.logsigmoid(-(w @ s[:, :, None])[..., 0]).sum(1)
                loss = -(seen + unseen).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                steps += 1
            seconds = time.process_time() - started
        return {"epoch_seconds": seconds, "examples": len(pairs), "steps": steps}

    return work


def rectools(name: str, **settings: Any) -> Any:
    """SASRec or BERT4Rec of RecTools, with softmax over the catalogue."""

    def work(data: Any) -> dict[str, Any]:
        import pandas as pd
        import pytorch_lightning as lightning
        from rectools import Columns, models
        from rectools.dataset import Dataset
        from rectools.models.nn.item_net import IdEmbeddingsItemNet

        lengths = np.diff(data["starts"])
        frame = pd.DataFrame(
            {
                Columns.User: np.repeat(np.arange(len(lengths)), lengths),
                Columns.Item: data["products"],
                Columns.Weight: 1.0,
                Columns.Datetime: pd.Timestamp("2026-01-01")
                + pd.to_timedelta(np.arange(len(data["products"])), unit="s"),
            }
        )
        seconds, steps = [0.0] * 2, [0] * 2

        class Clock(lightning.Callback):  # type: ignore[misc]
            def on_train_epoch_start(self, trainer: Any, module: Any) -> None:
                self.started = time.process_time()

            def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
                seconds[trainer.current_epoch] = time.process_time() - self.started
                steps[trainer.current_epoch] += 1

        def trainer() -> Any:
            return lightning.Trainer(
                max_epochs=2,
                accelerator="cpu",
                callbacks=[Clock()],
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
            )

        model = getattr(models, name)(
            n_blocks=SEQUENCES["layers"],
            n_heads=SEQUENCES["heads"],
            n_factors=DIMENSION,
            session_max_len=SEQUENCES["max_length"],
            batch_size=SEQUENCES["batch"],
            dropout_rate=DROPOUT,
            item_net_block_types=(IdEmbeddingsItemNet,),
            get_trainer_func=trainer,
            **settings,
        )
        model.fit(Dataset.construct(frame))
        return {"epoch_seconds": seconds[1], "steps": steps[1], "examples": len(lengths)}

    return work


_TABLES = {"dimension": DIMENSION, "batch": BATCH}
_WHOLE = {"items": "ids", "competitors": 10**9}
OURS = {
    "goeswith, dual_embedding": graph_model(
        "dual_embedding", "pairs", negatives=NEGATIVES, **_TABLES
    ),
    "goeswith, sasrec": session_model("sasrec", **_WHOLE),
    "goeswith, bert4rec": session_model("bert4rec", mask=MASK, mask_last=0.0, **_WHOLE),
    "goeswith, hstu": session_model("hstu", **_WHOLE),
    "goeswith, tiger": session_model("tiger"),
    "goeswith, directed_propagation": graph_model("directed_propagation", "sources", **_TABLES),
    "goeswith, typed_towers": graph_model("typed_towers", "sources", **_TABLES),
    "goeswith, daemon": graph_model("daemon", "pairs"),
    "goeswith, product2vec": graph_model("product2vec", "look-alikes"),
    "goeswith, p_companion": graph_model("p_companion", "pairs"),
}
PEERS = {
    "gensim, Word2Vec": gensim,
    "implicit, BPR": bpr,
    "torch by hand, sparse Adam": plain_torch(dense=False),
    "torch by hand, Adam": plain_torch(dense=True),
    "RecTools, SASRec": rectools("SASRecModel"),
    "RecTools, BERT4Rec": rectools("BERT4RecModel", mask_prob=MASK),
}
BASES = {
    "goeswith, dual_embedding": ("gensim, Word2Vec", "torch by hand, sparse Adam"),
    "goeswith, sasrec": ("RecTools, SASRec",),
    "goeswith, bert4rec": ("RecTools, BERT4Rec",),
}
"""Whom each is compared with."""
