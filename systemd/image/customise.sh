#!/bin/sh
# Turns an image of Raspberry Pi OS Lite 64-bit (12 or 13) into one that boots as the appliance.
# usage: sudo systemd/image/customise.sh IMAGE RELEASE
#   IMAGE    the unpacked .img; it is changed in place, so use a copy
#   RELEASE  a folder packed for it: make release WHEELS=arm64-3.13 (or arm64-3.11 for version 12)
# On processors other than arm64 it needs: apt install qemu-user-static binfmt-support
set -eu

[ $# = 2 ] || { sed -n '2,6s/^# //p' "$0" >&2; exit 2; }
die() {
  printf '%s\n' "customise: $*" >&2
  exit 1
}
[ "$(id -u)" = 0 ] || die "must be root: loop devices need it"
image=$1
release=$(readlink -f -- "$2")
[ -f "$image" ] || die "$image is missing"
[ -f "$release/systemd/install.sh" ] || die "$release isn't a release: make release"
for program in losetup sfdisk e2fsck resize2fs systemd-nspawn; do
  command -v $program >/dev/null || die "$program is missing: apt install fdisk e2fsprogs util-linux systemd-container"
done

# The environment takes 400 MB, more than the image has free; the Pi grows the file system later.
truncate --size=+1G "$image"
echo ', +' | sfdisk --quiet --no-reread -N 2 "$image"
root=$(mktemp -d)
boot_device='' root_device=''
tidy() {
  umount "$root/boot/firmware" 2>/dev/null || :
  umount "$root" 2>/dev/null || :
  for device in $boot_device $root_device; do losetup --detach "$device"; done
  rmdir "$root"
}
trap tidy EXIT
# By offset: not every machine creates devices for a loop device's partitions.
attach() {
  sfdisk --dump "$image" | grep 'start=' | sed -n "$1p" |
    sed 's/.*start= *\([0-9]*\), size= *\([0-9]*\).*/\1 \2/' | {
    read -r start size
    losetup --find --show --offset $((start * 512)) --sizelimit $((size * 512)) "$image"
  }
}
boot_device=$(attach 1)
root_device=$(attach 2)
e2fsck -f -p "$root_device" || [ $? = 1 ] || die "the image's file system is damaged"
resize2fs "$root_device"
mount "$root_device" "$root"
[ -d "$root/boot/firmware" ] || die "this isn't Raspberry Pi OS 12 or 13: it has no /boot/firmware"
mount "$boot_device" "$root/boot/firmware"

cp -R "$release" "$root/root/greenlight"
systemd-nspawn --quiet --register=no --keep-unit --console=pipe --directory="$root" \
  --setenv=GREENLIGHT_PINS=real --setenv=GREENLIGHT_OFFLINE=1 \
  /root/greenlight/systemd/install.sh install </dev/null
rm -rf "$root/root/greenlight"
echo greenlight >"$root/etc/hostname"
sed -i 's/^127\.0\.1\.1.*/127.0.1.1\tgreenlight/' "$root/etc/hosts"
# The firmware switches memory accounting off, and memory limits need it.
cmdline=$root/boot/firmware/cmdline.txt
grep -q cgroup_enable=memory "$cmdline" || sed -i '1s/$/ cgroup_enable=memory/' "$cmdline"
sync
echo "customise: $image is ready; write it to a card with Raspberry Pi Imager"
