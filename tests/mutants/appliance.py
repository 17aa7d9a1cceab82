"""The appliance: its button, light, decisions, commands and files."""

from __future__ import annotations

from tests.mutants.mutation import Mutation

MUTATIONS = (
    Mutation(
        "questions-cancel-others", "in one browser session a newer question cancels",
        "docs/picking.md",
        "edge/appliance/page_verbs.py",
        "asker=session.id", 'asker="page"',
        "tests/edge/page/test_what_if.py::test_two_owners_who_ask_at_once_are_both_answered",
    ),
    Mutation(
        "questions-before-presses", "a press cancels all of them", "docs/picking.md",
        "edge/appliance/appliance.py",
        "        self._explainer.give_way()\n", "",
        "tests/edge/appliance/test_explainer.py::"
        "test_a_newer_question_of_one_session_and_a_press_cancel_what_waits",
    ),
    Mutation(
        "press-boundary-moved", "short, 0.05-1 s", "docs/appliance.md", "edge/panel/button.py",
        "if seconds >= beginning)", "if seconds > beginning)",
        "tests/edge/panel/test_button.py::test_the_boundaries_are_those_of_the_table",
        gate=True,
    ),
    Mutation(
        "thirty-seconds-cancel", "hold 20-30 s", "docs/appliance.md", "edge/panel/button.py",
        "    if seconds == STAGES[-1][0]:", "    if False:",
        "tests/edge/panel/test_button.py::test_the_boundaries_are_those_of_the_table",
    ),
    Mutation(
        "confirmed-before-written", "committed before the appliance confirms it",
        "docs/architecture.md",
        "edge/appliance/decisions.py",
        "self._write(lambda: self._journal.record_decision(", "(lambda *_: None)((",
        "tests/edge/appliance/test_appliance.py::"
        "test_an_approval_that_cannot_be_written_is_refused_and_the_pick_still_waits",
    ),
    Mutation(
        "reserve-takes-the-last",
        "A full disk, a broken network or a flood costs time, not ratings",
        "docs/security.md", "edge/appliance/disk_space.py",
        "if _free(self._path) < 2 * RESERVE_BYTES:", "if _free(self._path) < RESERVE_BYTES:",
        "tests/edge/appliance/test_disk_space.py::test_the_reserve_is_made_only_where_twice_its_size_is_free",
        gate=True,
    ),
    Mutation(
        "reserve-in-danger-too-late", "New picks stop half a megabyte before the disk is full",
        "docs/decisions/0013-picks-stop-before-the-disk-is-full.md",
        "edge/appliance/disk_space.py",
        "_free(self._path) < LEAST_FREE_BYTES", "_free(self._path) <= LEAST_FREE_BYTES",
        "tests/edge/appliance/test_disk_space.py::test_the_last_byte_of_the_least_free_space_is_still_enough_for_a_pick",
    ),
    Mutation(
        "reserve-for-everything",
        "A full disk, a broken network or a flood costs time, not ratings",
        "docs/security.md", "edge/appliance/disk_space.py",
        "        if is_rating:\n", "        if True:\n",
        "tests/edge/appliance/test_disk_space.py::test_a_full_disk_gives_up_old_models_before_the_reserve_"
        "and_the_reserve_for_ratings_only",
    ),
    Mutation(
        "no-lock-out", "After 5 wrong guesses an address", "docs/security.md",
        "edge/appliance/sign_in.py",
        "        if beyond >= 0:", "        if beyond > 0:",
        "tests/edge/appliance/test_sign_in.py"
        "::test_then_each_wrong_pin_locks_for_twice_as_long_up_to_an_hour",
        gate=True,
    ),
    Mutation(
        "pins-wait-without-end", "connections are bounded", "docs/security.md",
        "edge/appliance/sign_in.py",
        "self._waiting.total() >= (_MAX_WAITING if known else _MAX_WAITING_UNKNOWN)", "False",
        "tests/edge/page/test_sign_in.py::test_only_so_many_pins_wait_and_the_others_are_asked_to_try_again",
    ),
    Mutation(
        "strangers-take-all-places", "Places to have a PIN checked are kept", "docs/security.md",
        "edge/appliance/sign_in.py",
        "_MAX_WAITING_UNKNOWN = 6", "_MAX_WAITING_UNKNOWN = 8",
        "tests/edge/appliance/test_sign_in.py::test_who_has_signed_in_before_finds_a_place_among_a_thousand_addresses_that_guess",
    ),
    Mutation(
        "pairs-before-compared", "A press counts only once the light has blinked all four",
        "docs/security.md", "edge/appliance/appliance.py",
        "self.pairing.shown if shows and self.pairing.is_comparable else None",
        "self.pairing.shown if shows else None",
        "tests/edge/appliance/test_page_verbs.py::test_a_press_before_the_light_has_shown_all_digits_is_not_meant_for_pairing",
    ),
    Mutation(
        "first-who-asks-most", "the address with the fewest turns first", "docs/security.md",
        "edge/appliance/pairing.py",
        "            fewest = min(", "            fewest = max(",
        "tests/edge/appliance/test_pairing.py::"
        "test_an_attacker_with_many_addresses_delays_the_owner_by_a_turn_of_each_at_most",
        gate=True,
    ),
    Mutation(
        "everyone-sees-the-pin", "Only a browser that was paired sees the PIN",
        "docs/security.md", "edge/appliance/sign_in.py",
        "        if session.id not in self._may_see_pin:", "        if False:",
        "tests/edge/appliance/test_page_verbs.py::test_only_a_browser_that_was_just_paired_sees_the_pin_and_makes_a_new_one",
    ),
    Mutation(
        "verbs-without-session", "every verb but the sign-in's needs a valid session",
        "docs/security.md", "edge/appliance/page_verbs.py",
        "if session is None and not isinstance(verb, PUBLIC_VERBS):", "if False:",
        "tests/edge/appliance/test_page_verbs.py"
        "::test_every_verb_but_those_of_the_sign_in_needs_a_session",
    ),
    Mutation(
        "control-without-bounds", "48 in all, 16 of a user", "docs/security.md",
        "edge/appliance/line_server.py",
        "if len(mine) >= self._limits.per_user:", "if False:",
        "tests/edge/appliance/test_line_server.py"
        "::test_idle_connections_make_room_for_a_new_caller",
    ),
    Mutation(
        "listens-everywhere", "It listens on loopback only, until the owner changes that",
        "docs/security.md", "edge/config.py",
        'page_host: str = "127.0.0.1"', 'page_host: str = "0.0.0.0"',
        "tests/edge/test_config.py::test_the_commented_example_is_the_defaults_and_names_every_key",
    ),
    Mutation(
        "three-blinks-offline", "| four blinks | ready, offline for a long time |",
        "docs/appliance.md", "edge/panel/led.py",
        "Pattern.FOUR_BLINKS: _blinks(4,",
        "Pattern.FOUR_BLINKS: _blinks(3,",
        "tests/edge/appliance/test_machine.py::"
        "test_blinks_can_be_counted_and_end_in_a_longer_pause",
    ),
    Mutation(
        "pin-readable", "mode 0600", "docs/security.md",
        "edge/appliance/sign_in.py",
        "os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)",
        "os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)",
        "tests/edge/appliance/test_sign_in.py::test_the_first_start_makes_a_pin_that_stays",
    ),
    Mutation(
        "sign-out-forgotten", "Signing out ends the session on the appliance", "docs/security.md",
        "edge/appliance/sign_in.py",
        "        self._ended[session.id] = now + SESSION_SECONDS",
        "        pass",
        "tests/edge/appliance/test_sign_in.py::test_an_ended_session_is_over_and_another_goes_on",
    ),
    Mutation(
        "session-for-ever", "after 30 days", "docs/security.md",
        "edge/appliance/sign_in.py",
        "        if int(ends) <= self._clock() or name in self._ended:",
        "        if name in self._ended:",
        "tests/edge/appliance/test_sign_in.py::test_a_session_lasts_until_its_end_by_a_clock_that_only_goes_forward",
    ),
    Mutation(
        "new-pin-signs-nobody-out", "a new PIN (`greenlight pin --new`)", "docs/security.md",
        "edge/appliance/sign_in.py",
        "{purpose}\\0{self._salt()}\\0{text}",
        "{purpose}\\0{text}",
        "tests/edge/appliance/test_sign_in.py::test_a_restart_or_a_new_pin_signs_everyone_out",
    ),
    Mutation(
        "each-ipv6-guesses", "for IPv6 its /64 network", "docs/security.md",
        "edge/addresses.py",
        "ipaddress.ip_network((ip, 64), strict=False)",
        "ipaddress.ip_network((ip, 128), strict=False)",
        "tests/edge/appliance/test_sign_in.py::test_only_the_address_or_the_network_of_a_machine_is_locked",
    ),
    Mutation(
        "explores-unasked", "is their share, 0 unless you change it", "docs/appliance.md",
        "edge/config.py",
        "explore: Annotated[float, Between(0, 1)] = 0.0",
        "explore: Annotated[float, Between(0, 1)] = 0.1",
        "tests/edge/test_config.py::"
        "test_the_commented_example_is_the_defaults_and_names_every_key",
    ),
    Mutation(
        "link-used-again", "signs in once, within ten minutes", "docs/page.md",
        "edge/appliance/sign_in_link.py",
        "        path.unlink()\n",
        "        path.exists()\n",
        "tests/edge/appliance/test_sign_in_link.py::test_a_link_is_good_once",
    ),
    Mutation(
        "link-without-end", "signs in once, within ten minutes", "docs/page.md",
        "edge/appliance/sign_in_link.py",
        "time.monotonic() < link.ends_at",
        "time.monotonic() > 0",
        "tests/edge/appliance/test_sign_in_link.py::test_it_ends_after_ten_minutes",
    ),
    Mutation(
        "presses-never-ignored", "more than ten in ten seconds",
        "docs/appliance.md", "edge/appliance/appliance.py",
        "        if len(self._presses) <= _MOST_PRESSES:",
        "        if True:",
        "tests/edge/appliance/test_appliance.py::test_noise_on_a_real_button_"
        "does_not_flood_picks",
    ),
    Mutation(
        "closed-button-holds",
        "Until the contact has been open for two seconds, holding does nothing",
        "docs/appliance.md", "edge/panel/button.py",
        "        if self._suspect and was_open < _OPEN_SECONDS:",
        "        if False:",
        "tests/edge/panel/test_button.py::test_taps_on_a_normally_closed_button_"
        "never_switch_the_machine_off",
    ),
    Mutation(
        "failing-card-unnoticed", "the card may be failing",
        "docs/appliance.md", "edge/appliance/storage.py",
        "    if found != written and len(found) == _PROBE_BYTES:",
        "    if False:",
        "tests/edge/appliance/test_storage.py::test_a_card_that_returns_something_"
        "else_is_noticed",
    ),
    Mutation(
        "failure-of-the-card-passes", "the disk takes no more writes",
        "docs/appliance.md", "edge/appliance/storage.py",
        "            self._failure = error\n",
        "            self._failure = None\n",
        "tests/edge/appliance/test_storage.py::test_a_failure_stays_until_a_write_"
        "succeeds_again",
    ),
    Mutation(
        "closed-page-stops-its-request", "goes on even if you close the page",
        "docs/page.md", "edge/appliance/page_verbs.py",
        "return await asyncio.shield(self._appliance.begin(verb.command, asker=session.id))",
        "return await self._appliance.begin(verb.command, asker=session.id)",
        "tests/edge/appliance/test_page_verbs.py::test_an_approval_that_has_begun_is_"
        "finished_although_its_request_ends",
    ),
    Mutation(
        "failed-search-loses-pick", "if a search fails, the pick before it is still waiting",
        "docs/page.md", "edge/appliance/appliance.py",
        "        if waiting and not outcome.ok:",
        "        if False:",
        "tests/edge/appliance/test_appliance.py::test_a_search_that_fails_leaves_the_"
        "pick_before_it_to_be_approved",
    ),
    Mutation(
        "approved-but-still-waiting", "| the approval is recorded | – | – | – | – | **ready** |",
        "docs/states.md", "edge/appliance/machine.py",
        "Event.PICK_APPROVED: _everywhere(_STAY, DECIDING=Row(Phase.READY)),",
        "Event.PICK_APPROVED: _everywhere(_STAY),",
        "tests/edge/appliance/test_machine.py::test_every_event_in_every_phase_does_"
        "what_is_expected",
    ),
    Mutation(
        "no-pace", "50 answers a second for a user",
        "docs/security.md", "edge/appliance/line_server.py",
        "self._next_at[uid] = at + 1.0 / self._limits.per_second",
        "self._next_at[uid] = at",
        "tests/edge/appliance/test_line_server.py::test_a_user_is_answered_only_so_often",
    ),
    Mutation(
        "silence-waited-for", "a minute of silence",
        "docs/security.md", "edge/appliance/line_server.py",
        "async with asyncio.timeout(self._limits.idle_seconds):",
        "async with asyncio.timeout(600.0):",
        "tests/edge/appliance/test_line_server.py::test_silent_callers_and_"
        "endless_lines_are_cut_off",
    ),
    Mutation(
        "anyone-controls", "the peer's credentials are checked, not only the socket's mode",
        "docs/security.md", "edge/appliance/control_socket.py",
        "    if uid in (0, own_uid) or gid == own_gid:",
        "    if True:",
        "tests/edge/appliance/test_control_socket.py::test_others_may_not",
    ),
    Mutation(
        "lock-for-a-minute-only", "doubles that, up to an hour",
        "docs/security.md", "edge/appliance/sign_in.py",
        "FIRST_LOCK_SECONDS * 2.0 ** min(beyond, 16)",
        "FIRST_LOCK_SECONDS * 1.0 ** min(beyond, 16)",
        "tests/edge/appliance/test_sign_in.py::test_then_each_wrong_pin_locks_for_"
        "twice_as_long_up_to_an_hour",
    ),
)  # fmt: skip
