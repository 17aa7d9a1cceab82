"""The page: `edge/page`."""

from __future__ import annotations

from tests.mutants.mutation import Mutation

MUTATIONS = (
    Mutation(
        "half-a-comparison", "or of two side by side", "docs/page.md", "edge/page/what_if.py",
        'for prefix in ("", _OTHER)', 'for prefix in ("",)',
        "tests/edge/page/test_what_if.py::test_it_shows_what_the_model_says_of_two_films",
    ),
    Mutation(
        "one-address-holds-all", "32 of an address", "docs/security.md",
        "edge/page/connections.py",
        "if len(same) >= MOST_OF_AN_ADDRESS:", "if False:",
        "tests/edge/page/test_connections.py::test_one_address_has_limited_connections_and_others_are_unaffected",
    ),
    Mutation(
        "no-form-token", "forms carry a token of their session", "docs/security.md",
        "edge/page/actions.py",
        'if not same_token(session_of(request), form.one("token")):', "if False:",
        "tests/edge/page/test_middleware.py::test_nothing_is_done_without_the_forms_token",
    ),
    Mutation(
        "any-host", "no DNS rebinding", "docs/security.md", "edge/page/auth.py",
        "    return host in names or _address(host) == _address(server[0]) != \"\"\n",
        "    return True\n",
        "tests/edge/page/test_auth.py::test_every_other_host_is_refused",
    ),
    Mutation(
        "any-origin", "to change anything, our own origin", "docs/security.md",
        "edge/page/middleware.py",
        "and not same_origin(headers, scope[\"scheme\"])", "and False",
        "tests/edge/page/test_middleware.py::test_forms_of_other_sites_are_refused",
    ),
    Mutation(
        "page-loads-from-anywhere", "Nothing is loaded from elsewhere and nothing is inline",
        "docs/page.md", "edge/page/middleware.py",
        "default-src 'none'; style-src 'self'",
        "default-src *; style-src 'self'",
        "tests/edge/page/test_middleware.py::test_every_response_carries_the_"
        "security_headers",
    ),
    Mutation(
        "withdrawn-at-once", "withdraw one once you've confirmed it", "docs/page.md",
        "edge/page/actions.py",
        '    if form.one("confirm") != "yes":', "    if False:",
        "tests/edge/page/test_actions.py::"
        "test_a_rating_is_corrected_and_withdrawn_in_the_history",
    ),
)  # fmt: skip
