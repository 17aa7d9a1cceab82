# shellcheck shell=sh
# Each release has its own folder, with its own environment and units; the link `current` points at
# the one that runs. Upgrading and rolling back means changing that link.

# The folder that `make release` packed: wheel, locks, bundle, keys, units.
find_payload() {
  # On the device: the release that this file belongs to.
  RELEASE=$(readlink -f "$HERE/../../..")
  [ ! -e "$RELEASE/complete" ] || return 0
  PAYLOAD=${GREENLIGHT_PAYLOAD:-$(dirname "$HERE")}
  WHEEL=$(find "$PAYLOAD" -maxdepth 1 -name 'greenlight-*-py3-none-any.whl' | head -n 1)
  [ -n "$WHEEL" ] || die "$PAYLOAD isn't a release; in the checkout, use make install"
  for file in locks/edge.txt locks/sync.txt locks/greenlight.txt locks/run_pip.py; do
    [ -f "$PAYLOAD/$file" ] || die "$PAYLOAD/$file is missing: pack the release again"
  done
  # The same files on the same Python are the same release.
  fingerprint=$(
    {
      /usr/bin/python3 --version
      cd "$PAYLOAD" && find . -type f ! -path './wheels/*' | LC_ALL=C sort | while IFS= read -r file; do
        sha256sum "$file"
      done
    } | sha256sum | cut -c 1-12
  )
  version=$(basename "$WHEEL" | cut -d - -f 2)
  RELEASE=$RELEASES/$version-$fingerprint
}

build_release() {
  [ ! -e "$RELEASE/complete" ] || return 0
  say "building $RELEASE (a minute or two)"
  rm -rf "$RELEASE"
  install -d -m 0755 "$PREFIX" "$RELEASES"
  /usr/bin/python3 -I -m venv "$RELEASE"
  set -- --no-cache-dir
  # A release with its wheels needs no network.
  [ ! -d "$PAYLOAD/wheels" ] || set -- "$@" --no-index --find-links "$PAYLOAD/wheels"
  install_lock greenlight "$@" --find-links "$PAYLOAD" || give_up
  for lock in edge sync; do
    install_lock "$lock" "$@" || give_up
  done
  add_lgpio "$@"
  share=$RELEASE/share/greenlight
  install -d "$share"
  cp -R "$PAYLOAD/systemd" "$share/"
  for part in bundle public-keys appliance.md; do
    [ ! -e "$PAYLOAD/$part" ] || cp -R "$PAYLOAD/$part" "$share/"
  done
  chmod -R u=rwX,go=rX "$share"
  "$RELEASE/bin/greenlight" --help >/dev/null || give_up
  "$RELEASE/bin/greenlight-sync" --help >/dev/null || give_up
  sync
  : >"$RELEASE/complete"
}

# Installs a lock, without a resolver; of pip's output only progress and errors are shown.
install_lock() {
  lock_name=$1
  shift
  "$RELEASE/bin/python" -I "$PAYLOAD/locks/run_pip.py" "$PREFIX/pip-$lock_name.log" \
    install -r "$PAYLOAD/locks/$lock_name.txt" "$@"
}

give_up() {
  rm -rf "$RELEASE"
  die "the release couldn't be built; the running one is unchanged. Without a network, pack it with its wheels: make release WHEELS=$(dpkg --print-architecture)-$(/usr/bin/python3 -I -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
}

# lgpio is the system's (it has wheels for Python 3.11 only): its two files are linked into the
# environment, so that nothing else of the system's Python is visible there.
add_lgpio() {
  if [ ! -f "$PAYLOAD/locks/lgpio.txt" ] || has_lgpio; then
    has_lgpio || return 0
    site=$("$RELEASE/bin/python" -I -c 'import sysconfig; print(sysconfig.get_path("platlib"))')
    /usr/bin/python3 -I -c 'from importlib.util import find_spec as find
print(find("lgpio").origin, find("_lgpio").origin, sep="\n")' |
      while IFS= read -r file; do ln -s "$file" "$site/"; done
  else
    install_lock lgpio "$@" ||
      say "lgpio's wheel couldn't be installed"
  fi
  # Importing it leaves a pipe in the folder LG_WD.
  pipes=$(mktemp -d)
  if LG_WD=$pipes "$RELEASE/bin/python" -I -c 'import lgpio' 2>/dev/null; then : >"$RELEASE/lgpio"; fi
  rm -rf "$pipes"
}

take_keys() {
  [ ! -d "$RELEASE/share/greenlight/public-keys" ] ||
    trust_keys release "$RELEASE/share/greenlight/public-keys"
}

# The appliance treats it like any download: checked, tried in a child process, then swapped in.
offer_bundle() {
  [ -d "$RELEASE/share/greenlight/bundle" ] || return 0
  (cd / && runuser -u greenlight -- "$RELEASE/bin/python" -I "$RELEASE/share/greenlight/systemd/offer_bundle.py" \
    "$STATE" "$RELEASE/share/greenlight/bundle") ||
    say "the model that came with this release couldn't be offered to the appliance"
}

# Renames are atomic: at any moment, even after a power cut, `current` points at a complete release.
replace_link() {
  ln -sfn "$1" "$2.new"
  mv -T "$2.new" "$2"
}

point_at() {
  now=$(readlink -f "$CURRENT" 2>/dev/null || :)
  if [ -n "$now" ] && [ "$now" != "$1" ] && [ -e "$now/complete" ]; then
    replace_link "$now" "$PREVIOUS"
  fi
  replace_link "$1" "$CURRENT"
  sync
  link_programs
}

link_programs() {
  for program in greenlight greenlight-sync; do
    ln -sfn "$CURRENT/bin/$program" /usr/local/bin/$program
  done
  ln -sfn "$CURRENT/share/greenlight/systemd/install.sh" "$SETUP"
}

prune_releases() {
  for release in "$RELEASES"/*; do
    [ "$release" = "$(readlink -f "$CURRENT")" ] || [ "$release" = "$(readlink -f "$PREVIOUS")" ] ||
      rm -rf "$release"
  done
}
