"""A pretrained encoder cut to the tokens that some texts have, in half precision: easy to carry.

    python benchmarks/relevance_shrink.py ENCODER OUT TEXTS.json ...

What is cut is a copy to measure with; a vector of a text that is kept is the same, up to rounding.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from transformers import AutoModel, AutoTokenizer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("encoder")
    parser.add_argument("out", type=Path)
    parser.add_argument("texts", type=Path, nargs="+")
    given = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(given.encoder)
    model = AutoModel.from_pretrained(given.encoder)
    spec = json.loads(tokenizer.backend_tokenizer.to_str())
    assert spec["model"]["type"] == "Unigram", "written for the tokenizers of XLM-R's family"
    used = set(tokenizer.all_special_ids)
    texts = [text for file in given.texts for text in json.loads(file.read_text())]
    for start in range(0, len(texts), 10_000):
        for row in tokenizer([f"query: {text}" for text in texts[start : start + 10_000]])[
            "input_ids"
        ]:
            used.update(row)
    kept = sorted(used)
    spec["model"]["vocab"] = [spec["model"]["vocab"][i] for i in kept]
    place = {old: new for new, old in enumerate(kept)}
    spec["model"]["unk_id"] = place[spec["model"]["unk_id"]]
    for token in spec["added_tokens"]:
        token["id"] = place.get(token["id"], token["id"])
    spec["added_tokens"] = [t for t in spec["added_tokens"] if t["id"] < len(kept)]
    for token in (spec.get("post_processor") or {}).get("special_tokens", {}).values():
        token["ids"] = [place[i] for i in token["ids"]]
    given.out.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(given.out)
    (given.out / "tokenizer.json").write_text(json.dumps(spec, ensure_ascii=False))
    vectors = model.get_input_embeddings().weight.detach()[kept].clone()
    model.resize_token_embeddings(len(kept))
    model.get_input_embeddings().weight.data.copy_(vectors)
    model.config.pad_token_id = place[tokenizer.pad_token_id]
    model.half().save_pretrained(given.out)
    small = AutoTokenizer.from_pretrained(given.out)
    for text in texts[:: max(len(texts) // 500, 1)]:
        assert small.tokenize(text) == tokenizer.tokenize(text), text
        assert [kept[i] for i in small(text)["input_ids"]] == tokenizer(text)["input_ids"], text
    print(f"{len(kept):,} of {len(tokenizer):,} tokens kept; {vectors.dtype}, {torch.__version__}")


if __name__ == "__main__":
    main()
