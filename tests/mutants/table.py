"""The promises, and for each a change to the source that breaks it, with the test that must fail.

Each part of the source has its module of mutations. `test_table.py` holds them to it: every
text occurs exactly once, every promise is on its page, every test exists, every page of the
documentation has one. When you change one of those lines, change the mutation with it. What no
single change breaks, or only a campaign shows, is in `elsewhere.py`.
"""

from __future__ import annotations

from tests.mutants import (
    appliance,
    cloud,
    data,
    installation,
    journal,
    models,
    page,
    search,
    sync,
    training,
)

_PARTS = (search, page, journal, models, appliance, data, sync, training, cloud, installation)

MUTATIONS = tuple(mutation for part in _PARTS for mutation in part.MUTATIONS)
