# shellcheck shell=sh
# The journal across an upgrade and a rollback. The state folder belongs to services, and an
# attacker who takes one over may plant links in it: so only user greenlight works there (journal_copy.py), and
# root keeps the copy in a folder that no one else can enter.

KEPT=${GREENLIGHT_KEPT:-/var/lib/greenlight-setup}

# journal_copy VERB: root reads the script, so it may be where only root can see it.
journal_copy() {
  (cd / && runuser -u greenlight -- /usr/bin/python3 -I -c "$(cat "$HERE/journal_copy.py")" "$1" "$STATE")
}

# Newer software may change the journal; the copy is what the older software can go back to.
keep_journal() {
  forget_journal_copy
  install -d -m 0700 "$KEPT"
  journal_copy save >"$KEPT/journal.db" ||
    die "the journal couldn't be copied (is the disk full?); nothing was changed"
  sync "$KEPT/journal.db"
}

forget_journal_copy() { rm -rf "$KEPT"; }

# Only a journal that the newer software has rewritten is replaced, and it is set aside, not deleted.
restore_journal() {
  [ -s "$KEPT/journal.db" ] || return 0
  aside=$(journal_copy restore <"$KEPT/journal.db") ||
    die "the journal from before the upgrade couldn't be put back; it is kept in $KEPT/journal.db"
  [ -z "$aside" ] || say "the newer journal is in $aside"
  forget_journal_copy
}
