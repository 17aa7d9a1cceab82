"""The golden examples: what earlier software wrote must be readable forever."""

import json
from pathlib import Path

import msgspec
import pytest

from data import wire
from data.catalogue import Catalogue
from data.films import Combination, Film
from data.manifest import Manifest
from data.messages import (
    Ack,
    FeedbackBatch,
    ModelUpdateJob,
    ShadowReport,
    VerificationReply,
    VerificationRequest,
)
from data.picks import Pick, Prediction
from data.probes import Probes
from data.trust import SignedTrust, TrustDocument, begin
from data.verdict import Judgement, Verdict

GOLDEN = Path(wire.__file__).parent / "golden"
RECORDS = {
    "ack": Ack,
    "catalogue": Catalogue,
    "combination": Combination,
    "feedback_batch": FeedbackBatch,
    "film": Film,
    "judgement": Judgement,
    "manifest": Manifest,
    "model_update_job": ModelUpdateJob,
    "pick": Pick,
    "prediction": Prediction,
    "probes": Probes,
    "shadow_report": ShadowReport,
    "signed_trust": SignedTrust,
    "trust_document": TrustDocument,
    "verdict": Verdict,
    "verification_reply": VerificationReply,
    "verification_request": VerificationRequest,
}


def read(payload, kind):
    """Return the record, with the records inside it read too."""
    record = wire.decode(payload, kind)
    if kind is FeedbackBatch:
        record.feedback()
    return record


def test_every_golden_example_belongs_to_a_record_and_every_record_has_one():
    assert {path.name.split(".")[0] for path in GOLDEN.glob("*.json")} == set(RECORDS)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_a_golden_example_is_read_and_written_again_without_loss(path):
    kind = RECORDS[path.name.split(".")[0]]
    record = read(path.read_bytes(), kind)
    assert json.loads(wire.encode(record)) == json.loads(path.read_text())


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_an_unknown_field_of_a_newer_writer_is_tolerated(path):
    kind = RECORDS[path.name.split(".")[0]]
    newer = json.loads(path.read_text()) | {"added_later": {"deep": [1, 2]}}
    both = (json.dumps(newer).encode(), path.read_bytes())
    with_it, without = (json.loads(wire.encode(read(payload, kind))) for payload in both)
    assert with_it == without


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_every_missing_field_without_a_default_is_named(path):
    kind = RECORDS[path.name.split(".")[0]]
    whole = json.loads(path.read_text())
    for field in msgspec.structs.fields(kind):
        if not field.required:
            continue
        lacking = {name: value for name, value in whole.items() if name != field.encode_name}
        with pytest.raises(wire.InvalidRecord) as refused:
            read(json.dumps(lacking).encode(), kind)
        assert refused.value.field == field.encode_name


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_every_field_of_a_wrong_type_is_named(path):
    kind = RECORDS[path.name.split(".")[0]]
    whole = json.loads(path.read_text())
    for name in whole:
        # No field of any record is a list of lists of nothing.
        with pytest.raises(wire.InvalidRecord) as refused:
            read(json.dumps(whole | {name: [[]]}).encode(), kind)
        assert refused.value.field.split("[")[0].split(".")[0] == name


def test_the_golden_trust_document_is_signed_by_its_root_keys():
    assert begin((GOLDEN / "signed_trust.v1.json").read_bytes()).version == 1
