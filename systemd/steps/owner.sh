# shellcheck shell=sh
# What the owner sets up after the installation.

# There where the kernel has IPv6.
IPV6=${GREENLIGHT_IPV6:-/proc/net/if_inet6}

# write_setting KEY TEXT: sets or replaces one of the appliance's settings.
write_setting() {
  file=$CONFIG/greenlight.toml
  [ -f "$file" ] || install -m 0644 /dev/null "$file"
  # At the top, so that it is outside of any table.
  {
    printf '%s = "%s"\n' "$1" "$2"
    sed "/^[[:space:]]*$1[[:space:]]*=/d" "$file"
  } >"$file.new"
  chmod 0644 "$file.new"
  mv "$file.new" "$file"
}

# Only the sync service can read the certificates; the appliance never sees them.
connect_to_cloud() {
  getent passwd greenlight-sync >/dev/null || die "Greenlight isn't installed here: run install first"
  fresh=$(mktemp -d "$CONFIG/.connecting.XXXXXX")
  # The folder belongs to someone else and may change while root reads it (connection.py).
  /usr/bin/python3 -I "$HERE/connection.py" "$1" "$fresh/sync" || give_up_connecting "$1 was not accepted: give the folder that provisioning wrote"
  [ -f "$fresh/sync/sync.toml" ] || give_up_connecting "$1/sync.toml is missing: give the folder that provisioning wrote"
  thing=$(sed -n "s/^thing *= *[\"']\([A-Za-z0-9:_-]*\)[\"'].*/\1/p" "$fresh/sync/sync.toml")
  [ -n "$thing" ] || give_up_connecting "$1/sync.toml names no thing: give the folder that provisioning wrote"
  chown -R -h greenlight-sync:greenlight "$fresh/sync"
  trust_keys connection "$fresh/sync/public-keys"
  [ ! -e "$CONFIG/sync" ] || mv -T "$CONFIG/sync" "$fresh/before"
  mv -T "$fresh/sync" "$CONFIG/sync"
  rm -rf "$CONFIG"/.connecting.*
  # The device takes the certificate's name: ratings and the page use it from now on.
  write_setting thing "$thing"
  if is_running; then
    systemctl try-restart greenlight.service ||
      die "the appliance doesn't start; see: journalctl -u greenlight.service -b"
    systemctl restart greenlight-sync.service ||
      die "the sync service doesn't start; see: journalctl -u greenlight-sync.service -b"
  fi
  say "connected as $thing: see sudo greenlight-sync status"
}

give_up_connecting() {
  rm -rf "$fresh"
  die "$1"
}

# trust_keys ORIGIN FOLDER: the appliance checks models with these keys. Each origin (the release, the
# connection) has a list of what it brought. A new connection replaces the keys of the one before. A
# key that a release brought and the owner removed stays removed.
trust_keys() {
  list=$CONFIG/public-keys/.$1
  fresh_list=$list.new
  [ -f "$list" ] || first_list "$1" >"$list"
  cp "$list" "$fresh_list"
  if [ "$1" = connection ]; then
    : >"$fresh_list"
    while IFS= read -r name; do
      [ -e "$2/$name" ] || is_listed "$name" release || rm -f "$CONFIG/public-keys/$name"
    done <"$list"
  fi
  for key in "$2"/*.pub.pem; do
    [ -f "$key" ] || continue
    name=$(basename "$key")
    if [ "$1" = release ] && is_listed "$name" release; then continue; fi
    install -m 0644 "$key" "$CONFIG/public-keys/$name"
    echo "$name" >>"$fresh_list"
  done
  mv "$fresh_list" "$list"
}

is_listed() { [ -f "$CONFIG/public-keys/.$2" ] && grep -qxF -e "$1" "$CONFIG/public-keys/.$2"; }

# first_list ORIGIN: what it brought before there were lists, going by what is there.
first_list() {
  case $1 in
    connection) before=$CONFIG/sync/public-keys ;;
    release) before=${CURRENT-}/share/greenlight/public-keys ;;
  esac
  for key in "$before"/*.pub.pem; do
    [ ! -f "$key" ] || basename "$key"
  done
}

# setting KEY: its value in the owner's settings, without quotes; nothing if it isn't set.
setting() {
  [ ! -f "$CONFIG/greenlight.toml" ] ||
    sed -n "s/^[[:space:]]*$1[[:space:]]*=[[:space:]]*[\"']\{0,1\}\([^\"'#]*\).*/\1/p" "$CONFIG/greenlight.toml" |
    sed 's/[[:space:]]*$//' | head -n 1
}

# systemd opens the page's address: this machine's own, or where the owner's settings say. Only what is
# shown to the network may be reached from the local networks, never from the internet.
set_page_address() {
  host=$(setting page_host)
  port=$(setting page_port)
  host=${host:-127.0.0.1} port=${port:-8080}
  case $host in *[!0-9a-fA-F.:]*) die "page_host must be an address, not $host" ;; esac
  case $port in *[!0-9]*) die "page_port must be a number, not $port" ;; esac
  # A kernel without IPv6 opens no such address.
  [ "$host" != :: ] || [ -e "$IPV6" ] || host=0.0.0.0
  case $host in *:*) address="[$host]:$port" ;; *) address=$host:$port ;; esac
  drop_in=$DROP_INS/greenlight-page.socket.d/address.conf
  install -d -m 0755 "$(dirname "$drop_in")"
  {
    echo "# Written by greenlight-setup, from page, page_host and page_port in $CONFIG/greenlight.toml."
    [ "$(setting page)" != false ] || printf '[Unit]\nConditionPathExists=!/\n'
    printf '[Socket]\nListenStream=\nListenStream=%s\n' "$address"
    # Browsers that use IPv4 are served at the same address.
    [ "$host" != :: ] || echo BindIPv6Only=both
    case $host in
      127.* | ::1) ;;
      *) cat "$HERE/lan.conf" ;;
    esac
  } >"$drop_in.new"
  mv "$drop_in.new" "$drop_in"
  share_page_key
}

# The page's process reads the certificate's key, as its own user.
share_page_key() {
  key=$(setting page_key)
  case $key in '' | */*) return 0 ;; esac
  if [ -f "$CONFIG/$key" ] && [ ! -L "$CONFIG/$key" ]; then chgrp greenlight-page "$CONFIG/$key"; fi
}

# The page's own setting, and the address that systemd opens for it.
show_on_lan() {
  case $1 in
    on) host=:: ;;
    off) host=127.0.0.1 ;;
    *) usage ;;
  esac
  write_setting page_host "$host"
  # The page answers only to its own names; this one is avahi's.
  grep -q '^page_names' "$CONFIG/greenlight.toml" ||
    sed -i '1i page_names = ["greenlight.local"]' "$CONFIG/greenlight.toml"
  # Of releases that served the page in the appliance itself.
  rm -f "$DROP_INS/greenlight.service.d/lan.conf"
  set_page_address
  if is_running; then
    stop_page
    systemctl daemon-reload
    start_page
  fi
  if [ "$1" = on ]; then
    say "the page is at http://greenlight.local:$port for everyone on this network who knows the PIN (greenlight pin)."
    say "It is plain HTTP: anyone who can listen on this network can read it. To encrypt it, set page_certificate and page_key"
  else
    say "the page is at http://localhost:$port on this machine only"
  fi
}

show_status() {
  [ -e "$CURRENT/complete" ] || die "nothing is installed here"
  printf 'runs:   %s\nbefore: %s\n' "$(readlink "$CURRENT")" "$(readlink "$PREVIOUS" || echo none)"
  ! is_running || systemctl --no-pager --lines 0 status greenlight.service greenlight-page.service greenlight-sync.service || :
}
