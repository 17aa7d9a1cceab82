"""Commands in the README and the other pages work, and their links lead somewhere."""

import importlib
import os
import re
import shlex
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest
import typer

from data.film_table import write_films
from training.export.example_bundle import made_up_films

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", "systemd/**/*.md")
    for page in ROOT.glob(pattern)
)
# A shell block, and code inside a sentence.
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
PROGRAMS = {
    "greenlight": "edge.cli:application",
    "greenlight-cloud": "local_cloud.cli:application",
    "greenlight-sync": "cloud_sync.cli:app",
    "greenlight-train": "training.cli:app",
}


# Other programs that the pages mention: we needn't prove that they exist.
HELP = ("-h", "--help")
FOREIGN = {
    *("aws", "cd", "chmod", "dask", "docker"),
    *("fuser", "openssl", "printf", "systemctl", "usermod"),
}


def block_lines(page: Path) -> list[str]:
    """Return the commands of a page's shell blocks, in order."""
    blocks = BLOCK.findall(page.read_text("utf-8"))
    return [line for block in blocks for line in commands_of(block)]


def commands_of(block: str) -> list[str]:
    """Return the commands of a shell block, in order."""
    lines = block.replace("\\\n", " ").splitlines()
    found = [re.sub(r"\s+#.*$", "", line).strip() for line in lines if line[:1] not in "#<"]
    return [line for line in found if line]


def inline_commands(page: Path) -> list[str]:
    """Return the commands inside a page's sentences."""
    begins = ("make ", ".venv/bin/", "greenlight ", "greenlight-", "sudo ")
    prose = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    found = [code.strip() for code in INLINE.findall(prose) if code.startswith(begins)]
    # A greenlight-something without arguments is one of our things, not a command.
    return [code for code in found if " " in code or "-" not in code or code in PROGRAMS]


def commands(page: Path) -> list[str]:
    """Return every command of a page, each once."""
    return sorted({*block_lines(page), *inline_commands(page)})


EVERY = [(page, line) for page in PAGES for line in commands(page)]


def words_of(line: str) -> list[str]:
    """Return a command's words, without variables put before it, a prompt for rights, and pipes."""
    words = shlex.split(line.split("|", maxsplit=1)[0].rsplit("&&", maxsplit=1)[-1])
    while words and (words[0] in ("sudo", "$") or re.fullmatch(r"[A-Z_]+=.*", words[0])):
        words = words[3:] if words[1:2] == ["-u"] else words[1:]
    return words


def command_line(program: str):
    """Return the typer command of one of our programs or modules."""
    place = PROGRAMS.get(program)
    if place is None:
        module = importlib.import_module(
            f"{program}.__main__" if (ROOT / program.replace(".", "/")).is_dir() else program
        )
        app = getattr(module, "app", None)
        if app is None:
            app = typer.Typer(add_completion=False)
            app.command()(module.main)
    else:
        module, _, name = place.partition(":")
        app = getattr(importlib.import_module(module), name)
        app = app if isinstance(app, typer.Typer) else app()
    return typer.main.get_command(app)


def check_words(program: str, words: list[str]) -> None:
    """Fail unless the program has the command and the options that are named."""
    command = command_line(program)
    words = [word for word in words if not re.fullmatch(r"[\[\]|.…]+", word)]
    while words and words[0] not in HELP and hasattr(command, "commands"):
        subcommands = command.commands
        for name in words.pop(0).split("|"):
            assert name in subcommands, f"{program} has no command {name!r}"
            command = subcommands[name]
    known = {*HELP, *(option for param in command.params for option in param.opts)}
    known |= {option for param in command.params for option in param.secondary_opts}
    for word in words:
        option = word.strip("[]").split("=")[0]
        if option.startswith("-") and not re.fullmatch(r"-\d+", option):
            assert option in known, f"{program} {command.name} has no option {option}"


@pytest.mark.parametrize(
    "line", [line for _, line in EVERY], ids=[f"{page.name}: {line[:60]}" for page, line in EVERY]
)
def test_every_command_named_in_a_page_is_there(line):
    words = words_of(line)
    program = words[0].removeprefix("./").removeprefix("greenlight-pi/")  # a release, unpacked
    name = Path(program).name
    if name == "make":
        asked = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True)
        assert asked.returncode == 0, asked.stderr
    elif name in ("greenlight-setup", "install.sh"):
        setup = (ROOT / "systemd" / "install.sh").read_text("utf-8")
        assert f" greenlight-setup {words[1]} " in setup, f"greenlight-setup knows no {words[1]!r}"
    elif name in PROGRAMS:
        check_words(name, words[1:])
    elif name.startswith("python") and words[1:2] == ["-m"]:
        if words[2].split(".")[0] in (
            "data",
            "judging",
            "edge",
            "training",
            "cloud_sync",
            "lambdas",
        ):
            check_words(words[2], words[3:])
        elif words[2].startswith("tests."):
            place = ROOT / words[2].replace(".", "/")
            assert place.is_dir() or place.with_suffix(".py").is_file(), f"{words[2]} is missing"
    elif name.startswith("python") and len(words) > 1:
        assert (ROOT / words[1]).is_file(), f"{words[1]} is missing"
    elif name not in FOREIGN:
        assert (ROOT / program).exists(), f"{program} is missing"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    broken = []
    for link in LINK.findall(page.read_text("utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), flags=re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in kept}


# What the README's blocks say, and how to make a model: run on a clean machine, or below.
IN_THE_GATE = {"make demo", "make test", "make train-export"}
RUN_BELOW = {"make train-export SOURCE=csv", ".venv/bin/greenlight-train verify"}


def to_begin_with() -> list[str]:
    """Return the commands of the README's blocks, and those with which one makes a model."""
    model = (ROOT / "docs/model.md").read_text("utf-8")
    (block,) = BLOCK.findall(model[model.index("## Make one") : model.index("## Read its report")])
    return [*block_lines(ROOT / "README.md"), *commands_of(block)]


def test_every_command_to_begin_with_is_run():
    lines = set(to_begin_with())
    below = {line for line in lines if line.startswith(tuple(RUN_BELOW))}
    assert len(below) == len(RUN_BELOW)
    assert lines - below == IN_THE_GATE
    gate = (ROOT / ".ci/run").read_text("utf-8")
    # step NAME WHERE BUDGET COMMAND, and in a new root: fresh SUITE WHERE BUDGET "COMMAND && ..."
    ran = re.findall(r'^step ".*" host \d+ (make .+)$', gate, flags=re.MULTILINE)
    for commands_there in re.findall(r'^fresh \w+ ".*" \d+ "(.+)"$', gate, flags=re.MULTILINE):
        ran += commands_there.split(" && ")
    assert IN_THE_GATE - set(ran) == set()


@pytest.fixture
def own_keys(tmp_path, monkeypatch):
    monkeypatch.setenv("GREENLIGHT_KEYS", str(tmp_path / "keys"))


def run(line, **replaced):
    """Run a line of a page with other paths, in the checkout, as a person would."""
    for old, new in replaced.items():
        assert old in line
        line = line.replace(old, str(new))
    if line.startswith("make "):
        line += " --assume-old=.venv/ready"  # the tests run in it: there is nothing to set up
    done = subprocess.run(
        line, shell=True, cwd=ROOT, capture_output=True, text=True, env={**os.environ}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def the_line(beginning: str) -> str:
    """Return the one command to begin with that begins so."""
    (line,) = [line for line in to_begin_with() if line.startswith(beginning)]
    return line


@pytest.mark.slow
# Trains a model: some ten seconds, and much longer on a machine that does other things as well.
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("own_keys")
def test_the_way_to_a_model_of_ones_own_films(tmp_path):
    write_films(tmp_path / "my_films.csv", made_up_films(12))
    train = the_line("make train-export SOURCE=csv")
    said = run(
        train, **{"my_films.csv": tmp_path / "my_films.csv", "build/mine": tmp_path / "mine"}
    )
    assert "Bundle films version 1" in said
    verify = the_line(".venv/bin/greenlight-train verify")
    assert "Good: films version 1" in run(verify, **{"build/bundle": tmp_path / "mine"})
