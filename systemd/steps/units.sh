# shellcheck shell=sh
# The units belong to a release and are only linked, so a rollback includes them.

link_units() {
  install -d -m 0755 "$UNIT_FOLDER"
  for unit in "$CURRENT"/share/greenlight/systemd/greenlight*.service \
    "$CURRENT"/share/greenlight/systemd/greenlight*.socket \
    "$CURRENT"/share/greenlight/systemd/greenlight*.target \
    "$CURRENT"/share/greenlight/systemd/greenlight*.path; do
    ln -sfn "$unit" "$UNIT_FOLDER/$(basename "$unit")"
  done
  for unit in "$UNIT_FOLDER"/greenlight*; do
    [ -e "$unit" ] || rm -f "$unit" # a unit that this release no longer has
  done
  lay_example
  set_page_address
  ! is_running || systemctl daemon-reload
}

# The example file with all settings of the running release.
lay_example() {
  for example in "$CURRENT"/lib/python3*/site-packages/edge/greenlight.example.toml; do
    [ ! -f "$example" ] || install -m 0644 "$example" "$CONFIG/"
  done
}

enable_units() { systemctl --quiet enable greenlight.target; }

# A running service is left alone, unless it is of another release.
start_units() {
  if [ "$before" = "$RELEASE" ] && systemctl --quiet is-active greenlight.service; then
    systemctl start greenlight.target
  else
    restart_units
  fi
}

restart_units() {
  systemctl reset-failed 'greenlight*' 2>/dev/null || :
  stop_page
  systemctl start greenlight-poweroff.path &&
    systemctl restart greenlight.service && # waits until it reports that it is ready
    start_page &&
    systemctl restart greenlight-sync.service &&
    systemctl start greenlight.target
}

# A socket can't be reopened while its service runs.
stop_page() { systemctl stop greenlight-page.socket greenlight-page.service 2>/dev/null || :; }

# The appliance works without its page; an older release has no page.
start_page() {
  [ ! -e "$UNIT_FOLDER/greenlight-page.socket" ] || systemctl start greenlight-page.socket ||
    say "the page's address is taken: set another page_port in $CONFIG/greenlight.toml, then: greenlight-setup lan on|off"
}

restarts() { systemctl show --property NRestarts --value "$1"; }

has_settled() {
  sleep "$SETTLE_SECONDS"
  systemctl --quiet is-active greenlight.service && [ "$(restarts greenlight.service)" = 0 ] || return 1
  [ ! -e "$CONFIG/sync/sync.toml" ] ||
    { systemctl --quiet is-active greenlight-sync.service && [ "$(restarts greenlight-sync.service)" = 0 ]; }
}

show_failure() { journalctl --quiet --no-pager --boot --lines 15 --unit greenlight.service --unit greenlight-sync.service >&2 || :; }

# turn_back TO FROM: switches to the release TO; FROM stays as `previous`.
turn_back() {
  if is_running; then
    stop_page
    systemctl stop greenlight.service greenlight-sync.service || :
  fi
  restore_journal
  replace_link "$2" "$PREVIOUS"
  replace_link "$1" "$CURRENT"
  sync
  link_programs
  link_units
  if is_running; then restart_units || die "$1 doesn't start either; see: journalctl -u greenlight.service -b"; fi
}
