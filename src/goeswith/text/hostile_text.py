"""Hostile parts of product text, which try to steer a model or a reader.

Strategic text can move a language model that reads product data (Kumar and Lakkaraju 2024, arXiv
2404.07981: a message in a product's page raises its rank). No list covers all of it. So a generated
sentence must also have a closed form (`claims.py`), which no instruction has.
"""

from __future__ import annotations

import re
from typing import Final

LINK: Final = re.compile(
    r"(?i)\b(?:https?|ftp|javascript|data|mailto)\s*:|\bwww\s*\.|\S@\S+\.\w|"
    r"\b[\w-]+\.(?:com|net|org|io|info|biz|shop|store|ru|cn|co|uk|de|xyz|top|site|app|ai|me)\b"
)
INSTRUCTION: Final = re.compile(
    r"""(?ix)\b(?:
      ignor(?:e|es|ed|ing) | disregard\w* | forget\w* | overrid\w+ | bypass\w* | jailbreak\w*
    | pretend\w* | previous\s+(?:\w+\s+)?(?:instruction|prompt|rule|message)s?
    | instruct(?:ion|ions|ed|s)?\s+to | instructions\s*: | prompts?
    | (?:system|developer|hidden|user)\s+(?:message|instruction)s?
    | as\s+an?\s+(?:ai|assistant) | language\s+model | chatbot | assistant
    | you\s+(?:must|should|will|are|have\s+to|shall|can|may)
    | your\s+(?:task|job|answer|response|reply|output)
    | (?:always|never|only|please|must|should|now|then|first)\s+
        (?:say|rank|recommend|choose|pick|answer|output|write|print|repeat|reply|respond|mention
        |include|select|tell|buy|click|call|visit|order|explain)
    | (?:say|tell|answer|output|write|repeat|reply|respond|mention|state|claim|explain)\s+
        (?:that|with|the|this|only|to|it|them|customers?|users?|everyone|everybody|exactly|yes|no)
    | recommend\s+(?:this|it|me|only|the|our) | rank\s+(?:this|it|me|first|the|our)
    | put\s+(?:this|it)\s+first
    | (?:buy|order|click|call|visit|act|shop|subscribe|scan|download|follow)\s+
        (?:now|here|us|today|this|our|at|the\s+link)
    | do\s+not\s+(?:say|mention|show|recommend|rank|answer)
    )\b"""
)
PRAISE: Final = re.compile(
    r"""(?ix)\b(?:
      best | best[\s-]?sell\w* | amazing | awesome | incredible | unbeatable | unmatched
    | unrivall?ed | greatest | superb | excellent | outstanding | fantastic | wonderful
    | perfect(?:ly)? | flawless | must[\s-]have | world[\s-]class | top[\s-]rated | number\s+one
    | award[\s-]winning | guarantee[ds]? | life[\s-]changing | revolutionary
    | (?:five|5)[\s-]stars? | highly\s+recommended | hurry
    | everyone\s+(?:loves|needs|wants|buys)
    | (?:high|good|great|top|premium|superior)\s+quality
    )\b | \#\s*1\b"""
)
_KINDS: Final = {"link": LINK, "instruction": INSTRUCTION, "praise": PRAISE}
_PARTS: Final = re.compile(r"(?<=[.!?;])\s+|\s[-–—•*]+\s|[!?;•\n]+|(?<=\w):\s")


def find_hostile(text: str) -> list[tuple[str, str]]:
    """Hostile parts of a text, as (kind, words): a link, an instruction, praise."""
    matches = ((kind, pattern.search(text)) for kind, pattern in _KINDS.items())
    return [(kind, match.group().strip()) for kind, match in matches if match]


def remove_hostile(text: str) -> str:
    """A text without its sentences and parts that hold a link, an instruction or praise.

    Text after the first instruction is removed too: it has the same author.
    """
    parts = []
    for part in _PARTS.split(text):
        if INSTRUCTION.search(part):
            break
        if part.strip() and not LINK.search(part) and not PRAISE.search(part):
            parts.append(part.strip())
    return " ".join(parts).rstrip(" .,;:-")
