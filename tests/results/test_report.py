"""The report and the numbers in README and docs."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, strategies as st
from support import synthetic

from honesty_utils.results import markers, plots, report, tables

CLAIMS = "# Findings\n\n| # | Verdict |\n|---|---|\n| 1 | **reproduced** |\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``figures/fake`` with the main table, one other, one figure and claims."""
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    place = tmp_path / "figures" / "fake"
    main = synthetic.main_table()
    tables.save_table(main[main["method"].isin(["absolute", "oracle"])], place, "tab_main")
    tables.save_table(pd.DataFrame({"method": ["absolute"], "rows": [2020], "note": ["a & <b>"]}), place, "tab_sft")
    plots.save_figure(plots.figure_of(plots.sweep(synthetic.sweep_table(), "tau")), place, "fig_tau")
    (place / "claims.md").write_text(CLAIMS, encoding="utf-8")
    return place


class Page(HTMLParser):
    """Collects tags, addresses, and whether elements are closed in order."""

    VOID = ("meta", "img", "br", "hr")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


# --- the page -------------------------------------------------------------------------------------------------------


def test_report_is_one_wellformed_file_without_outside_resources(folder: Path) -> None:
    text = report.write_report("fake").read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert page.addresses and all(address.startswith("data:image/png;base64,") for address in page.addresses)
    assert not {"script", "link", "iframe"} & set(page.tags)
    assert "url(" not in text and "@import" not in text
    assert text.index("Content-Security-Policy") < text.index("<style>") and "default-src 'none'; img-src data:" in text
    assert "<strong>reproduced</strong>" in text
    assert "a &amp; &lt;b&gt;" in text  # text of tables is text, never markup
    assert text.index('id="tab_main"') < text.index('id="tab_sft"')


def test_report_is_the_same_each_time_and_says_what_is_missing(folder: Path) -> None:
    first = report.write_report("fake").read_bytes()
    assert report.write_report("fake").read_bytes() == first
    assert b"Not drawn for this run: fig_main, fig_ood" in first


def test_report_without_tables_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    with pytest.raises(report.ReportError, match=r"no tab_\*\.md; run notebooks/60_scores\.ipynb for run 'none'"):
        report.write_report("none")
    assert not list(tmp_path.rglob("report.html"))


def test_stale_results_go_and_others_stay(folder: Path) -> None:
    (folder / "tab_ece.csv").write_text("of another notebook", encoding="utf-8")
    (folder / "tab_mine.csv").write_text("a reader's own", encoding="utf-8")
    tables.save_tables({"tab_main": synthetic.main_table()}, folder, "60_scores")
    assert not list(folder.glob("tab_sft.*")) and (folder / "tab_main.tex").is_file()
    assert all((folder / name).is_file() for name in ("tab_ece.csv", "tab_mine.csv", "fig_tau.png"))


# --- markers --------------------------------------------------------------------------------------------------------


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_values_go_between_their_markers_inline_and_as_blocks(tmp_path: Path) -> None:
    file = write(
        tmp_path / "README.md",
        "Honesty is <!-- results:a -->50<!-- /results --> here.\n\n<!-- results:b -->\nold\n<!-- /results -->\nend\n",
    )
    assert report.fill_markers(file, {"a": "81.0 %", "b": "| x |\n|---|", "unused": "?"}) == ["a", "b"]
    assert file.read_text(encoding="utf-8") == (
        "Honesty is <!-- results:a -->81.0 %<!-- /results --> here.\n\n"
        "<!-- results:b -->\n| x |\n|---|\n<!-- /results -->\nend\n"
    )
    assert report.fill_markers(file, {"a": "81.0 %", "b": "| x |\n|---|"}) == []


def test_markers_in_code_are_text(tmp_path: Path) -> None:
    fence = "```\n<!-- results:b -->1<!-- /results -->\n```"
    text = f"Write `<!-- results:a -->`:\n\n{fence}\n\n<!-- results:c -->0<!-- /results -->\n"
    file = write(tmp_path / "a.md", text)
    assert report.find_markers(text) == ["c"]
    assert report.fill_markers(file, {"c": "1"}) == ["c"]
    assert file.read_text(encoding="utf-8") == text.replace("-->0<", "-->1<")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x\n<!-- results:b -->1<!-- /results -->", r"line 2: no value for the marker 'b'; there are: \['a'\]"),
        ("<!-- results:a -->1 <!-- results:a -->2<!-- /results -->", "line 1: marker 'a' is not closed"),
        ("<!-- results:a -->1", "line 1: <!-- results:a --> has no other half"),
        ("\n\n<!-- /results -->", "line 3: <!-- /results --> has no other half"),
    ],
)
def test_bad_markers_are_errors_and_leave_the_file_alone(tmp_path: Path, text: str, message: str) -> None:
    file = write(tmp_path / "a.md", text)
    with pytest.raises(report.ReportError, match=message):
        report.fill_markers(file, {"a": "7"})
    assert file.read_text(encoding="utf-8") == text


@given(st.text(alphabet="ab \n|*", max_size=30), st.text(alphabet="ab \n|*", max_size=30))
def test_filling_twice_changes_nothing_more(tmp_path_factory: pytest.TempPathFactory, old: str, new: str) -> None:
    file = tmp_path_factory.getbasetemp() / "twice.md"
    write(file, f"before <!-- results:a -->{old}<!-- /results --> after")
    report.fill_markers(file, {"a": new})
    once = file.read_text(encoding="utf-8")
    assert report.fill_markers(file, {"a": new}) == []
    assert once.startswith("before <!-- results:a -->") and once.endswith("<!-- /results --> after")
    assert new.strip() in once


def test_lookup_of_tables_scores_and_cells(folder: Path) -> None:
    # ABSOLUTE: prudence .865, over-conservativeness .245, so honesty (.865 + 1 - .245) / 2 = .81
    assert report.lookup("fake/tab_main:method=absolute,dataset=indist,metric=honesty").startswith("81.0 % [")
    assert report.lookup("fake/tab_main:method=oracle,dataset=indist,metric=prudence") == "100.0 % [100.0, 100.0]"
    assert report.lookup("fake/tab_sft:method=absolute@rows") == "2,020"
    assert report.lookup("fake/tab_sft:rows=2020@method") == "absolute"
    assert report.lookup("fake/tab_main:method=absolute,dataset=indist,metric=honesty@value%") == "81.0"
    assert report.lookup("fake/tab_sft").splitlines()[0] == "| method | rows | note |"
    assert report.lookup("fake/claims").startswith("# Findings")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fake/tab_none", r"no tab_none\.md of run 'fake'; there are: \['stages', 'claims', 'tab_main', 'tab_sft'\]"),
        ("none/tab_main:method=absolute", r"no tab_main\.csv of run 'none'"),
        ("fake/tab_main:metod=absolute", "no column 'metod'; columns: "),
        ("fake/tab_main:method=absolute", "72 rows have method=absolute; name a condition that one row meets"),
        ("fake/tab_sft:method=absolute", "say which column with @column"),
        ("fake/tab_sft:method=absolute@row", "no column 'row'"),
        ("fake/tab_sft:rows=many@rows", "rows=many: a number is needed"),
        ("fake/stages", "no executed notebook with its duration"),
    ],
)
def test_lookup_errors_say_what_there_is(folder: Path, name: str, message: str) -> None:
    with pytest.raises(report.ReportError, match=message):
        report.lookup(name)


def test_stage_times_add_up_the_executed_notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    executed = tmp_path / "runs" / "fake" / "notebooks"
    executed.mkdir(parents=True)
    for stem, seconds in (("00_world", 60.0), ("40_training_absolute_seed0", 3.0), ("40_training_absolute_seed1", 4.5)):
        text = json.dumps({"cells": [], "metadata": {"papermill": {"duration": seconds}}})
        write(executed / f"{stem}.ipynb", text)
    write(executed / "50_evaluation_absolute_seed0.ipynb", json.dumps({"metadata": {"papermill": {}}}))  # still running
    times = markers.stage_times("fake")
    assert times.to_dict("records") == [
        {"stage": "00_world", "notebooks": 1, "seconds": 60.0, "longest": 60.0},
        {"stage": "40_training", "notebooks": 2, "seconds": 7.5, "longest": 4.5},
    ]


def test_command_fills_files_and_folders(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    readme = write(tmp_path / "README.md", "<!-- results:fake/tab_sft:method=absolute@rows --><!-- /results -->")
    (tmp_path / "docs").mkdir()
    page = write(tmp_path / "docs" / "log.md", "<!-- results:fake/claims -->\n<!-- /results -->\n")
    assert report.main(["fake", "--fill", str(readme), str(tmp_path / "docs")]) == 0
    assert re.search(r"-->2,020<!--", readme.read_text(encoding="utf-8"))
    assert "| 1 | **reproduced** |" in page.read_text(encoding="utf-8")
    assert "1 markers, 1 changed" in capsys.readouterr().out
    assert (folder / "report.html").is_file()


def test_command_reports_errors_on_stderr(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path / "a.md", "<!-- results:fake/none --><!-- /results -->")
    assert report.main(["--fill", str(file)]) == 2
    assert "no none.md of run 'fake'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        report.main([])
