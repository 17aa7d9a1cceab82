"""The original's slate of 36, and changing one choice of a film."""

import random

from edge.search.drawn_slate import draw_slate
from edge.search.model import columns
from edge.search.slate import Slate
from edge.search.what_if import explain_film

from .measure import Measure, seconds_of, shown
from .rates import open_model

# As the original asked: 36 messages, 0.3 s apart.
MESSAGES_SECONDS = 36 * 0.3


def measures(bundle):
    model = open_model(bundle)
    slate = draw_slate(model, Slate(sample="any"), random.Random(0))
    films = [option.combination for option in slate.options]
    ready = columns(films)
    call = seconds_of(lambda: model.rows(*ready), 501)
    records = seconds_of(lambda: model.predict(films), 501)
    yield Measure(
        "classic_vs_messages",
        MESSAGES_SECONDS / call,
        50_000,
        100_000,
        f"36 with probabilities in one call {shown(call)}; from records to records "
        f"{shown(records)}; 36 messages {MESSAGES_SECONDS:.1f} s",
    )
    changes = iter(films * 3)
    explained = seconds_of(lambda: explain_film(model, next(changes), today=2026), 51)
    yield Measure(
        "explain_ms",
        1000 * explained,
        50,
        25,
        f"a film's score, distribution, reasons and the best change of each choice, "
        f"{shown(explained)}",
        lower=True,
        unit="ms",
    )
