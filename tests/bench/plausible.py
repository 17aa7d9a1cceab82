"""The exact best of the plausible combinations of all directors."""

import time

from edge.search.best import Search
from edge.search.exact import confirm
from edge.search.resolve import resolve
from edge.search.slate import Slate, Years

from .measure import Measure, seconds_of, shown
from .rates import open_model


def measures(bundle):
    model = open_model(bundle)
    tables, index = model.tables, model.index

    def search():
        return Search(tables, resolve(Slate(years=Years(every=True)), index, None)).best(1)

    searched = seconds_of(search, 25)
    space = resolve(Slate(years=Years(every=True)), index, None)
    ready = Search(tables, space)
    ready_best = seconds_of(lambda: ready.best(1), 25)
    rows = count = 0
    for cells in space.blocks(16_384):
        columns = index.columns(*cells)
        began = time.process_time()
        model.rows(*columns, probabilities=False)
        rows += time.process_time() - began
        count += len(cells.years)
    confirmed = seconds_of(lambda: confirm(model, space, ready.best(1)), 25)
    yield Measure(
        "plausible_vs_rows",
        rows / searched,
        100,
        400,
        f"{count:,} combinations through ONNX Runtime {shown(rows)}; from the slate to the best "
        f"{shown(searched)}; once bounds are made {shown(ready_best)}, confirmed too "
        f"{shown(confirmed)}",
    )
