"""Files that changed are acted on once, when they have stopped changing."""

from pathlib import Path

from router.rollout.watcher import Watcher, fingerprint


class Story:
    """A watcher that looks only when asked to, and what it acted on."""

    def __init__(self, *paths: Path) -> None:
        self.acted: list[int] = []
        self.fails = False
        self.watcher = Watcher(lambda: paths, 3600.0, self.act)
        assert self.watcher.look()  # what came while the server started
        self.acted.clear()

    def act(self) -> None:
        self.acted.append(1)
        if self.fails:
            raise ValueError("refused")


def test_what_stays_the_same_is_left_alone(tmp_path: Path):
    (tmp_path / "a").write_text("1")
    story = Story(tmp_path)
    assert [story.watcher.look() for _ in range(3)] == [False] * 3
    assert story.acted == []
    story.watcher.close()


def test_a_change_is_acted_on_when_two_looks_in_a_row_see_the_same(tmp_path: Path):
    (tmp_path / "a").write_text("1")
    story = Story(tmp_path)
    for text in ("22", "333", "4444"):  # being written
        (tmp_path / "a").write_text(text)
        assert not story.watcher.look()
    assert story.watcher.look()
    assert not story.watcher.look()
    assert len(story.acted) == 1
    story.watcher.close()


def test_what_was_refused_is_not_tried_again_until_it_changes(tmp_path: Path):
    (tmp_path / "a").write_text("1")
    story = Story(tmp_path)
    story.fails = True
    (tmp_path / "a").write_text("22")
    assert [story.watcher.look() for _ in range(4)] == [False, True, False, False]
    (tmp_path / "a").write_text("333")
    assert [story.watcher.look() for _ in range(3)] == [False, True, False]
    story.watcher.close()


def test_a_fingerprint_changes_with_a_file_a_name_a_link_and_an_absence(tmp_path: Path):
    one, two = tmp_path / "one", tmp_path / "two"
    for place in (one, two):
        place.mkdir()
        (place / "a").write_text("1")
    link = tmp_path / "current"
    link.symlink_to(one)
    seen = [fingerprint([link])]
    link.unlink()
    link.symlink_to(two)
    seen.append(fingerprint([link]))
    (two / "b").write_text("1")
    seen.append(fingerprint([link]))
    (two / "b").replace(two / "c")
    seen.append(fingerprint([link]))
    (two / "c").unlink()
    (two / "a").unlink()
    seen.append(fingerprint([link]))
    seen.append(fingerprint([link, one / "a", Path(__file__)]))
    assert len(set(seen)) == len(seen)
    assert fingerprint([tmp_path / "nowhere"]) == ()


def test_a_link_that_leads_in_circles_is_left_out_and_looked_at_again(tmp_path: Path):
    link = tmp_path / "current"
    link.symlink_to(link)
    assert fingerprint([link]) == ()
    link.unlink()
    link.write_text("1")
    assert fingerprint([link])
