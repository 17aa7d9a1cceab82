"""Every MQTT topic and cloud key, built in one place."""

from __future__ import annotations

import re

from data.errors import InvalidRecord

DEFAULT_THING = "MovieSelector"
SHADOW_NAME = "model"

FEEDBACK = "filmupdate"
VERIFICATION = "filmrequest"

# Ratings in the data bucket: those that train, and those that never do (data/held_out.py).
FEEDBACK_PREFIX = "feedback/"
HELD_OUT_PREFIX = "held-out/"
# The film table that models learn from, in the data bucket, and its held-out films: a file each.
FILM_TABLE_PREFIX = "film-table/"
FILM_TABLE_HELD_OUT_PREFIX = "film-table-held-out/"
# The trust documents, in the models bucket.
TRUST_PREFIX = "trust/"
# One folder per retraining, in the models bucket; SageMaker adds `output/` to it.
CANDIDATES = "candidates/"
OUTCOMES = "outcomes/"
# The judge's verdicts and its count of looks at the held-out ratings, in the models bucket.
JUDGED = "judged/"

_THING = re.compile(r"[a-zA-Z0-9:_-]{1,128}")


def check_thing(thing: str) -> str:
    """Return `thing` if AWS IoT would accept it as a thing's name.

    Raises:
        InvalidRecord: naming the field `thing`.
    """
    if not _THING.fullmatch(thing):
        raise InvalidRecord("thing", f"is {thing!r}; use 1 to 128 of a-z A-Z 0-9 : _ -")
    return thing


def feedback(thing: str) -> str:
    """Up: a batch of feedback records."""
    return f"{FEEDBACK}/{check_thing(thing)}"


def feedback_ack(thing: str) -> str:
    """Down: the outcome of each record."""
    return f"{feedback(thing)}/ack"


def verification(thing: str) -> str:
    """Up: rows for the cloud to score."""
    return f"{VERIFICATION}/{check_thing(thing)}"


def verification_reply(thing: str) -> str:
    """Down: the cloud's scores."""
    return f"{verification(thing)}/reply"


def jobs(thing: str) -> str:
    """The prefix of a thing's IoT Jobs topics."""
    return f"$aws/things/{check_thing(thing)}/jobs"


def shadow_update(thing: str) -> str:
    """Up: what the thing reports about its model."""
    return f"$aws/things/{check_thing(thing)}/shadow/name/{SHADOW_NAME}/update"


def film_key(title: str, year: int, director: str) -> str:
    """The partition key of a film of the historical table."""
    return f"FILM#{title}#{year}#{director}"


def films_prefix(sha256: str) -> str:
    """The S3 prefix of a film table as DynamoDB JSON, derived from its content alone."""
    return f"films/{sha256[:16]}/"


def films_progress(sha256: str, table: str) -> str:
    """The S3 key of the import's progress: how much of a film table this DynamoDB table has."""
    return f"films/{sha256[:16]}.{table}.progress.json"


def feedback_key(feedback_id: str) -> str:
    """The partition key of a feedback item."""
    return f"FEEDBACK#{feedback_id}"


def feedback_object(feedback_id: str, *, held_out: bool = False) -> str:
    """The S3 key of a feedback object.

    It follows from the id and the choice that the table's item keeps, so that resends reuse it.
    """
    return f"{HELD_OUT_PREFIX if held_out else FEEDBACK_PREFIX}{feedback_id}.json"


def bundle_prefix(name: str, version: int) -> str:
    """The S3 prefix of a published bundle's files."""
    return f"models/{name}/{version}/"


def arrays_prefix(name: str, version: int) -> str:
    """The S3 prefix of a release's other files; devices may not read them."""
    return f"arrays/{name}/{version}/"


def incumbent_prefix(name: str, version: int) -> str:
    """The S3 prefix of a release's bundle with its arrays, where retraining starts."""
    return f"{arrays_prefix(name, version)}release/"


def candidate_prefix(job: str) -> str:
    """The S3 prefix of the output of a training job, which the job itself writes."""
    return f"{CANDIDATES}{job}/"


def outcome_prefix(job: str) -> str:
    """The S3 prefix of a training job's outcome: only release_model writes here."""
    return f"{OUTCOMES}{job}/"


def judged_prefix(job: str) -> str:
    """The S3 prefix of the judge's verdict on a training job: only judge_model writes here."""
    return f"{JUDGED}{job}/"


def looks_prefix(model_hash: str) -> str:
    """The S3 prefix of the judge's looks at the held-out ratings against this incumbent."""
    return f"{JUDGED}looks/{model_hash}/"


def candidate_object(job: str) -> str:
    """The S3 key where SageMaker puts the model folder of a training job."""
    return f"{candidate_prefix(job)}output/model.tar.gz"
