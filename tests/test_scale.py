"""A small `make scale`: thousands of directors, from publishing to an exact pick."""

import pytest

from tests.campaigns.memory_group import NoGroups
from tests.campaigns.scale import allowed_bytes, run

pytestmark = [pytest.mark.numeric, pytest.mark.slow]


@pytest.mark.timeout(900)
def test_thousands_of_directors_arrive_and_are_searched_exactly_within_a_pis_memory(tmp_path):
    try:
        found = run(3_000, tmp_path, scaled=True)
    except NoGroups as error:
        pytest.skip(str(error))
    assert found.exact
    assert not found.ended_by_kernel
    budget = allowed_bytes("greenlight") / 2**20
    assert 0 < found.appliance_mb < found.together_mb < budget
    assert 0 < found.trial_mb < budget
    assert 0 < found.page_mb < allowed_bytes("greenlight-page") / 2**20
    assert 0 < found.sync_mb < allowed_bytes("greenlight-sync") / 2**20
