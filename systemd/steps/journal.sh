# shellcheck shell=sh
# The journal through an upgrade and back.

# Newer software may change the journal; the copy is what the older software can go back to.
keep_journal() {
  rm -rf "$STATE/before-upgrade"
  [ -f "$STATE/journal.db" ] || return 0
  install -d -m 0700 -o greenlight -g greenlight "$STATE/before-upgrade"
  runuser -u greenlight -- /usr/bin/python3 - "$STATE/journal.db" "$STATE/before-upgrade/journal.db" <<'PYTHON'
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as journal, sqlite3.connect(sys.argv[2]) as copy:
    journal.backup(copy)
PYTHON
}

forget_journal_copy() { rm -rf "$STATE/before-upgrade"; }

journal_schema() {
  /usr/bin/python3 -c 'import sqlite3, sys
print(*sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True).execute("PRAGMA user_version").fetchone())' "$1" 2>/dev/null
}

# Only a journal that the newer software has rewritten is replaced, and it is set aside, not deleted.
restore_journal() {
  [ -f "$STATE/before-upgrade/journal.db" ] || return 0
  if [ "$(journal_schema "$STATE/journal.db")" != "$(journal_schema "$STATE/before-upgrade/journal.db")" ]; then
    aside=$STATE/journal-of-failed-upgrade-$(date +%Y%m%d%H%M%S)
    install -d -m 0700 -o greenlight -g greenlight "$aside"
    for file in "$STATE"/journal.db*; do mv "$file" "$aside/"; done
    mv "$STATE/before-upgrade/journal.db" "$STATE/journal.db"
    chown greenlight:greenlight "$STATE/journal.db"
    chmod 0660 "$STATE/journal.db"
    say "the newer journal lies in $aside"
  fi
  forget_journal_copy
}
