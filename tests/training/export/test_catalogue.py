"""The catalogue says how uncertain the model is about a director."""

import pytest

from data import wire
from data.catalogue import Catalogue
from training.export.catalogue import catalogue_of, spread_of
from training.export.example_bundle import example_table, small_model
from training.model.mixed_model import KernelValues
from training.model.records import frame_of_films, ratings_of

pytestmark = pytest.mark.numeric


def test_the_spread_is_that_of_the_fitted_kernel_and_near_the_truth():
    films = example_table(directors=150).films
    model = small_model().fit(frame_of_films(films), ratings_of(films))
    spread = catalogue_of(model, films).spread
    # The made-up directors' talents have a standard deviation of 0.9, their films one of 0.7.
    assert spread.between == pytest.approx(0.9**2, rel=0.4)
    assert spread.within == pytest.approx(0.7**2, rel=0.2)


def test_a_kernel_that_ran_away_still_makes_a_catalogue_that_is_accepted():
    films = example_table().films
    model = small_model().fit(frame_of_films(films), ratings_of(films))
    model.mixed_.values = KernelValues(level=400.0, noise=400.0)
    catalogue = catalogue_of(model, films)
    assert wire.decode(wire.encode(catalogue, 10**7), Catalogue) == catalogue
    assert spread_of(KernelValues()).between == pytest.approx(0.35)
