"""The errors that stop a training run, one class per decision of the caller."""

from __future__ import annotations

from data.errors import GreenlightError


class TrainingError(GreenlightError):
    """Base of the errors that stop a run; the message says what to do."""


class SourceUnavailable(TrainingError):
    """A film source can't be read at all."""


class TooManyBadRows(TrainingError):
    """More rows of a film table were bad than the caller allows."""


class UnfitData(TrainingError, ValueError):
    """No model can learn from these films or ratings."""


class ExportRefused(TrainingError):
    """A model must not be shipped; nothing has been written."""


class TableOverflow(ExportRefused):
    """A part of the model doesn't fit into 16-bit tables."""


class NotAModel(ExportRefused):
    """The bytes aren't a valid ONNX file."""


class UnknownOperator(ExportRefused):
    """The graph uses an operator that isn't proven exact."""


class ModelTooLarge(ExportRefused):
    """The graph has more bytes than a device accepts."""


class NoParity(ExportRefused):
    """scikit-learn and ONNX Runtime give different predictions."""


class WorseThanConstant(ExportRefused):
    """A model predicts unseen films worse than their mean does."""


class NoPress(ExportRefused):
    """A simulated press of the exported model finds nothing."""


class PickNoBetter(ExportRefused):
    """The model's picks aren't better than a random choice."""


class ArraysUnusable(TrainingError):
    """This software can't use the saved arrays of a model."""


class WorkFolderBusy(TrainingError):
    """Another run is using this work folder."""


class BundleMissing(TrainingError):
    """A folder contains no bundle to judge."""


class ClusterUnusable(TrainingError):
    """A Dask cluster can't be reached, or might compute something other than we would."""
