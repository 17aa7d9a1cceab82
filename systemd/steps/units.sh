# shellcheck shell=sh
# The units belong to a release and are only linked from it: going back takes them along.

link_units() {
  install -d -m 0755 "$UNIT_FOLDER"
  for unit in "$CURRENT"/share/greenlight/systemd/greenlight*.service \
    "$CURRENT"/share/greenlight/systemd/greenlight*.target \
    "$CURRENT"/share/greenlight/systemd/greenlight*.path; do
    ln -sfn "$unit" "$UNIT_FOLDER/$(basename "$unit")"
  done
  for unit in "$UNIT_FOLDER"/greenlight*; do
    [ -e "$unit" ] || rm -f "$unit" # of a unit that this release has no more
  done
  ! is_running || systemctl daemon-reload
}

enable_units() { systemctl --quiet enable greenlight.target; }

# What runs already is left alone, unless another release ran before.
start_units() {
  if [ "$before" = "$RELEASE" ] && systemctl --quiet is-active greenlight.service; then
    systemctl start greenlight.target
  else
    restart_units
  fi
}

restart_units() {
  systemctl reset-failed 'greenlight*' 2>/dev/null || :
  systemctl start greenlight-poweroff.path &&
    systemctl restart greenlight.service && # waits until it says that it is ready
    systemctl restart greenlight-sync.service &&
    systemctl start greenlight.target
}

restarts() { systemctl show --property NRestarts --value "$1"; }

has_settled() {
  sleep "$SETTLE_SECONDS"
  systemctl --quiet is-active greenlight.service && [ "$(restarts greenlight.service)" = 0 ] || return 1
  [ ! -e "$CONFIG/sync/sync.toml" ] ||
    { systemctl --quiet is-active greenlight-sync.service && [ "$(restarts greenlight-sync.service)" = 0 ]; }
}

show_failure() { journalctl --quiet --no-pager --boot --lines 15 --unit greenlight.service --unit greenlight-sync.service >&2 || :; }

# To the release $1; $2, which it leaves, stays as `previous`.
turn_back() {
  if is_running; then systemctl stop greenlight.service greenlight-sync.service || :; fi
  restore_journal
  replace_link "$2" "$PREVIOUS"
  replace_link "$1" "$CURRENT"
  sync
  link_programs
  link_units
  if is_running; then restart_units || die "$1 does not start either; see: journalctl -u greenlight.service -b"; fi
}

uninstall_all() {
  if is_running; then
    systemctl stop greenlight.target greenlight.service greenlight-sync.service greenlight-poweroff.path 2>/dev/null || :
  fi
  systemctl --quiet disable greenlight.target 2>/dev/null || :
  rm -f "$UNIT_FOLDER"/greenlight* /etc/systemd/system/multi-user.target.wants/greenlight.target
  rm -f /usr/local/bin/greenlight /usr/local/bin/greenlight-sync "$SETUP"
  rm -f /usr/local/lib/sysusers.d/greenlight.conf /usr/local/lib/tmpfiles.d/greenlight.conf
  rm -f /etc/udev/rules.d/60-greenlight-gpio.rules
  rm -rf "$PREFIX" /run/greenlight
  for folder in sysusers.d tmpfiles.d systemd/system systemd; do
    rmdir --ignore-fail-on-non-empty /usr/local/lib/$folder 2>/dev/null || :
  done
  forget_name_on_the_lan
  if [ "$1" = purge ]; then
    rm -rf "$STATE" "$CONFIG" /etc/systemd/system/greenlight.service.d /etc/systemd/system/greenlight-sync.service.d
    for user in greenlight-sync greenlight; do
      ! getent passwd $user >/dev/null || userdel $user
    done
    ! getent group greenlight-sync >/dev/null || groupdel greenlight-sync
    ! getent group greenlight >/dev/null || groupdel greenlight
  fi
  if is_running; then
    systemctl daemon-reload
    systemctl reset-failed 'greenlight*' 2>/dev/null || :
  fi
  if [ "$1" = purge ]; then
    say "removed, with everything it knew"
  else
    say "removed; picks, ratings and settings stay in $STATE and $CONFIG (uninstall --purge removes them)"
  fi
}
