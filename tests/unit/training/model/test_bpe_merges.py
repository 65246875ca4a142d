"""Tests of byte-pair merges that are learned from word counts."""

from training.model.bpe_merges import learn_merges, merged


def test_the_most_frequent_pair_is_merged_first() -> None:
    merges = learn_merges({"red": 5, "rest": 5, "tree": 1}, count=3)

    assert merges[0] == ("r", "e")


def test_frequent_words_become_one_symbol() -> None:
    merges = learn_merges({"guitar": 10, "zebra": 1}, count=50)

    symbols = [*"guita", "r</w>"]
    for pair in merges:
        symbols = merged(symbols, pair)

    assert symbols == ["guitar</w>"]


def test_pairs_seen_once_are_not_merged() -> None:
    assert learn_merges({"xylophone": 1}, count=10) == []


def test_ties_are_broken_alphabetically() -> None:
    forward, backward = {"ab": 2, "cd": 2}, {"cd": 2, "ab": 2}

    assert (
        learn_merges(forward, count=9) == learn_merges(backward, count=9) == [("a", "b</w>"), ("c", "d</w>")]
    )


def test_repeated_symbols_are_merged_from_left_to_right() -> None:
    assert merged(["a", "a", "a"], ("a", "a")) == ["aa", "a"]
