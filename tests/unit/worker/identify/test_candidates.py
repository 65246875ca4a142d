from worker.identify.candidates import merge_rankings


def test_the_first_of_each_ranking_come_first_and_none_twice() -> None:
    assert merge_rankings([["a", "b", "c"], ["b", "d"], []]) == ["a", "b", "d", "c"]


def test_no_more_candidates_than_wanted_are_merged() -> None:
    assert merge_rankings([[1, 2, 3], [4, 5, 6]], most=3) == [1, 4, 2]
