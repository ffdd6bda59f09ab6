"""ECCR as a recommender: another model's slates, re-ranked by a language model when it is fitted.

What answers afterwards is arrays: the slates of all products and what the language model thinks of
them. Serving needs neither torch nor the language model.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from goeswith.core.arrays import Floats, Rows
from goeswith.core.arrays_file import Arrays, load_arrays, save_arrays
from goeswith.core.errors import ConfigError
from goeswith.core.progress import MessageProgress
from goeswith.data.catalog import Catalog
from goeswith.features.semantic_codes import Codes
from goeswith.language.eccr.eccr_config import EccrConfig
from goeswith.language.eccr.item_tokens import CodeSettings, ItemVectors, index_codes
from goeswith.language.eccr.prompts import Prompts, code_ids, make_prompts, prompt_texts
from goeswith.language.eccr.slate_examples import SlateExamples, make_slate_examples
from goeswith.language.eccr.strategic_texts import STRATEGIC_TRAINING_TEXTS
from goeswith.models.base import ModelConfig, Recommender
from goeswith.models.neural.training import TrainedModel, require_torch
from goeswith.models.registry import model_name
from goeswith.ranking.rerank import rerank_positions, score_within_budget
from goeswith.relations.graph import RelationGraph

if TYPE_CHECKING:
    from goeswith.language.eccr.torch_backbone import Backbone
    from goeswith.language.eccr.torch_eccr_training import EccrTasks


class Eccr(TrainedModel, Recommender):
    """Slates of a base model in the order of a language model that reads behaviour (see there)."""

    name: ClassVar[str] = "eccr"
    Config: ClassVar[type[ModelConfig]] = EccrConfig
    config: EccrConfig
    base: Recommender
    slates: Rows
    """(n, c) the base's best for each product; -1 where there are no more."""
    opinions: Floats
    """(n, c) scores of the language model; -inf if it was not used."""
    _on_progress: MessageProgress | None = None

    def set_checkpoints(self, checkpoints: Path, on_progress: MessageProgress) -> None:
        self.checkpoints, self._on_progress = checkpoints, on_progress

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        from goeswith.models import make_model

        config = self.config
        if model_name(config.base) == self.name:
            raise ConfigError("eccr re-ranks the slates of another model: set base to one")
        backbone = None
        if config.language_model is not None:
            require_torch(self.name)
            from goeswith.language.eccr.torch_backbone import load_backbone

            backbone = load_backbone(
                config.language_model
            )  # before the base learns: it may be none
        self.base = make_model(config.base)
        if self.checkpoints is not None and self._on_progress is not None:
            self.base.set_checkpoints(self.checkpoints, self._on_progress)
        self.base.fit(catalog, graph)
        n, self.history = len(catalog), []
        every = np.arange(n, dtype=np.int32)
        candidates = config.candidates if config.language_model is not None else 0
        self.slates = (
            self.base.recommend(every, candidates)[0] if candidates else np.zeros((n, 0), np.int32)
        )
        self.opinions = np.full(self.slates.shape, -np.inf, dtype=np.float32)
        self._update_order()
        if backbone is None:
            return self
        examples = make_slate_examples(
            catalog, graph, negatives=20, seed=config.seed, validation=config.validation
        )
        if examples is not None:
            self._fine_tune(catalog, examples, *backbone)
            self._update_order()
        return self

    def _fine_tune(
        self,
        catalog: Catalog,
        examples: SlateExamples,
        backbone: Backbone,
        tokenizer: Any,
    ) -> None:
        """Fine-tune the language model, and store its scores of every slate."""
        from goeswith.language.eccr.torch_backbone import with_adapters
        from goeswith.language.eccr.torch_eccr_training import EccrTraining, lists_ndcg, train

        config = self.config

        def tokenise(text: str) -> list[int]:
            ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
            return ids

        codes = self._codes(catalog, examples.graph)
        end = None if backbone.causal else backbone.end
        prompts = make_prompts(tokenise, prompt_texts(catalog), codes, backbone.words, end)
        if codes is not None:
            titles = [prompts.titles[row] for row in range(len(catalog))]
            backbone.add_codes(code_ids(codes, backbone.words), titles)
        if config.lora:
            with_adapters(backbone, config.lora, config.seed)
        plan = EccrTraining(
            steps=config.steps,
            lists=config.lists,
            negatives=config.negatives,
            learning_rate=config.learning_rate,
            tails=config.tails,
            seed=config.seed,
        )
        held, checkpoints = examples.validation, self.checkpoints
        self.history = train(
            backbone,
            prompts,
            self._tasks(examples, prompts, [tokenise(text) for text in STRATEGIC_TRAINING_TEXTS]),
            plan,
            # without lists, the weights of least loss are the best
            check=lambda: 0.0 if held is None else lists_ndcg(backbone, prompts, held),
            checkpoint=None if checkpoints is None else checkpoints / "eccr.checkpoint",
            on_progress=self._log,
        )
        self._score_slates(backbone, prompts, examples)

    def _tasks(
        self, examples: SlateExamples, prompts: Prompts, tails: list[list[int]]
    ) -> EccrTasks:
        from goeswith.language.eccr.torch_eccr_training import EccrTasks, TextTargets, YesNoPairs

        ids = [np.array(tail, dtype=np.int32) for tail in tails]
        if not self.config.auxiliary:
            return EccrTasks(examples.lists, tails=ids)
        yes_no = {task: YesNoPairs(*pairs) for task, pairs in examples.yes_no.items()}
        texts = {}
        if prompts.codes is not None:
            sources, targets = examples.generation
            code_prompts = [prompts.single("generation", int(source)) for source in sources]
            texts["generation"] = TextTargets(code_prompts, list(prompts.codes[targets]))
        return EccrTasks(examples.lists, yes_no, texts, ids)

    def _score_slates(self, backbone: Backbone, prompts: Prompts, examples: SlateExamples) -> None:
        """Score all slates, in blocks that a killed run does not lose."""
        config, n = self.config, len(self.slates)
        rng = np.random.default_rng(config.seed)
        list_sources = np.unique(examples.lists.sources)
        some = min(4, len(list_sources)) if config.prior else 0
        references = rng.choice(list_sources, some, replace=False)
        prior_of: dict[int, float] = {}

        def prior(targets: Rows) -> Floats:
            new = np.array(
                [t for t in np.unique(targets) if int(t) not in prior_of], dtype=np.int32
            )
            pairs = prompts.pairs(
                "listwise", np.repeat(references, len(new)), np.tile(new, len(references))
            )
            means = backbone.score_all(pairs).reshape(len(references), -1).mean(axis=0)
            prior_of.update(zip(new.tolist(), means.tolist(), strict=True))
            return np.array([prior_of[int(t)] for t in targets], dtype=np.float32)

        def opinion(sources: Rows, targets: Rows) -> Floats:
            scores = backbone.score_all(prompts.pairs("listwise", sources, targets))
            return scores - config.prior * prior(targets) if len(references) else scores

        file = None if self.checkpoints is None else self.checkpoints / "eccr.opinions"
        done = 0
        if file is not None and file.exists():
            saved = load_arrays(file)
            if np.array_equal(saved["slates"], self.slates):
                self.opinions, done = np.array(saved["opinions"]), int(saved["done"][0])
        for begin in range(done, n, 256):
            rows = np.arange(begin, min(begin + 256, n), dtype=np.int32)
            self.opinions[rows] = score_within_budget(
                rows, self.slates[rows], opinion, milliseconds=config.milliseconds
            )
            self._log(f"scored the slates of {rows[-1] + 1:,} of {n:,} products")
            if file is not None:
                save_arrays(
                    {
                        "slates": self.slates,
                        "opinions": self.opinions,
                        "done": np.array([rows[-1] + 1]),
                    },
                    file,
                )
        if file is not None:
            file.unlink(missing_ok=True)

    def _codes(self, catalog: Catalog, graph: RelationGraph) -> Codes | None:
        config = self.config
        if config.tokens == "none":
            return None
        from goeswith.features.product_vectors import LatentAttributes
        from goeswith.models import make_model

        model: Any = make_model(config.tokens, {config.tokens: {"seed": config.seed}})
        if self.checkpoints is not None and self._on_progress is not None:
            model.set_checkpoints(self.checkpoints, self._on_progress)
        model.fit(catalog, graph)
        behaviour = (
            model.encode(catalog)
            if config.tokens == "product2vec"
            else np.hstack([model.source_vectors, model.target_vectors])
        )
        content = LatentAttributes(128, config.seed).fit(catalog).encode(catalog)
        settings = CodeSettings(
            quantiser=config.quantiser, levels=config.levels, size=config.codes, seed=config.seed
        )
        order = np.arange(len(catalog), dtype=np.int32)
        return index_codes(config.indexing, ItemVectors(behaviour, content, order), settings)

    def _log(self, what: str) -> None:
        if self._on_progress is not None:
            self._on_progress(f"fitting {self.name}: {what}")

    def _update_order(self) -> None:
        config = self.config
        order = rerank_positions(self.opinions, weight=config.weight, max_shift=config.reach)
        # without any opinion a slate stays as it is
        some = np.isfinite(self.opinions).any(axis=1)
        order[~some] = np.arange(self.slates.shape[1])
        self._order = order

    def refresh(self, catalog: Catalog, graph: RelationGraph) -> Self:
        # opinions are of pairs: new products have none until the next fit
        self.base.refresh(catalog, graph)
        more = ((0, len(catalog) - len(self.slates)), (0, 0))
        self.slates = np.pad(self.slates, more, constant_values=-1)
        self.opinions = np.pad(self.opinions, more, constant_values=-np.inf)
        self._update_order()
        return self

    def score(self, sources: Rows) -> Floats:
        """The base's scores, in which the products of a slate have changed places."""
        scores = np.array(self.base.score(sources))
        for row, source in enumerate(sources):
            slate = self.slates[source]
            is_scored = (slate >= 0) & np.isfinite(scores[row, slate.clip(min=0)])
            if not is_scored.any() or not np.isfinite(self.opinions[source]).any():
                continue
            places = self._order[source][is_scored[self._order[source]]]
            sorted_scores = np.sort(scores[row, slate[is_scored]])[::-1]
            # equal scores would be ordered by row: the new order needs distinct ones
            steps = np.arange(len(sorted_scores)) * np.spacing(
                np.abs(sorted_scores).max().astype(np.float32)
            )
            scores[row, slate[places]] = sorted_scores - steps
        return scores

    def score_new(self, products: Catalog) -> Floats:
        return self.base.score_new(products)

    @property
    def n(self) -> int:
        return self.base.n

    def importances(self) -> dict[str, float]:
        return self.base.importances()

    def arrays(self) -> Arrays:
        base_arrays = {f"base_{name}": array for name, array in self.base.arrays().items()}
        own = {"slates": self.slates, "opinions": self.opinions}
        return {**base_arrays, **own, **self.history_arrays()}

    def restore(self, arrays: Arrays) -> None:
        from goeswith.models import make_model

        self.base = make_model(self.config.base)
        self.base.restore(
            {k.removeprefix("base_"): v for k, v in arrays.items() if k.startswith("base_")}
        )
        self.slates, self.opinions, self.history = arrays["slates"], arrays["opinions"], []
        if "history" in arrays:  # not in bundles of earlier versions
            self.restore_history(arrays)
        self._update_order()
