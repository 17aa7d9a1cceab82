"""What can stop a training run, one class per decision of the caller."""

from __future__ import annotations

from data.errors import GreenlightError


class TrainingError(GreenlightError):
    """Base of the errors that stop a run; the message says what to do."""


class SourceUnavailable(TrainingError):
    """A film source cannot be read at all."""


class TooManyBadRows(TrainingError):
    """More rows of a film table were bad than the caller allows."""


class UnfitData(TrainingError, ValueError):
    """Films or ratings that no model can learn from."""


class ExportRefused(TrainingError):
    """A model must not be shipped; nothing has been written."""


class TableOverflow(ExportRefused):
    """A part of the model does not fit into 16-bit tables."""


class NotAModel(ExportRefused):
    """The bytes aren't a valid ONNX file."""


class UnknownOperator(ExportRefused):
    """The graph uses an operator that Greenlight has not proved exact."""


class ModelTooLarge(ExportRefused):
    """The graph has more bytes than a device accepts."""


class NoParity(ExportRefused):
    """scikit-learn and ONNX Runtime do not say the same."""


class WorseThanConstant(ExportRefused):
    """A model predicts unseen films worse than their mean does."""


class NoPress(ExportRefused):
    """A simulated press of the exported model finds nothing."""


class PickNoBetter(ExportRefused):
    """What the model would pick is no better than a random choice."""


class PipelineUnusable(TrainingError):
    """A saved scikit-learn pipeline cannot be served by this software."""


class WorkFolderBusy(TrainingError):
    """Another run is at work in a folder that only one may change."""


class BundleMissing(TrainingError):
    """A folder holds no bundle that could be judged."""


class ClusterUnusable(TrainingError):
    """A Dask cluster cannot be reached, or would not compute what we would."""
