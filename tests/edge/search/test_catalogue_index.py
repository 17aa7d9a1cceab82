"""What the catalogue knows about each director."""

import msgspec

from edge.search.catalogue_index import CatalogueIndex

from .made_up import model as made_up_model


def test_one_rating_of_a_film_of_today_does_not_leave_a_table_without_directors():
    model = made_up_model(3)
    entries = model.catalogue.directors
    newer = msgspec.structs.replace(entries[0], last_year=2026)
    catalogue = msgspec.structs.replace(
        model.catalogue,
        directors=(newer, *entries[1:]),
        training_years=model.catalogue.training_years._replace(last=2026),
    )
    active = CatalogueIndex(catalogue).active_lately(10)
    assert active.sum() >= len(entries) // 10
