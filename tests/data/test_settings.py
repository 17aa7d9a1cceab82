"""Settings: both programs read them the same way, and a mistake is named with its fix."""

from pathlib import Path

import pytest

import cloud_sync.config
import edge.config
from data.settings import ConfigError

SYNC_EXAMPLE = Path(cloud_sync.config.__file__).with_name("sync.example.toml")
PROGRAMS = {"greenlight": edge.config.read, "greenlight-sync": cloud_sync.config.read}


@pytest.fixture(params=PROGRAMS)
def read(request, tmp_path):
    """Return a function that reads these lines, plus required settings, as one program does."""
    required = {}
    if request.param == "greenlight-sync":
        for line in SYNC_EXAMPLE.read_text("utf-8").split("may be left out")[0].splitlines():
            if line and line[0] != "#":
                required[line.split(" = ")[0]] = line

    def read_lines(*lines: bytes | str):
        named = {str(line).split(" = ")[0] for line in lines}
        kept = [line for name, line in required.items() if name not in named]
        raw = [line if isinstance(line, bytes) else line.encode() for line in lines]
        path = tmp_path / "settings.toml"
        path.write_bytes(b"\n".join([*raw, *(line.encode() for line in kept)]))
        return PROGRAMS[request.param](path)

    return read_lines


WRONG = {
    "thing = true": "thing: is true; give text",
    "thing = 7": "thing: is 7; give text",
    'thing = "a b"': "thing: is 'a b'; use 1 to 128 of a-z A-Z 0-9 : _ -",
    'thing = "a\\u0007"': "thing: is 'a\\x07'; leave out the control characters",
    'thinng = "T"': "thinng: isn't a setting; did you mean thing?",
    '"th\\u0000ng" = "T"': "'th\\x00ng': isn't a setting; did you mean thing?",
    "state = 5": "state: is 5; give a path, in quotes",
    'state = ""': "state: is ''; give a path, in quotes",
    'state = "a\\u0000b"': "state: is 'a\\x00b'; a path can't contain a zero character",
    'state = "~nobody-here/state"': "state: is '~nobody-here/state';"
    " there is no home folder for ~nobody-here",
    f"state = {'1' * 80}": f"state: is {'1' * 60}...; give a path, in quotes",
}


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_setting_gets_the_same_answer_from_both_programs(read, line):
    with pytest.raises(ConfigError) as refused:
        read(line)
    assert refused.value.problems == [WRONG[line]]
    assert str(refused.value).endswith(f"settings.toml: {WRONG[line]}")


def test_every_problem_comes_at_once(read):
    with pytest.raises(ConfigError) as refused:
        read("thing = true", "state = 1", "nothing_like_it = 1")
    assert len(refused.value.problems) == 3
    assert len(str(refused.value).splitlines()) == 3


def test_a_byte_order_mark_changes_nothing(read):
    assert read(b"\xef\xbb\xbf# Marked").thing == "MovieSelector"


NOT_TOML = [b"thing = ", b"[[[[", b"x = " + b"[" * 5_000, b"x = " + b"1" * 9_000]


@pytest.mark.parametrize("content", NOT_TOML, ids=["no value", "brackets", "depth", "digits"])
def test_a_file_that_is_not_toml_is_refused(read, content):
    with pytest.raises(ConfigError, match="isn't valid TOML"):
        read(content)


@pytest.mark.parametrize("content", ['thing = "T"'.encode("utf-16"), b'thing = "\xff"'])
def test_a_file_in_another_encoding_is_refused(read, content):
    with pytest.raises(ConfigError, match="isn't UTF-8 text; save it as UTF-8"):
        read(content)


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_a_file_that_cannot_be_read_is_named_with_what_to_do(program, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match=r"gone\.toml: there is no such file"):
        program(tmp_path / "gone.toml")
    with pytest.raises(ConfigError, match="Is a directory"):
        program(tmp_path)

    def denied(*_):
        raise PermissionError(13, "Permission denied")

    # Root may read everything, so a mode of 000 would prove nothing in CI.
    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(ConfigError, match="may not read it; use sudo"):
        program(tmp_path / "settings.toml")


NUMBERS = {
    "1e9999": "isn't valid TOML|inf; give",
    "inf": "is inf; give",
    "nan": "is nan; give",
    "-1": "is -1",
    "1" + "0" * 400: "give a smaller number",
    "true": "is true; give a number",
    '"1"': "is '1'; give a number",
    "2020-01-01": "give a number",
    "[1]": r"is \[1\]; give a number",
}


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_that_cannot_be_meant_are_refused(tmp_path, number):
    path = tmp_path / "settings.toml"
    path.write_text(f"trial_seconds = {number}\n")
    with pytest.raises(ConfigError, match=NUMBERS[number]):
        edge.config.read(path)


def test_a_whole_number_too_long_to_write_is_refused(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text("keep_picks = 0x1" + "0" * 9_000)
    with pytest.raises(ConfigError, match="keep_picks: is far too large; give 100 to 1000000"):
        edge.config.read(path)
