#!/usr/bin/env bash
# Builds the wheel into dist/, checks what is in it, installs it in an empty environment, and runs a
# small fit and recommend there. Beside the wheel it writes the bill of what was installed and the
# sums of both. `make release` calls it.
set -euo pipefail
unset PYTHONPATH
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
root=$PWD
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

rm -rf dist
"$python" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
wheel=$(ls "$root"/dist/goeswith-*.whl)

"$python" - "$wheel" <<'EOF'
import re
import sys
import zipfile
from pathlib import Path

wheel = Path(sys.argv[1])
version = re.search(r'__version__ = "(.+)"', Path("src/goeswith/__init__.py").read_text())[1]
stated = {
    "pyproject.toml": f'version = "{version}"',
    "CITATION.cff": f"version: {version}",
    "CHANGELOG.md": f"[{version}]",
}
for file, text in stated.items():
    if text not in Path(file).read_text(encoding="utf-8"):
        sys.exit(f"{file} lacks {text!r}, the version of src/goeswith/__init__.py")
names = zipfile.ZipFile(wheel).namelist()
source = {
    path.relative_to("src").as_posix()
    for path in Path("src/goeswith").rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
}
if missing := source - set(names):
    sys.exit(f"{wheel.name} lacks {sorted(missing)}")
info = f"goeswith-{version}.dist-info/"
if other := [name for name in names if name not in source and not name.startswith(info)]:
    sys.exit(f"{wheel.name} holds files that are not of the package: {other}")
if f"{info}licenses/LICENSE" not in names:
    sys.exit(f"{wheel.name} lacks the licence")
print(f"{wheel.name}: {len(names)} files, {wheel.stat().st_size / 1e6:.1f} MB")
EOF

"$python" -m venv "$scratch/venv"
"$scratch/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  -c constraints.txt --report "$scratch/report.json" "$wheel[serve]"
bill=${wheel%-py3-none-any.whl}.cdx.json
"$python" deploy/software_bill.py "$scratch/report.json" > "$bill"
(cd dist && sha256sum -- *.whl *.cdx.json > SHA256SUMS)
cd "$scratch"
mkdir shop
"$scratch/venv/bin/python" - <<'EOF'
import random

random.seed(0)
with open("shop/events.csv", "w") as file:
    print("basket_id,product_id", file=file)
    for basket in range(200):
        for product in random.sample(["phone", "case", "cable", "charger"], 2):
            print(f"{basket},{product}", file=file)
EOF
"$scratch/venv/bin/goeswith" --version
"$scratch/venv/bin/goeswith" fit shop --out bundle
"$scratch/venv/bin/goeswith" recommend bundle phone -k 2
echo "the wheel is good: $wheel; its software bill of materials: $bill"
