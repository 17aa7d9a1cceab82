"""One studio with one way to choose, through the real parts, round by round.

pick      edge.appliance.pick_finder on a signed bundle, exploring or not
rate      the journal's file: pick, decision, rating, outbox
send      the outbox as a batch to the ingest function's core, which writes the objects
retrain   training's retrain: compact, fit, judge; a released bundle is signed
activate  edge.models: copied, checked, tried in a separate process, the pointer swapped
"""

from __future__ import annotations

import random
import shutil
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from data import wire
from data.bundle import Bundle, read_bundle
from data.durable import sync_folder
from data.ids import new_id
from data.messages import Ack, Feedback, FeedbackBatch
from data.picks import Pick
from data.signing import read_public_keys
from edge.appliance.boot import now
from edge.appliance.pick_finder import find_pick
from edge.incoming import hand_over, incoming_folder
from edge.journal import JOURNAL, Journal
from edge.models.activation import UpdateState
from edge.models.store import ModelStore
from edge.models.update import TrialLimits, Update
from edge.search.model import Model
from edge.search.resolve import resolve
from edge.search.slate import Slate
from edge.search.titles import TitleMaker
from lambdas.store_feedback.ingest import receive
from training.retraining.retrain import retrain

from .bucket import Bucket, Items
from .home import Home, estimator
from .world import rated

THING = "Studio"
BATCH = 100
_LIMITS = TrialLimits(seconds=60.0, memory_bytes=500_000_000)


class Arm(NamedTuple):
    """A way to choose.

    Attributes:
        chooses: by the `model`, at `random`, or by the `truth`, which nobody knows.
        retrains: whether a model is made from the ratings after each round.
        explore: the share of picks that are drawn to learn from.
    """

    name: str
    chooses: str = "model"
    retrains: bool = False
    explore: float = 0.0


class Course(msgspec.Struct):
    """The history of one studio.

    Attributes:
        stars: what its audience thinks of each film it made, [rounds][presses].
        explored: which of them were drawn to learn from.
        released: of each round, whether a new model was released after it.
        reasons: of each round, why or why not.
    """

    seed: int
    arm: str
    stars: list[list[float]] = []
    explored: list[list[bool]] = []
    released: list[bool] = []
    reasons: list[str] = []


class Studio:
    """A studio: an appliance's state folder, and what its ratings become in the cloud."""

    def __init__(self, home: Home, folder: Path, journal: Journal, seed: int) -> None:
        self.home = home
        self.folder = folder
        self.seed = seed
        self.state = folder / "state"
        self.journal = journal
        # Kept here as well: querying the journal before each of so many presses takes too long.
        self.made = journal.approved_combinations()
        self.store = ModelStore(self.state)
        self.bucket = Bucket(folder / "bucket")
        self.items = Items()
        # The folder of each version's bundle with its arrays, for the judge.
        self.incumbent = home.bundle
        self.bundle: Bundle | None = None
        self.model = self._activate(home.bundle, 1)

    def press(self, number: int, slate: Slate, arm: Arm) -> Pick:
        """Pick a film from a slate, make it and rate it."""
        chance = random.Random(f"{self.seed} {number}")
        seed, explores, luck = chance.getrandbits(32), chance.random(), chance.gauss(0.0, 1.0)
        if arm.chooses == "model":
            pick = find_pick(
                self.model,
                slate,
                self.made,
                seed=seed,
                made_at=now(),
                boot_id=THING,
                explore=explores < arm.explore,
            ).pick
        else:
            pick = self._pick_otherwise(arm, slate, seed)
        self.journal.record_pick(pick)
        self.journal.record_decision(pick.id, "approved", now())
        self.made.add(pick.combination)
        stars = rated(self.home.world.truth(pick.combination), luck)
        feedback = Feedback.on(
            pick, stars, thing=THING, source="owner", rated_at=now(), boot_id=THING
        )
        # Which ratings are held out goes by their ids: made from the seed, a run can be replayed.
        steady = msgspec.structs.replace(feedback, id=_id(chance, number))
        self.journal.record_rating(steady)
        return pick

    def _pick_otherwise(self, arm: Arm, slate: Slate, seed: int) -> Pick:
        """Pick from the same slate without asking the model."""
        index, rng = self.model.index, random.Random(seed)
        space = resolve(slate, index, rng, self.made)
        films = [
            index.combination(*cell)
            for cells in space.blocks()
            for cell in zip(*cells, strict=True)
        ]
        if arm.chooses == "truth":
            chosen = max(films, key=self.home.world.truth)
        else:
            chosen = rng.choice(films)
        [prediction] = self.model.predict([chosen])
        return Pick(
            id=new_id(),
            title=TitleMaker(self.model.catalogue.titles, rng).make(),
            director=chosen.director,
            year=chosen.year,
            genres=chosen.genres,
            prediction=prediction,
            model_version=self.model.version,
            model_hash=self.model.hash,
            made_at=now(),
            boot_id=THING,
        )

    def send(self) -> None:
        """Send the outbox until the cloud has it all, as the sync service does."""
        while waiting := self.journal.peek_outbox(BATCH):
            batch = FeedbackBatch(tuple(msgspec.Raw(row.payload) for row in waiting))
            acks: list[bytes] = []
            receive(
                THING,
                wire.encode(batch),
                self.items,
                self.bucket,
                lambda topic, payload, acks=acks: acks.append(payload),
                lambda record: False,
            )
            outcomes = wire.decode(acks[0], Ack).outcomes
            assert all(outcome.outcome == "stored" for outcome in outcomes), outcomes
            self.journal.acknowledge([outcome.id for outcome in outcomes])

    def retrain(self) -> tuple[bool, str]:
        """Make a model from the ratings; activate it if the judge releases it."""
        version = self.model.version + 1
        out = self.folder / f"retrained-{version}"
        verdict = retrain(
            str(self.bucket.folder),
            self.home.table,
            self.incumbent,
            out,
            work=self.folder / "training-sets",
            key=self.home.key(),
            jobs=1,
            model=estimator(),
        )
        if verdict.released:
            self.model = self._activate(out / "bundle", version)
            self.incumbent = out
        return verdict.released, verdict.reasons[0]

    def _activate(self, bundle: Path, version: int) -> Model:
        """Offer a bundle as the sync service does, and carry the update out."""
        download = incoming_folder(self.state) / f".{version}"
        shutil.copytree(bundle, download)
        sync_folder(download)
        hand_over(download, self.state, str(version))
        keys = read_public_keys(self.home.keys)
        manifest = read_bundle(bundle, keys).manifest_sha256
        self.journal.offer_model(version, manifest, f"job-{version}", str(version))
        update = Update(
            offer=self.journal.incoming_models()[-1],
            state_folder=self.state,
            keys=self.home.keys,
            active=self.bundle,
            limits=_LIMITS,
            store=self.store,
            journal=self.journal,
            now=now,
        )
        assert update.run() is UpdateState.ACTIVATED, update.reason
        assert update.model is not None
        self.bundle = update.bundle
        return update.model


def play(home: Home, arm: Arm, seed: int, rounds: int, presses: int, folder: Path) -> Course:
    """Let a studio make films for some rounds, and retrain after each but the last."""
    course = Course(seed, arm.name)
    with _studio(home, folder, seed) as studio:
        for number in range(rounds):
            slate, first = home.world.slate(number), number * presses
            picks = [studio.press(press, slate, arm) for press in range(first, first + presses)]
            course.stars.append([home.world.truth(pick.combination) for pick in picks])
            course.explored.append([pick.explored for pick in picks])
            released, reason = False, ""
            if arm.retrains and number + 1 < rounds:
                studio.send()
                released, reason = studio.retrain()
            course.released.append(released)
            course.reasons.append(reason)
    return course


@contextmanager
def _studio(home: Home, folder: Path, seed: int) -> Iterator[Studio]:
    with ExitStack() as stack:
        folder.mkdir(parents=True)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        (folder / "state").mkdir()
        journal = stack.enter_context(Journal.open(folder / "state" / JOURNAL))
        yield Studio(home, folder, journal, seed)


def _id(chance: random.Random, number: int) -> str:
    """Return an id in the form of a UUIDv7 whose time is the number of the press."""
    bits = (number << 80) | (7 << 76) | (chance.getrandbits(12) << 64)
    return str(uuid.UUID(int=bits | (2 << 62) | chance.getrandbits(62)))


def mean(stars: list[list[float]]) -> float:
    """Return the mean of all films of a course."""
    return float(np.mean(stars))
