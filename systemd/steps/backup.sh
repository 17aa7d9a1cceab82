# shellcheck shell=sh
# One file with everything this device knows, for a new card. A backup is a tar of tars, so that the
# state folder's part is written and read by user greenlight alone (state_copy.py).

BACKUP_FORMAT=1
# What a backup may hold, in this order: the state folder, settings, and if asked certificates.
BACKUP_PARTS="format journal.db state.tar settings.tar certificates.tar SHA256SUMS"
# Where root unpacks one, in a folder that no one else can enter.
RESTORING=${GREENLIGHT_RESTORING:-/var/lib/greenlight-restore}

state_copy() {
  (cd / && runuser -u greenlight -- /usr/bin/python3 -I -c "$(cat "$HERE/state_copy.py")" "$1" "$STATE")
}

# backup_to FILE plain|certificates
backup_to() {
  [ ! -e "$1" ] || die "$1 exists: give another name"
  umask 077
  # On the same file system as the backup, which is linked into place at the end.
  work=$(mktemp -d "$1.XXXXXX") || die "$1 can't be written here"
  trap 'rm -rf "$work"' EXIT
  echo "$BACKUP_FORMAT" >"$work/format"
  journal_copy save >"$work/journal.db" || die "the journal couldn't be copied (is the disk full?)"
  [ -s "$work/journal.db" ] || die "nothing to back up: there's no journal yet"
  # A model may be replaced while it is copied: then once more.
  state_copy save >"$work/state.tar" || state_copy save >"$work/state.tar" ||
    die "the state folder couldn't be copied (is the disk full?)"
  tar -C "$CONFIG" -cf "$work/settings.tar" $(cd "$CONFIG" && ls -d greenlight.toml public-keys 2>/dev/null)
  if [ "$2" = certificates ]; then
    tar -C "$CONFIG" --exclude=./greenlight.toml --exclude=./greenlight.example.toml --exclude=./public-keys \
      --exclude=./environment --exclude='./.connecting*' -cf "$work/certificates.tar" .
  fi
  (cd "$work" && sha256sum -- * >SHA256SUMS)
  # shellcheck disable=SC2086 # a list
  (cd "$work" && tar -cf - $(ls -d $BACKUP_PARTS 2>/dev/null)) | gzip >"$work/whole"
  if [ "$2" = certificates ]; then
    with_passphrase -e -salt <"$work/whole" >"$work/done" || die "the backup couldn't be encrypted"
  else
    mv "$work/whole" "$work/done"
  fi
  sync "$work/done"
  # Never over a file that appeared in the meantime.
  ln "$work/done" "$1" || die "$1 couldn't be written"
  sync "$(dirname "$1")"
  say "$1 holds ratings, picks, models, settings and PIN$([ "$2" = plain ] || echo ', and the certificates, encrypted'): keep it elsewhere"
}

# with_passphrase OPTIONS: from the environment, or asked for at the terminal.
with_passphrase() {
  command -v openssl >/dev/null || die "openssl is missing: apt install openssl"
  if [ -n "${GREENLIGHT_PASSPHRASE:-}" ]; then set -- "$@" -pass env:GREENLIGHT_PASSPHRASE; fi
  openssl enc -aes-256-cbc -pbkdf2 -iter 600000 "$@"
}

# restore_from FILE: nothing is changed until the whole file has been read and found sound.
restore_from() {
  [ -f "$1" ] || die "$1 doesn't exist"
  [ -e "$CURRENT/complete" ] || die "Greenlight isn't installed here: run install first"
  rm -rf "$RESTORING"
  install -d -m 0700 "$RESTORING"
  trap 'rm -rf "$RESTORING"' EXIT
  if [ "$(head -c 8 "$1" | tr -d '\0')" = Salted__ ]; then
    with_passphrase -d <"$1" >"$RESTORING/whole" || die "that isn't its passphrase; nothing was changed"
  else
    cat "$1" >"$RESTORING/whole"
  fi
  listed=$(tar -tzf "$RESTORING/whole" 2>/dev/null) || die "$1 isn't a backup, or is damaged; nothing was changed"
  for part in $listed; do
    case " $BACKUP_PARTS " in *" $part "*) ;; *) die "$1 isn't a backup; nothing was changed" ;; esac
  done
  mkdir "$RESTORING/parts"
  tar -xzf "$RESTORING/whole" --no-same-owner -C "$RESTORING/parts"
  (cd "$RESTORING/parts" && sha256sum --check --strict --quiet SHA256SUMS >/dev/null 2>&1) ||
    die "$1 is damaged; nothing was changed"
  [ "$(cat "$RESTORING/parts/format")" = "$BACKUP_FORMAT" ] ||
    die "$1 was made by newer software: upgrade first. Nothing was changed"
  if is_running; then
    stop_page
    systemctl stop greenlight.service greenlight-sync.service
  fi
  put_back
  set_page_address
  if is_running; then
    systemctl daemon-reload
    restart_units || die "the appliance doesn't start; see: journalctl -u greenlight.service -b"
  fi
}

put_back() {
  parts=$RESTORING/parts
  tar -C "$parts" -rf "$parts/state.tar" --mode=0660 journal.db
  aside=$(state_copy restore <"$parts/state.tar") || die "the state folder couldn't be restored; run it again"
  mkdir "$RESTORING/settings"
  tar -xf "$parts/settings.tar" --no-same-owner -C "$RESTORING/settings"
  [ ! -f "$RESTORING/settings/greenlight.toml" ] ||
    install -m 0644 "$RESTORING/settings/greenlight.toml" "$CONFIG/greenlight.toml"
  for key in "$RESTORING"/settings/public-keys/*.pub.pem "$RESTORING"/settings/public-keys/.connection; do
    [ ! -f "$key" ] || install -m 0644 "$key" "$CONFIG/public-keys/"
  done
  if [ -f "$parts/certificates.tar" ]; then
    tar -xf "$parts/certificates.tar" --no-same-owner -C "$CONFIG"
    [ ! -d "$CONFIG/sync" ] || chown -R -h greenlight-sync:greenlight "$CONFIG/sync"
    say "restored with its certificates; what was there before is in $aside"
  else
    say "restored; what was there before is in $aside. To synchronise: greenlight-setup connect FOLDER"
  fi
}
