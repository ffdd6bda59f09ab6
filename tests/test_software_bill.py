from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parents[1] / "deploy" / "software_bill.py"


def package(name: str, version: str, **metadata: str) -> dict[str, Any]:
    return {
        "download_info": {"archive_info": {"hashes": {"sha256": name[0] * 64}}},
        "metadata": {"name": name, "version": version, **metadata},
    }


def run(tmp_path: Path, *packages: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    report = tmp_path / "report.json"
    report.write_text(json.dumps({"version": "1", "install": packages}))
    command = [sys.executable, "-S", str(SCRIPT), str(report)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_package_is_listed_with_its_hash(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        package("goeswith", "0.1.0", license_expression="Apache-2.0"),
        package("zebra", "2", license="MIT License"),
        package("A_b", "1.0", license="text " * 100),
    )
    assert done.returncode == 0, done.stderr
    bill = json.loads(done.stdout)
    assert bill["metadata"]["component"]["purl"] == "pkg:pypi/goeswith@0.1.0"
    assert [(c["purl"], c["hashes"][0]["content"][0]) for c in bill["components"]] == [
        ("pkg:pypi/a-b@1.0", "A"),
        ("pkg:pypi/zebra@2", "z"),
    ]
    assert "licenses" not in bill["components"][0]
    assert bill["components"][1]["licenses"] == [{"license": {"name": "MIT License"}}]


def test_a_package_without_a_hash_is_an_error(tmp_path: Path) -> None:
    editable = {"download_info": {}, "metadata": {"name": "own", "version": "1"}}
    done = run(tmp_path, editable)
    assert done.returncode == 1
    assert "own 1: the report has no SHA-256" in done.stderr
