#!/bin/sh
# Installs Greenlight on Raspberry Pi OS 64-bit (12, 13), or on plain Debian 12 or 13 for testing.
# `make install` packs a release and runs this; on the device it is called greenlight-setup.
set -eu

# Root runs nothing that the caller could substitute: programs come from the system's folders, the
# working folder is /, and no variable changes what the shell, the loader or Python does.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
umask 022
for variable in $(env | sed -n 's/^\(PYTHON[A-Z0-9_]*\|LD_[A-Z0-9_]*\|BASH_ENV\|ENV\|CDPATH\|PIP_TARGET\|PIP_PREFIX\|PIP_ROOT\|PIP_USER\)=.*/\1/p'); do
  unset "$variable"
done
CALLER=$(pwd)
from_caller() { case $1 in /*) printf '%s\n' "$1" ;; *) printf '%s\n' "$CALLER/$1" ;; esac; }

HERE=$(dirname -- "$(readlink -f -- "$0")")
[ -z "${GREENLIGHT_PAYLOAD:-}" ] || GREENLIGHT_PAYLOAD=$(from_caller "$GREENLIGHT_PAYLOAD")
cd /
PREFIX=/opt/greenlight
RELEASES=$PREFIX/releases
CURRENT=$PREFIX/current
PREVIOUS=$PREFIX/previous
CONFIG=/etc/greenlight
STATE=/var/lib/greenlight
UNIT_FOLDER=/usr/local/lib/systemd/system
DROP_INS=/etc/systemd/system
SETUP=/usr/local/sbin/greenlight-setup
# How long a fresh release must have run without a restart before it is trusted.
SETTLE_SECONDS=${GREENLIGHT_SETTLE_SECONDS:-15}

say() { printf '%s\n' "greenlight-setup: $*"; }
die() {
  printf '%s\n' "greenlight-setup: $*" >&2
  exit 1
}
is_running() { [ -d /run/systemd/system ]; }

usage() {
  cat >&2 <<'USAGE'
usage: greenlight-setup install            install or repair; running it again changes nothing
       greenlight-setup upgrade            like install, but back to the previous release if it fails
       greenlight-setup rollback           back to the previous release
       greenlight-setup uninstall [--purge]   remove; --purge removes picks, ratings and settings too
       greenlight-setup connect FOLDER     install the certificates that provisioning wrote, and synchronise
       greenlight-setup lan on|off         serve the page on the local network, or on this machine only
       greenlight-setup backup FILE [--with-certificates]   everything this device knows, in one file
       greenlight-setup restore FILE       put it onto this card
       greenlight-setup status             show the running release and the previous one
USAGE
  exit 2
}

# shellcheck source=systemd/steps/system.sh
. "$HERE/steps/system.sh"
# shellcheck source=systemd/steps/release.sh
. "$HERE/steps/release.sh"
# shellcheck source=systemd/steps/journal.sh
. "$HERE/steps/journal.sh"
# shellcheck source=systemd/steps/units.sh
. "$HERE/steps/units.sh"
# shellcheck source=systemd/steps/owner.sh
. "$HERE/steps/owner.sh"
# shellcheck source=systemd/steps/backup.sh
. "$HERE/steps/backup.sh"
# shellcheck source=systemd/steps/removal.sh
. "$HERE/steps/removal.sh"

put_in_place() {
  check_system
  find_payload
  install_packages
  make_users_and_folders
  build_release
  take_keys
  choose_pins
}

install_all() {
  put_in_place
  offer_bundle
  before=$(readlink -f "$CURRENT" 2>/dev/null || :)
  point_at "$RELEASE"
  link_units
  name_on_the_lan
  enable_units
  prune_releases
  if is_running; then
    start_units || die "it doesn't start; see: journalctl -u greenlight.service -b"
    say "running: $(readlink "$CURRENT"). Press the button, or: greenlight press"
  else
    say "installed; it starts at the next boot"
  fi
}

upgrade_all() {
  [ -e "$CURRENT/complete" ] || die "nothing is installed here: run install"
  put_in_place
  if [ "$(readlink -f "$CURRENT")" = "$RELEASE" ]; then
    say "this release is already running"
    install_all
    return
  fi
  before=$(readlink -f "$CURRENT")
  keep_journal
  point_at "$RELEASE"
  link_units
  if is_running; then
    if ! restart_units || ! has_settled; then
      say "the new release doesn't run; going back to $before"
      show_failure
      turn_back "$before" "$RELEASE"
      die "the upgrade failed; $before is running again. Nothing was lost"
    fi
  fi
  forget_journal_copy
  offer_bundle
  prune_releases
  say "upgraded to $RELEASE"
}

rollback_all() {
  [ -e "$PREVIOUS/complete" ] || die "there is no previous release"
  failed=$(readlink -f "$CURRENT")
  turn_back "$(readlink -f "$PREVIOUS")" "$failed"
  say "$(readlink -f "$CURRENT") is running again; $failed is kept"
}

[ $# -ge 1 ] || usage
command=$1
shift
case $command in
  install | upgrade | rollback | uninstall | connect | lan | backup | restore)
    [ "$(id -u)" = 0 ] || die "must be root: try sudo greenlight-setup $command $*"
    ;;
esac
case $command in
  install) [ $# = 0 ] || usage; install_all ;;
  upgrade) [ $# = 0 ] || usage; upgrade_all ;;
  rollback) [ $# = 0 ] || usage; rollback_all ;;
  uninstall)
    case ${1-} in
      '') uninstall_all keep ;;
      --purge) uninstall_all purge ;;
      *) usage ;;
    esac
    ;;
  connect) [ $# = 1 ] || usage; connect_to_cloud "$(from_caller "$1")" ;;
  lan) [ $# = 1 ] || usage; show_on_lan "$1" ;;
  backup)
    case $#${2-} in
      1) backup_to "$(from_caller "$1")" plain ;;
      2--with-certificates) backup_to "$(from_caller "$1")" certificates ;;
      *) usage ;;
    esac
    ;;
  restore) [ $# = 1 ] || usage; restore_from "$(from_caller "$1")" ;;
  status) show_status ;;
  *) usage ;;
esac
