#!/bin/sh
# Packs a release: everything install.sh needs, in one folder that can be copied to a Pi.
# usage: systemd/pack.sh OUT
#   BUNDLE=DIR (default build/bundle) is the model to include
#   WHEELS=1 adds all wheels for this machine, WHEELS=arm64-3.13 (or arm64-3.11, amd64-3.13 ...) for
#   another processor and Python; with them, installing needs no network
set -eu

[ $# = 1 ] || { sed -n '2,6s/^# //p' "$0" >&2; exit 2; }
TOP=$(dirname -- "$(dirname -- "$(readlink -f -- "$0")")")
OUT=$(mkdir -p -- "$1" && readlink -f -- "$1")
PYTHON=${GREENLIGHT_PYTHON:-$TOP/.venv/bin/python}
BUNDLE=${BUNDLE:-$TOP/build/bundle}
fresh=$(mktemp -d "$OUT.XXXXXX")
trap 'rm -rf "$fresh"' EXIT

die() {
  printf '%s\n' "pack: $*" >&2
  exit 1
}
[ -x "$PYTHON" ] || die "$PYTHON is missing: make setup"
[ -f "$BUNDLE/manifest.json" ] || die "$BUNDLE has no model: make train-export"
BUNDLE=$(readlink -f -- "$BUNDLE")

# From a copy, so that nothing left over from another build slips in; with a fixed time stamp, so that
# the same files always make the same wheel, and installing the running release again changes nothing.
mkdir "$fresh/source"
tar -C "$TOP" --exclude=__pycache__ --exclude=data/films -cf - \
  pyproject.toml README.md LICENSE data judging edge training cloud_sync lambdas | tar -C "$fresh/source" -xf -
SOURCE_DATE_EPOCH=1700000000 "$PYTHON" "$TOP/locks/run_pip.py" "$TOP/build/pip-wheel.log" \
  wheel --no-build-isolation --wheel-dir "$fresh" "$fresh/source"
rm -rf "$fresh/source"

mkdir "$fresh/locks" "$fresh/public-keys"
cp "$TOP/locks/edge.txt" "$TOP/locks/sync.txt" "$TOP/locks/run_pip.py" "$fresh/locks/"
cp "$TOP/systemd/lgpio.txt" "$fresh/locks/"
wheel=$(cd "$fresh" && ls ./*.whl)
version=$(echo "$wheel" | cut -d - -f 2)
echo "greenlight==$version --hash=sha256:$(sha256sum "$fresh/$wheel" | cut -d ' ' -f 1)" \
  >"$fresh/locks/greenlight.txt"

# Only the signed files and the key that signed them: a release trusts no other key.
mkdir "$fresh/bundle"
(cd "$TOP" && "$PYTHON" - "$BUNDLE" "$fresh" <<'PYTHON'
import shutil
import sys
from pathlib import Path

from data.bundle import BundleRefused, read_bundle
from data.manifest import MANIFEST, SIGNATURE
from data.signing import keys_folder, read_public_keys

source, fresh = Path(sys.argv[1]), Path(sys.argv[2])
keys = read_public_keys(keys_folder())
try:
    bundle = read_bundle(source, keys)
except BundleRefused as refused:
    sys.exit(f"pack: {source}: {refused}")
for name in (MANIFEST, SIGNATURE):
    shutil.copy(source / name, fresh / "bundle")
for name, content in bundle.files.items():
    (fresh / "bundle" / name).write_bytes(content)
key_id = bundle.manifest.key_id
(fresh / "public-keys" / f"{key_id}.pub.pem").write_bytes(keys[key_id])
PYTHON
) || die "the model can't be packed; if its key is unknown here, put it into the folder GREENLIGHT_KEYS"

mkdir "$fresh/systemd"
(cd "$TOP/systemd" && cp -R . "$fresh/systemd/")
if [ -d "$TOP/docs" ]; then
  cp "$TOP/docs/appliance.md" "$fresh/"
  mkdir "$fresh/pictures"
  cp "$TOP/docs/pictures/wiring.svg" "$fresh/pictures/"
fi

if [ -n "${WHEELS:-}" ]; then
  "$PYTHON" "$TOP/systemd/fetch_wheels.py" "$WHEELS" "$fresh/wheels" \
    "$TOP/locks/edge.txt" "$TOP/locks/sync.txt" "$TOP/systemd/lgpio.txt" || die "not every wheel could be downloaded"
fi
rm -rf "$OUT"
chmod -R u=rwX,go=rX "$fresh"
mv "$fresh" "$OUT"
trap - EXIT
echo "packed in $OUT; to install it on this machine: sudo $OUT/systemd/install.sh install"
