# shellcheck shell=sh
# What an owner decides after the installation.

# Certificates are readable for the sync service alone; the appliance never sees them.
connect_to_cloud() {
  [ -f "$1/sync.toml" ] || die "$1/sync.toml is missing: give the folder that provisioning wrote"
  getent passwd greenlight-sync >/dev/null || die "Greenlight is not installed here: use install first"
  fresh=$CONFIG/sync.new
  rm -rf "$fresh"
  cp -R "$1" "$fresh"
  chown -R greenlight-sync:greenlight "$fresh"
  find "$fresh" -type d -exec chmod 0700 {} +
  find "$fresh" -type f -exec chmod 0400 {} +
  rm -rf "$CONFIG/sync.old"
  [ ! -d "$CONFIG/sync" ] || mv -T "$CONFIG/sync" "$CONFIG/sync.old"
  mv -T "$fresh" "$CONFIG/sync"
  rm -rf "$CONFIG/sync.old"
  # The appliance checks models with the same keys.
  for key in "$CONFIG"/sync/public-keys/*.pub.pem; do
    [ ! -f "$key" ] || install -m 0644 "$key" "$CONFIG/public-keys/"
  done
  if is_running; then
    systemctl restart greenlight-sync.service ||
      die "the sync service does not start; see: journalctl -u greenlight-sync.service -b"
  fi
  say "connected: see sudo greenlight-sync status"
}

# The page's own setting, and the firewall of the unit beside it: the local network, never more.
show_on_lan() {
  file=$CONFIG/greenlight.toml
  drop_in=/etc/systemd/system/greenlight.service.d/lan.conf
  case $1 in
    on) host=0.0.0.0 ;;
    off) host=127.0.0.1 ;;
    *) usage ;;
  esac
  [ -f "$file" ] || install -m 0644 /dev/null "$file"
  cp "$file" "$file.new"
  sed -i '/^page_host *=/d' "$file.new"
  # Before the first line, so that it stays outside of any table.
  {
    printf 'page_host = "%s"\n' "$host"
    # The page answers to its own names only; this one is avahi's.
    grep -q '^page_names' "$file.new" || echo 'page_names = ["greenlight.local"]'
    cat "$file.new"
  } >"$file.newer"
  mv "$file.newer" "$file"
  rm -f "$file.new"
  if [ "$1" = on ]; then
    install -D -m 0644 "$HERE/lan.conf" $drop_in
  else
    rm -f $drop_in
    rmdir --ignore-fail-on-non-empty "$(dirname $drop_in)" 2>/dev/null || :
  fi
  if is_running; then
    systemctl daemon-reload
    systemctl try-restart greenlight.service
  fi
  if [ "$1" = on ]; then
    say "the page is at http://greenlight.local:8080 for everyone on this network who knows the PIN (greenlight pin)."
    say "It is plain HTTP: whoever can listen on this network can read it. A certificate of your own is one setting: page_certificate"
  else
    say "the page is at http://localhost:8080 on this machine only"
  fi
}

show_status() {
  [ -e "$CURRENT/complete" ] || die "nothing is installed here"
  printf 'runs:   %s\nbefore: %s\n' "$(readlink "$CURRENT")" "$(readlink "$PREVIOUS" || echo none)"
  ! is_running || systemctl --no-pager --lines 0 status greenlight.service greenlight-sync.service || :
}
