from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from goeswith.api import open_bundle
from goeswith.cli.main import app
from goeswith.core.errors import BundleError, ConfigError
from goeswith.core.signatures import read_key, write_new_key
from goeswith.query.bundle import Bundle
from goeswith.serve.process.build_verifier import BuildVerifier
from goeswith.serve.process.reloader import Reloader
from goeswith.settings.serve_settings import ServeSettings
from goeswith.store.manifest import MANIFEST, SIGNATURE, manifest_sha256, read_manifest
from goeswith.store.publish import SIGNING_KEY, new_build, publish

pytest.importorskip("cryptography")
ADDED = ("format", "needs", "id", "build", "created", "files", "sha256")


def publish_again(path: Path) -> None:
    """Publish the build of a bundle once more."""
    old = read_manifest(path)
    with new_build(path) as build:
        shutil.copytree(old.folder, build, dirs_exist_ok=True, ignore=lambda *_: [SIGNATURE])
        publish(build, {k: v for k, v in old.content.items() if k not in ADDED})


@pytest.fixture
def signed(shop_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:
    """A signed bundle, and the public key of its signer."""
    path = tmp_path / "bundle"
    shutil.copytree(shop_bundle, path)
    public_key = write_new_key(tmp_path / "key.pem")
    monkeypatch.setenv(SIGNING_KEY, str(tmp_path / "key.pem"))
    publish_again(path)
    return path, public_key


def refused(path: Path, *keys: str) -> str:
    with pytest.raises(BundleError) as error:
        Bundle.open(path, trusted_keys=keys)
    return str(error.value)


def test_a_signed_bundle_is_opened_by_those_who_trust_its_signer(
    signed: tuple[Path, str], tmp_path: Path
) -> None:
    path, key = signed
    other = write_new_key(tmp_path / "other.pem")
    assert len(open_bundle(path, trusted_keys=[other, key]))
    assert len(Bundle.open(path))  # whoever trusts every bundle
    assert "not signed by a trusted key" in refused(path, other)
    shutil.copytree(path, tmp_path / "copy")
    assert len(Bundle.open(tmp_path / "copy", trusted_keys=[key]))


def change_manifest(path: Path) -> None:
    content = json.loads((path / MANIFEST).read_text())
    content["k"] -= 1
    content["sha256"] = manifest_sha256(content)
    (path / MANIFEST).write_text(json.dumps(content))


def change_file(path: Path) -> None:
    """One byte: the size stays."""
    file = read_manifest(path).folder / "answers.safetensors"
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)


def change_signature(content: bytes) -> Any:
    return lambda path: (read_manifest(path).folder / SIGNATURE).write_bytes(content)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (change_manifest, "was changed since"),
        (change_file, "SHA-256"),
        (change_signature(b""), "not signed by a trusted key"),
        (change_signature(b"\xff\xfe garbage"), "not signed by a trusted key"),
        (change_signature(b"A" * 88), "not signed by a trusted key"),
        (change_signature(b"A" * 5000), "more than 1,000"),
        (lambda path: (read_manifest(path).folder / SIGNATURE).unlink(), "is not signed: fit"),
    ],
)
def test_what_was_changed_is_refused(signed: tuple[Path, str], change: Any, message: str) -> None:
    path, key = signed
    change(path)
    assert message in refused(path, key)


def test_a_service_keeps_its_build_until_a_signed_one_comes(
    signed: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, key = signed
    verifier = BuildVerifier([key])
    current = [Bundle.open(path, verify=verifier)]
    reasons: list[str | None] = []
    reloader = Reloader(
        path,
        lambda: current[-1],
        current.append,
        verifier,
        lambda outcome, _, why: reasons.append(why),
    )
    with monkeypatch.context() as unsigned:
        unsigned.delenv(SIGNING_KEY)
        publish_again(path)
    assert not reloader.check()
    assert "is not signed" in str(reasons.pop())
    publish_again(path)
    assert reloader.check()
    assert len(current) == 2


def test_the_private_key_is_of_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    done = CliRunner().invoke(app, ["signing-key", str(file), "--json"])
    public_key = json.loads(done.output)["public_key"]
    assert ServeSettings(trusted_keys=[public_key]).trusted_keys == [public_key]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read_key(file) is not None
    with pytest.raises(ConfigError, match="exists already"):
        write_new_key(file)


@pytest.mark.parametrize("content", [None, b"", b"no key", b"\xff" * 10])
def test_a_key_that_cannot_be_used_stops_before_a_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    monkeypatch.setenv(SIGNING_KEY, str(tmp_path / "key"))
    with (
        pytest.raises(ConfigError, match="goeswith signing-key"),
        new_build(tmp_path / "bundle"),
    ):
        pytest.fail("the fit has begun")


def test_a_mistyped_public_key_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a public key"):
        ServeSettings(trusted_keys=["nWGxne/9WmC6hEr0kuws"])
