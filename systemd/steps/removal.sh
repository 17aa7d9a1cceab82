# shellcheck shell=sh
# Removes everything the installation created; the appliance's data only on request.

uninstall_all() {
  if is_running; then
    systemctl stop greenlight.target greenlight-page.socket greenlight-page.service greenlight.service \
      greenlight-sync.service greenlight-poweroff.path 2>/dev/null || :
  fi
  systemctl --quiet disable greenlight.target 2>/dev/null || :
  rm -f "$UNIT_FOLDER"/greenlight* /etc/systemd/system/multi-user.target.wants/greenlight.target
  rm -f /usr/local/bin/greenlight /usr/local/bin/greenlight-sync "$SETUP"
  rm -f /usr/local/lib/sysusers.d/greenlight.conf /usr/local/lib/tmpfiles.d/greenlight.conf
  rm -f /etc/udev/rules.d/60-greenlight-gpio.rules
  rm -rf "$PREFIX" /run/greenlight /run/greenlight-page /etc/systemd/system/greenlight-page.socket.d
  for folder in sysusers.d tmpfiles.d systemd/system systemd; do
    rmdir --ignore-fail-on-non-empty /usr/local/lib/$folder 2>/dev/null || :
  done
  forget_name_on_the_lan
  if [ "$1" = purge ]; then
    forget_journal_copy
    rm -rf "$STATE" "$CONFIG" /etc/systemd/system/greenlight.service.d /etc/systemd/system/greenlight-sync.service.d
    rm -rf /etc/systemd/system/greenlight-page.service.d
    for user in greenlight-page greenlight-sync greenlight; do
      ! getent passwd $user >/dev/null || userdel $user
    done
    ! getent group greenlight-page >/dev/null || groupdel greenlight-page
    ! getent group greenlight-sync >/dev/null || groupdel greenlight-sync
    ! getent group greenlight >/dev/null || groupdel greenlight
  fi
  if is_running; then
    systemctl daemon-reload
    systemctl reset-failed 'greenlight*' 2>/dev/null || :
  fi
  if [ "$1" = purge ]; then
    say "removed, with all its data"
  else
    say "removed; picks, ratings and settings stay in $STATE and $CONFIG (uninstall --purge removes them)"
  fi
}
