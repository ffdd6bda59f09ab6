"""A software bill of materials (CycloneDX 1.6) of an installation by pip.

    pip install --report report.json goeswith-0.1.0-py3-none-any.whl
    python deploy/software_bill.py report.json > goeswith.cdx.json

The report lists every package that pip installed, with the SHA-256 of the file that it came from.
"""

from __future__ import annotations

import json
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def software_bill(report: dict[str, Any]) -> dict[str, Any]:
    """The bill for a report of `pip install --report`.

    Raises:
        SystemExit: a package has no SHA-256.
    """
    components = sorted((_component(entry) for entry in report["install"]), key=lambda c: c["name"])
    own = [one for one in components if one["name"] == "goeswith"]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid4()}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
            **({"component": {**own[0], "type": "application"}} if own else {}),
        },
        "components": [one for one in components if one["name"] != "goeswith"],
    }


def _component(entry: dict[str, Any]) -> dict[str, Any]:
    metadata = entry["metadata"]
    name, version = metadata["name"], metadata["version"]
    sha256 = entry["download_info"].get("archive_info", {}).get("hashes", {}).get("sha256")
    if sha256 is None:
        raise SystemExit(f"{name} {version}: the report has no SHA-256; install it from a file")
    license_id = metadata.get("license_expression") or metadata.get("license")
    component = {
        "type": "library",
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name.lower().replace('_', '-')}@{version}",
        "hashes": [{"alg": "SHA-256", "content": sha256}],
    }
    component["bom-ref"] = component["purl"]
    if license_id and len(license_id) < 100:  # some packages have its text there
        key = "expression" if metadata.get("license_expression") else "license"
        value = license_id if key == "expression" else {"name": license_id}
        component["licenses"] = [{key: value}]
    return component


def main() -> None:
    """Print the bill for the report that is named on the command line."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    report = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    sys.stdout.write(json.dumps(software_bill(report), indent=2) + "\n")


if __name__ == "__main__":
    main()
