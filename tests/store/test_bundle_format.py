from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from goeswith.core.errors import BundleError
from goeswith.query.bundle import Bundle
from goeswith.store.manifest import FORMAT, MANIFEST, Manifest, manifest_sha256


@pytest.fixture
def copy(shop_bundle: Path, tmp_path: Path) -> Path:
    """A bundle that may be damaged."""
    return Path(shutil.copytree(shop_bundle, tmp_path / "copy"))


def rewrite(bundle: Path, change: Callable[[dict[str, Any]], object], *, signed: bool) -> None:
    """Change the manifest; `signed` makes its own checksum fit again, as an attacker would."""
    content = json.loads((bundle / MANIFEST).read_text())
    change(content)
    if signed:
        content["sha256"] = manifest_sha256(content)
    (bundle / MANIFEST).write_text(json.dumps(content))


def build_of(bundle: Path) -> Path:
    return bundle / json.loads((bundle / MANIFEST).read_text())["build"]


def test_a_copied_bundle_answers_as_the_original(copy: Path, shop_bundle: Path) -> None:
    there = Bundle.open(shop_bundle).complements("phone-1", 8)
    assert Bundle.open(copy, verify=True).complements("phone-1", 8) == there


def test_a_newer_format_is_refused_with_the_version_that_reads_it(copy: Path) -> None:
    rewrite(copy, lambda m: m.update(format=FORMAT + 1, needs="9.9.0"), signed=False)
    with pytest.raises(BundleError, match=r"format 2; goeswith .* reads up to 1.*goeswith 9\.9\.0"):
        Bundle.open(copy)


def test_an_edited_manifest_is_refused(copy: Path) -> None:
    rewrite(copy, lambda m: m.update(created="yesterday"), signed=False)
    with pytest.raises(BundleError, match="was edited or damaged"):
        Bundle.open(copy)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": "1"}', '{"format": true}'])
def test_a_manifest_that_is_none_is_refused(copy: Path, text: str) -> None:
    (copy / MANIFEST).write_text(text)
    with pytest.raises(BundleError, match=MANIFEST):
        Bundle.open(copy)


def test_a_manifest_that_lacks_a_field_is_refused(copy: Path) -> None:
    rewrite(copy, lambda m: m.pop("models"), signed=True)
    with pytest.raises(BundleError, match="lacks a usable models"):
        Bundle.open(copy)


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/passwd", "a/../../outside", "..\\outside", "c:outside", ""]
)
def test_a_manifest_that_names_a_file_outside_its_folder_is_refused(copy: Path, name: str) -> None:
    entry = {"bytes": 1, "sha256": "0"}
    rewrite(copy, lambda m: m["files"].update({name: entry}), signed=True)
    with pytest.raises(BundleError, match="outside its folder"):
        Bundle.open(copy)


def test_a_file_that_is_a_link_out_of_the_folder_is_refused(copy: Path, tmp_path: Path) -> None:
    answers = build_of(copy) / "answers.safetensors"
    answers.replace(tmp_path / "elsewhere")
    answers.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match="is a link, not a file"):
        Bundle.open(copy)


@pytest.mark.parametrize("name", ["..", "../other", "/tmp", "build-x/../.."])
def test_a_manifest_that_names_another_folder_as_its_build_is_refused(
    copy: Path, name: str
) -> None:
    rewrite(copy, lambda m: m.update(build=name), signed=True)
    with pytest.raises(BundleError, match="not a valid build name"):
        Bundle.open(copy)


def test_every_missing_file_is_named(copy: Path) -> None:
    for name in json.loads((copy / MANIFEST).read_text())["files"]:
        file = build_of(copy) / name
        content = file.read_bytes()
        file.unlink()
        with pytest.raises(BundleError, match=rf"incomplete: .*{name} is missing"):
            Bundle.open(copy)
        file.write_bytes(content)
    Bundle.open(copy, verify=True)


def test_every_truncated_file_is_named_without_reading_it(copy: Path) -> None:
    for name in json.loads((copy / MANIFEST).read_text())["files"]:
        file = build_of(copy) / name
        content = file.read_bytes()
        file.write_bytes(content[:-1])
        with pytest.raises(BundleError, match=rf"{name} has .* truncated or was changed"):
            Bundle.open(copy)
        file.write_bytes(content)
    Bundle.open(copy, verify=True)


def test_a_changed_byte_in_any_file_is_detected_by_verification(copy: Path) -> None:
    for name in json.loads((copy / MANIFEST).read_text())["files"]:
        file = build_of(copy) / name
        content = file.read_bytes()
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(BundleError, match=rf"{name} is damaged: its SHA-256"):
            Bundle.open(copy, verify=True)
        file.write_bytes(content)
    Bundle.open(copy, verify=True)


@pytest.mark.parametrize("name", ["answers", "lookup", "evidence"])
def test_arrays_with_a_damaged_header_are_refused_without_verifying(copy: Path, name: str) -> None:
    file = build_of(copy) / f"{name}.safetensors"
    content = file.read_bytes()
    for damaged in (b"\xff" * 8 + content[8:], content[:8] + b"[" + content[9:]):
        file.write_bytes(damaged)
        with pytest.raises(BundleError, match="not a complete safetensors file"):
            Bundle.open(copy)


def test_answers_that_point_outside_the_catalogue_are_reported_as_damage(copy: Path) -> None:
    file = build_of(copy) / "answers.safetensors"
    content = file.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    begin, end = json.loads(content[8:start])["products"]["data_offsets"]
    wrong = (10**6).to_bytes(4, "little") * ((end - begin) // 4)
    file.write_bytes(content[: start + begin] + wrong + content[start + end :])
    with pytest.raises(BundleError, match="damaged at product 'phone-1'"):
        Bundle.open(copy).complements("phone-1", 3)


def test_a_manifest_whose_k_is_not_that_of_the_answers_is_refused(copy: Path) -> None:
    rewrite(copy, lambda m: m.update(k=5), signed=True)
    with pytest.raises(BundleError, match=r"has shape \(50, 8\).*require \(50, 5\)"):
        Bundle.open(copy)


def test_a_folder_that_is_not_there_or_not_a_bundle_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no such folder; `goeswith fit` makes one"):
        Bundle.open(tmp_path / "nothing")
    with pytest.raises(BundleError, match="is not a bundle"):
        Bundle.open(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(BundleError, match="is not a bundle"):
        Bundle.open(tmp_path / "file")


def test_a_file_that_this_user_may_not_read_is_reported_with_what_to_do(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(manifest: Manifest) -> None:
        raise PermissionError(13, "Permission denied", str(manifest.folder / "answers.safetensors"))

    monkeypatch.setattr(Manifest, "verify_checksums", refused)
    with pytest.raises(BundleError, match=r"answers\.safetensors cannot be read.*chmod -R a\+rX"):
        Bundle.open(copy, verify=True)
