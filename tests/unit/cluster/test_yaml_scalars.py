"""The scalars of a text, and what differs."""

import pytest

from homeostat.flow.yaml_scalars import ScalarChange, YamlTextError, changed_scalars, scalars


def test_scalars_by_pointer_as_written() -> None:
    text = "a: {b: 1, 'c/d': \"x\"}\nlist: [y, [], {}]\nü~: é # comment\nn:\nbase: &b {k: 1}\ncopy: *b\n"

    assert scalars(text) == {
        "/a/b": "1",
        "/a/c~1d": '"x"',
        "/list/0": "y",
        "/list/1": "[]",
        "/list/2": "{}",
        "/ü~0": "é",
        "/n": "",
        "/base/k": "1",
        "/copy": "*/base",
    }


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ("a: 1\nb: 2\n", "b: 2\n# moved\na: 1\n", ()),
        ("a: 'x'\n", 'a: "x"\n', ()),
        ("a: 1\n", "a: '1'\n", (ScalarChange("/a", "1", "'1'"),)),
        ("a: 1\nb: 2\n", "a: 3\nc: 4\n", (ScalarChange("/a", "1", "3"), ScalarChange("/c", "", "4"),
                                           ScalarChange("/b", "2", ""))),
        ("a: &x 1\nb: *x\n", "a: &x 2\nb: *x\n", (ScalarChange("/a", "&x 1", "&x 2"),)),
        ("", "a: 1\n", (ScalarChange("/a", "", "1"),)),
    ],
)  # fmt: skip
def test_changed_scalars(before: str, after: str, changes: tuple[ScalarChange, ...]) -> None:
    assert changed_scalars(before, after) == changes


@pytest.mark.parametrize(
    "text",
    [
        "a: [1",
        "a: 1\n---\nb: 2\n",
        "? [x]\n: 1\n",
        "#" * 300_000,
        "[" * 200 + "]" * 200,
        "[" * 100_000,
        "- " * 100_000,
        "a: \x00",
        "a: *none\n",
    ],
)
def test_texts_that_cannot_be_read(text: str) -> None:
    with pytest.raises(YamlTextError):
        scalars(text)


def test_a_bomb_of_aliases_stays_as_small_as_it_is_written() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 50)]

    assert len(scalars("\n".join(lines))) == 1 + 49 * 9
