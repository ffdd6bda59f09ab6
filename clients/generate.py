"""Make the typed clients from the OpenAPI schema: python clients/generate.py."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from goeswith.serve.openapi import service_schema

FOLDER = Path(__file__).parent
PYTHON = FOLDER / "python" / "goeswith_client.py"
TYPESCRIPT = FOLDER / "typescript" / "goeswith_client.ts"
HEADER = "Typed client of the goeswith service, made by clients/generate.py; do not edit."
SCALARS = {
    "string": ("str", "string"),
    "integer": ("int", "number"),
    "number": ("float", "number"),
    "boolean": ("bool", "boolean"),
    "null": ("None", "null"),
}
PYTHON_CORE = '''

class GoesWithProblem(Exception):
    """An answer that is an error, as problem details (RFC 9457)."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status}: {problem.get('detail') or problem.get('title')}")
        self.status, self.problem = status, problem


class GoesWithClient:
    """A service at `address`; `key` is one of its keys, where it needs one."""

    def __init__(self, address: str, key: str | None = None, timeout: float = 10.0) -> None:
        if not address.startswith(("http://", "https://")):
            raise ValueError(f"the address begins with http:// or https://: {address}")
        self._address, self._timeout = address.rstrip("/"), timeout
        self._headers = {"Accept": "application/json"}
        if key is not None:
            self._headers["Authorization"] = f"Bearer {key}"

    def _send(
        self, method: str, path: str, query: dict[str, Any], body: Any = None, text: bool = False
    ) -> Any:
        given = {name: _text(value) for name, value in query.items() if value is not None}
        address = self._address + path + ("?" + urlencode(given, doseq=True) if given else "")
        headers = dict(self._headers)
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        request = Request(address, data, headers, method=method)
        try:
            with urlopen(request, timeout=self._timeout) as answer:
                content: bytes = answer.read()
        except HTTPError as error:
            with error:
                content = error.read()
            try:
                problem = json.loads(content)
            except ValueError:
                problem = {"title": error.reason}
            raise GoesWithProblem(error.code, problem) from None
        return content.decode() if text else json.loads(content)
'''
PYTHON_TEXT = """

def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return list(value) if isinstance(value, (list, tuple)) else value
"""
TYPESCRIPT_CORE = """
/** An answer that is an error, as problem details (RFC 9457). */
export class GoesWithProblem extends Error {
  readonly status: number;
  readonly problem: Partial<Problem>;

  constructor(status: number, problem: Partial<Problem>) {
    super(`${status}: ${problem.detail ?? problem.title ?? ""}`);
    this.status = status;
    this.problem = problem;
  }
}

type Query = Record<string, string | number | boolean | readonly string[] | null | undefined>;

/** A service at `address`; `key` is one of its keys, where it needs one. */
export class GoesWithClient {
  readonly #address: string;
  readonly #headers: Record<string, string>;

  constructor(address: string, key?: string) {
    this.#address = address.replace(/\\/$/, "");
    this.#headers = { Accept: "application/json" };
    if (key !== undefined) this.#headers.Authorization = `Bearer ${key}`;
  }

  async #send(method: string, path: string, query: Query, body?: unknown): Promise<any> {
    const given = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value === undefined || value === null) continue;
      for (const one of Array.isArray(value) ? value : [value]) given.append(name, String(one));
    }
    const headers = { ...this.#headers };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const answer = await fetch(this.#address + path + (given.size ? `?${given}` : ""), {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const isJson = answer.headers.get("content-type")?.includes("json") ?? false;
    const content = isJson ? await answer.json() : await answer.text();
    if (!answer.ok) throw new GoesWithProblem(answer.status, isJson ? content : {});
    return content;
  }
"""


class Operation(NamedTuple):
    """A method of a client."""

    name: str
    method: str
    path: str
    summary: str
    required: list[tuple[str, Any, str]]
    optional: list[tuple[str, Any]]
    body: Any
    result: Any


def type_of(schema: dict[str, Any], language: int) -> str:  # noqa: PLR0911
    """The type of a schema: 0 is Python, 1 is TypeScript."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "enum" in schema:
        values = [f'"{value}"' for value in schema["enum"]]
        return f"Literal[{', '.join(values)}]" if language == 0 else " | ".join(values)
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(type_of(part, language) for part in schema["anyOf"]))
    kind = schema.get("type")
    if kind == "array":
        item = type_of(schema["items"], language)
        if language == 0:
            return f"list[{item}]"
        return f"({item})[]" if " " in item else f"{item}[]"
    if kind == "object":
        values = schema.get("additionalProperties", True)
        inner = type_of(values if isinstance(values, dict) else {}, language)
        return f"dict[str, {inner}]" if language == 0 else f"Record<string, {inner}>"
    return SCALARS.get(str(kind), ("Any", "unknown"))[language]


def operations(schema: dict[str, Any]) -> Iterator[Operation]:
    """Every operation, in the order of the schema."""
    for path, methods in schema["paths"].items():
        for method, content in methods.items():
            parameters = content.get("parameters", [])
            required = [(p["name"], p["schema"], p["in"]) for p in parameters if p.get("required")]
            optional = [(p["name"], p["schema"]) for p in parameters if not p.get("required")]
            body = content.get("requestBody", {}).get("content", {}).get("application/json")
            answer = next(v for k, v in content["responses"].items() if k.startswith("2"))
            result = answer["content"].get("application/json")
            summary = re.split(r"\n", content["description"])[0]
            yield Operation(
                content["operationId"],
                method.upper(),
                path,
                summary,
                required,
                optional,
                body["schema"] if body else None,
                result["schema"] if result else None,
            )


def python_client(schema: dict[str, Any]) -> str:
    """The text of the Python client."""
    lines = [f'"""{HEADER}"""', "", "from __future__ import annotations", "", "import json"]
    lines += ["from typing import Any, Literal, NotRequired, TypedDict"]
    lines += ["from urllib.error import HTTPError", "from urllib.parse import quote, urlencode"]
    lines += ["from urllib.request import Request, urlopen"]
    for name, content in schema["components"]["schemas"].items():
        needed = set(content.get("required", []))
        lines += [
            "",
            "",
            f"class {name}(TypedDict):",
            f'    """{_first_line(content, name)}"""',
            "",
        ]
        for key, value in content.get("properties", {}).items():
            kind = type_of(value, 0)
            lines.append(f"    {key}: {kind if key in needed else f'NotRequired[{kind}]'}")
    lines += PYTHON_CORE.rstrip("\n").split("\n")
    for one in operations(schema):
        names = [(name, type_of(kind, 0)) for name, kind, _ in one.required]
        names += [("body", type_of(one.body, 0))] if one.body else []
        optional = [(name, _nullable(type_of(kind, 0), "None")) for name, kind in one.optional]
        result = type_of(one.result, 0) if one.result else "str"
        lines += ["", f"    def {one.name}(", "        self,"]
        lines += [f"        {name}: {kind}," for name, kind in names]
        lines += ["        *,"] if optional else []
        lines += [f"        {name}: {kind} = None," for name, kind in optional]
        lines += [f"    ) -> {result}:", f'        """{one.summary}"""']
        path = re.sub(r"\{(\w+)\}", r"{quote(\1, safe='')}", one.path)
        query = [name for name, _, place in one.required if place == "query"]
        query += [name for name, _ in one.optional]
        given = "{" + ", ".join(f'"{name}": {name}' for name in query) + "}"
        arguments = [f'"{one.method}"', ("f" if path != one.path else "") + f'"{path}"', given]
        arguments += ["body"] if one.body else []
        arguments += [] if one.result else ["text=True"]
        lines += [f"        answer: {result} = self._send({', '.join(arguments)})"]
        lines += ["        return answer"]
    return "\n".join(lines) + "\n" + PYTHON_TEXT


def typescript_client(schema: dict[str, Any]) -> str:
    """The text of the TypeScript client."""
    lines = [f"// {HEADER}"]
    for name, content in schema["components"]["schemas"].items():
        needed = set(content.get("required", []))
        lines += ["", f"/** {_first_line(content, name)} */", f"export interface {name} {{"]
        for key, value in content.get("properties", {}).items():
            lines.append(f"  {key}{'' if key in needed else '?'}: {type_of(value, 1)};")
        lines.append("}")
    lines += TYPESCRIPT_CORE.rstrip("\n").split("\n")
    for one in operations(schema):
        names = [f"{name}: {type_of(kind, 1)}" for name, kind, _ in one.required]
        names += [f"body: {type_of(one.body, 1)}"] if one.body else []
        if one.optional:
            fields = "; ".join(
                f"{name}?: {_nullable(type_of(kind, 1), 'null')}" for name, kind in one.optional
            )
            names.append(f"options: {{ {fields} }} = {{}}")
        result = type_of(one.result, 1) if one.result else "string"
        path = re.sub(r"\{(\w+)\}", r"${encodeURIComponent(\1)}", one.path)
        query = [name for name, _, place in one.required if place == "query"]
        query += ["...options"] if one.optional else []
        given = "{ " + ", ".join(query) + " }" if query else "{}"
        arguments = [f'"{one.method}"', f"`{path}`", given] + (["body"] if one.body else [])
        lines += ["", f"  /** {one.summary} */"]
        lines += [f"  {one.name}({', '.join(names)}): Promise<{result}> {{"]
        lines += [f"    return this.#send({', '.join(arguments)});", "  }"]
    return "\n".join([*lines, "}"]) + "\n"


def _first_line(content: dict[str, Any], name: str) -> str:
    return str(content.get("description", name)).split("\n")[0]


def _nullable(kind: str, null: str) -> str:
    return kind if null in kind.split(" | ") else f"{kind} | {null}"


if __name__ == "__main__":
    made = service_schema()
    PYTHON.write_text(python_client(made), encoding="utf-8")
    TYPESCRIPT.write_text(typescript_client(made), encoding="utf-8")
