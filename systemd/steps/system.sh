# shellcheck shell=sh
# The system's requirements, checked before anything is changed.

OS_RELEASE=${GREENLIGHT_OS_RELEASE:-/etc/os-release}

os_says() { sed -n "s/^$1=\"\{0,1\}\([^\"]*\)\"\{0,1\}$/\1/p" "$OS_RELEASE" 2>/dev/null; }

check_system() {
  supported="Greenlight runs on Raspberry Pi OS 64-bit 12 (bookworm) or 13 (trixie), or on Debian 12 or 13 for testing"
  command -v dpkg >/dev/null && command -v systemctl >/dev/null ||
    die "this isn't Debian with systemd. $supported"
  architecture=${GREENLIGHT_ARCHITECTURE:-$(dpkg --print-architecture)}
  case $architecture in
    arm64 | amd64) ;;
    armhf | armel) die "this system is 32-bit ($architecture); flash the 64-bit image. $supported" ;;
    *) die "this processor ($architecture) is not supported. $supported" ;;
  esac
  case $(os_says ID)-$(os_says VERSION_ID) in
    debian-12 | debian-13) ;;
    *) die "this is $(os_says PRETTY_NAME || echo unknown). $supported" ;;
  esac
  python=/usr/bin/python3
  [ -x $python ] || return 0 # its package is about to be installed
  $python -I -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' ||
    die "$($python --version) is not 3.11 to 3.13; is /usr/bin/python3 Debian's own? $supported"
}

is_a_pi() { grep -qs '^Raspberry Pi' /proc/device-tree/model /etc/rpi-issue; }
has_pins() { is_a_pi || ls /dev/gpiochip* >/dev/null 2>&1 || [ "${GREENLIGHT_PINS:-}" = real ]; }
has_package() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }
has_lgpio() { /usr/bin/python3 -I -c 'import sys, importlib.util; sys.exit(not importlib.util.find_spec("lgpio"))'; }

install_packages() {
  needed=
  /usr/bin/python3 -I -c 'import venv, ensurepip' 2>/dev/null || needed="python3 python3-venv"
  wanted=
  has_package avahi-daemon || wanted=avahi-daemon
  # Raspberry Pi OS has this package; plain Debian doesn't.
  has_lgpio || ! has_pins || wanted="$wanted python3-lgpio"
  [ -n "$needed$wanted" ] || return 0
  export DEBIAN_FRONTEND=noninteractive
  if [ "${GREENLIGHT_OFFLINE:-}" != 1 ]; then
    # shellcheck disable=SC2086 # lists of words
    { apt-get update -qq && apt-get install -qq -y --no-install-recommends $needed; } >/dev/null ||
      say "apt couldn't install: $needed"
    for package in $wanted; do
      apt-cache show "$package" >/dev/null 2>&1 || continue
      apt-get install -qq -y --no-install-recommends "$package" >/dev/null ||
        say "apt couldn't install $package; continuing without it"
    done
  fi
  /usr/bin/python3 -I -c 'import venv, ensurepip' 2>/dev/null ||
    die "python3-venv is missing and apt can't install it; connect to a network once, or run apt install python3-venv"
}

# Who may use it without sudo from the next login: the user who ran the installer with sudo, or, on a
# flashed card, the first user.
whose_machine() {
  case ${SUDO_USER:-root} in
    root) getent passwd 1000 | cut -d : -f 1 ;;
    *) echo "$SUDO_USER" ;;
  esac
}

make_users_and_folders() {
  install -d -m 0755 /usr/local/lib/sysusers.d /usr/local/lib/tmpfiles.d
  install -m 0644 "$HERE/sysusers.d/greenlight.conf" /usr/local/lib/sysusers.d/greenlight.conf
  install -m 0644 "$HERE/tmpfiles.d/greenlight.conf" /usr/local/lib/tmpfiles.d/greenlight.conf
  systemd-sysusers /usr/local/lib/sysusers.d/greenlight.conf
  owner=$(whose_machine)
  [ -z "$owner" ] || usermod --append --groups greenlight "$owner"
  if getent group gpio >/dev/null; then
    usermod --append --groups gpio greenlight
    rm -f /etc/udev/rules.d/60-greenlight-gpio.rules
  else
    install -D -m 0644 "$HERE/udev/60-greenlight-gpio.rules" /etc/udev/rules.d/60-greenlight-gpio.rules
    if is_running; then
      udevadm control --reload 2>/dev/null && udevadm trigger --subsystem-match=gpio 2>/dev/null || :
    fi
  fi
  systemd-tmpfiles --create /usr/local/lib/tmpfiles.d/greenlight.conf
}

# Without pins (plain Debian, a container), the same software runs on simulated ones.
choose_pins() {
  [ ! -e "$CONFIG/environment" ] || return 0
  if has_pins; then
    [ -e "$RELEASE/lgpio" ] ||
      die "lgpio is missing: apt install python3-lgpio (on Raspberry Pi OS), then install again"
    return 0
  fi
  say "no GPIO pins here: button and LED are simulated (see $CONFIG/environment)"
  cat >"$CONFIG/environment" <<'ENVIRONMENT'
# Read by greenlight.service. This machine had no GPIO pins when Greenlight was installed.
GREENLIGHT_OPTIONS=--simulate
ENVIRONMENT
}

# Only the name on the local network; the system's host name stays as it is.
name_on_the_lan() {
  avahi=/etc/avahi/avahi-daemon.conf
  [ -f $avahi ] || {
    say "avahi-daemon isn't installed: greenlight.local won't be found by name"
    return 0
  }
  if ! grep -q '^host-name=' $avahi; then
    sed -i 's/^\[server\]$/[server]\nhost-name=greenlight/' $avahi
    is_running && systemctl try-restart avahi-daemon.service 2>/dev/null || :
  fi
}

forget_name_on_the_lan() {
  avahi=/etc/avahi/avahi-daemon.conf
  [ -f $avahi ] || return 0
  sed -i '/^host-name=greenlight$/d' $avahi
  is_running && systemctl try-restart avahi-daemon.service 2>/dev/null || :
}
