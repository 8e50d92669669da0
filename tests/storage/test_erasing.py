"""Somebody taken out of everything: no byte is left, tickets stay whole, a restore is cleaned again."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, LargeBinary, Text, insert, select

from mailgate import erasures
from mailgate.app import App
from mailgate.cli import main
from mailgate.cli_base import Context
from mailgate.erasing import Erased
from mailgate.instance import METADATAS, load_instance
from mailgate.setup import Wishes, initialise
from mailgate.tables import introduction
from tests.support.community import LIST, Clock, Community
from tests.support.daemon import Daemon, new_instance
from tracker.people import normalise_address
from tracker.unit_of_work import UnitOfWork

UNA, OTHER, BEN, SUE = "una.rareling@people.example", "ur@home.example", "ben@people.example", "sue@x.example"
NAME = "Una Rareling"
MARKER = "Zanzibar-secret-41"
TICKET = "osg-general+1@lists.example.org"
_count = iter(range(10_000))


def mail(sender: str, text: str, subject: str = "Jobs fail", **fields: str) -> bytes:
    known = {"To": LIST, "Message_ID": f"<e{next(_count)}@people.example>"} | fields
    extra = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in known.items())
    return f"From: {sender}\nSubject: {subject}\n{extra}\n{text}\n".encode()


def with_file(marker: str) -> bytes:
    coded = base64.b64encode(f"{marker} in a file".encode()).decode()
    return (
        f"From: {NAME} <{UNA}>\nTo: {LIST}\nSubject: Logs\nMIME-Version: 1.0\n"
        'Content-Type: multipart/mixed; boundary="x"\n\n--x\n\nSee the file.\n--x\n'
        f"Content-Type: text/plain\nContent-Disposition: attachment; filename={marker}.txt\n"
        f"Content-Transfer-Encoding: base64\n\n{coded}\n--x--\n"
    ).encode()


@pytest.fixture
def community(database_url: str, tmp_path: Path) -> Iterator[Community]:
    """A fresh instance on each kind of database in turn."""
    clock = Clock()
    initialise(Wishes(tmp_path / "home", LIST, tag="OSG", database_url=database_url), clock)
    made = Community(App.open(load_instance(tmp_path / "home"), clock), clock)
    yield made
    made.app.close()


@pytest.fixture
def house(community: Community) -> Community:
    """Una asks, is answered, quoted, told, subscribed, banned somewhere, and writes from two addresses."""
    community.subscribe(SUE, "all")
    community.subscribe(UNA, "all")
    community.add_address(UNA, OTHER)
    community.inject(mail(f"{NAME} <{UNA}>", f"They fail. {MARKER}", Message_ID="<q@people.example>"))
    quoted = f"On Monday, {NAME} <{UNA}> wrote:\n> They fail. {MARKER}\n\nThe disk is full, {NAME}.\n"
    community.inject(mail(BEN, quoted, "Re: Jobs fail", In_Reply_To="<q@people.example>", Cc=UNA), [TICKET])
    coded = base64.b64encode(f"Ask {UNA} about it.\n".encode()).decode()
    community.inject(
        mail(
            BEN,
            coded,
            "Re: Jobs fail",
            MIME_Version="1.0",
            Content_Type="text/plain; charset=utf-8",
            Content_Transfer_Encoding="base64",
        ),
        [TICKET],
    )
    community.inject(with_file(MARKER))
    community.inject(mail(OTHER, "!priority high", "Re: Jobs fail"), [TICKET], trust="aligned")
    community.inject(mail(UNA, "", "settings"), ["osg-general-request@lists.example.org"], trust="aligned")
    community.inject(mail(UNA, MARKER, "[OSG #77] Held"))
    community.pass_time(minutes=20)
    return community


def run(house: Community, *words: str) -> Result:
    context = Context()
    result = CliRunner().invoke(main, [*words, "--home", str(house.app.instance.home)], obj=context)
    if "app" in vars(context):
        context.app.close()
    return result


def replayed(house: Community, home: Path) -> tuple[Erased, ...]:
    def work(connection: Connection) -> tuple[Erased, ...]:
        return erasures.replay(UnitOfWork(connection, house.clock()), home)

    return house.app.write(work)


def left(house: Community, *needles: str) -> list[str]:
    """Where in the database something stands still, in any text or bytes."""

    def look(connection: Connection) -> list[str]:
        found = []
        for metadata in METADATAS:
            for table in metadata.sorted_tables:
                columns = [c for c in table.columns if isinstance(c.type, Text | LargeBinary)]
                for row in connection.execute(select(*columns)) if columns else ():
                    for column, value in zip(columns, row, strict=True):
                        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
                        found += [
                            f"{table.name}.{column.name}: {text[:300]}"
                            for needle in needles
                            if needle.lower() in text.lower()
                        ]
        return found

    return house.app.read(look)


def test_nothing_is_left_of_somebody_and_their_tickets_are_whole(house: Community) -> None:
    assert left(house, UNA)
    assert left(house, MARKER)
    done = run(house, "people", "erase", UNA, "--yes", "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.output)
    assert (said["posts"], said["dry_run"]) == (3, False)
    coded = base64.b64encode(f"{MARKER} in a file".encode()).decode()[:24]
    assert left(house, UNA, OTHER, NAME, MARKER, coded) == []
    ticket = house.ticket(1)
    assert [post["n"] for post in ticket["posts"]] == [1, 2, 3, 4]
    assert ticket["posts"][0]["text"] == "[erased]"
    assert "The disk is full" in ticket["posts"][1]["text"]
    for words in (("ticket", "show", "1"), ("export",), ("export", "--format", "mbox"), ("hold", "list")):
        assert run(house, *words).exit_code == 0
    reply = house.inject(mail(BEN, "And now?", "Re: Jobs fail", In_Reply_To="<q@people.example>"))
    assert (reply["ticket"], reply["evidence"]) == (1, "reference")


def test_a_trial_changes_nothing(house: Community) -> None:
    before = left(house, UNA)
    assert run(house, "people", "erase", UNA, "--dry-run").exit_code == 0
    assert left(house, UNA) == before
    assert not (house.app.instance.home / erasures.FILE).exists()


def test_what_is_not_confirmed_is_not_done(house: Community) -> None:
    assert run(house, "people", "erase", UNA).exit_code == 1
    assert left(house, UNA)


def test_a_restored_database_is_cleaned_again(house: Community) -> None:
    """The file lay beside the new database; the old one, restored, knows nothing of it."""
    home, addresses = house.app.instance.home, (normalise_address(UNA), normalise_address(OTHER))

    def erased_then_restored(connection: Connection) -> None:
        erasures.note(connection, home, addresses, house.clock())
        connection.rollback()

    with house.app.database.engine.connect() as connection:
        erased_then_restored(connection)
    assert "una" not in (home / erasures.FILE).read_text()
    assert left(house, UNA)
    assert len(replayed(house, home)) == 1
    assert left(house, UNA, OTHER, NAME, MARKER) == []
    assert replayed(house, home) == ()


def test_a_copy_of_the_file_put_back_is_cleaned_when_the_daemon_starts(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    clock = Clock()
    house = Community(new_instance(home), clock)
    house.inject(mail(f"{NAME} <{UNA}>", MARKER))
    house.app.close()
    shutil.copy(home / "mailgate.db", tmp_path / "backup.db")
    assert run(house, "people", "erase", UNA, "--yes").exit_code == 0
    shutil.copy(tmp_path / "backup.db", home / "mailgate.db")
    with Daemon(home):
        pass
    house.app = App.open(load_instance(home), house.clock)
    assert left(house, UNA, NAME, MARKER) == []


def test_who_writes_again_after_they_were_erased_is_not_erased_again(house: Community) -> None:
    assert run(house, "people", "erase", UNA, "--yes").exit_code == 0
    house.inject(mail(UNA, "I am back.", "Back"))
    assert replayed(house, house.app.instance.home) == ()
    assert left(house, "I am back.")


def test_a_lost_file_is_written_again_from_the_database(house: Community) -> None:
    home = house.app.instance.home
    assert run(house, "people", "erase", UNA, "--yes").exit_code == 0
    before = json.loads((home / erasures.FILE).read_text())
    (home / erasures.FILE).unlink()
    assert replayed(house, home) == ()
    after = json.loads((home / erasures.FILE).read_text())
    assert (after["salt"], after["digests"]) == (before["salt"], before["digests"])


def test_an_old_copy_brings_nothing_back(house: Community) -> None:
    assert run(house, "people", "erase", UNA, "--yes").exit_code == 0
    again = house.inject(mail(f"{NAME} <{UNA}>", f"They fail. {MARKER}", Message_ID="<q@people.example>"))
    assert (again["disposition"], again["ticket"]) == ("duplicate", 1)
    assert left(house, UNA, NAME, MARKER) == []


def test_the_files_of_the_database_hold_nothing_either(
    settle: Callable[[Path], Community], tmp_path: Path
) -> None:
    house = settle(tmp_path / "home")
    for n in range(30):
        house.inject(mail(f"{NAME} <{UNA}>", f"{MARKER} {n} " + "word " * 2000, f"Mail {n}"))
    house.app.close()
    assert run(house, "people", "erase", UNA, "--yes").exit_code == 0
    for file in house.app.instance.home.glob("mailgate.db*"):
        content = file.read_bytes().lower()
        assert MARKER.lower().encode() not in content, file.name
        assert UNA.encode() not in content, file.name


def test_both_addresses_of_somebody_may_be_known_alike(house: Community) -> None:
    house.subscribe(BEN, "all")
    for one in (UNA, OTHER):
        house.app.write(
            lambda c, one=one: c.execute(insert(introduction).values(address=one, at=house.clock()))  # type: ignore[misc]
        )
    assert run(house, "people", "erase", OTHER, "--yes").exit_code == 0
    assert left(house, UNA, OTHER) == []


def test_nobody_writes_to_who_was_erased(house: Community) -> None:
    house.operate(f"own {UNA}", 1)
    assert run(house, "people", "erase", UNA, "--yes").exit_code == 0
    assert house.ticket(1)["owner"] is None
    house.bag.copies.clear()
    house.inject(mail(BEN, "Still there?", "Re: Jobs fail"), [TICKET])
    house.pass_time(days=10)
    assert not [copy for copy in house.bag.copies if "erased" in copy.recipient or UNA in copy.recipient]


def test_the_address_of_a_center_is_no_person_s(house: Community) -> None:
    house.add_center("South", "south@centers.example")
    house.inject(mail("south@centers.example", "We look.", "Other"))
    refused = run(house, "people", "erase", "south@centers.example", "--yes")
    assert refused.exit_code == 1
    assert "mailgate centers set South" in refused.output


def test_somebody_of_a_short_name_takes_no_words_along(house: Community) -> None:
    house.inject(mail("Ann <ann@x.example>", "Hello, Ann here.", "Other"))
    house.inject(mail(BEN, "Annual report of Ann.", "Re: Other"), ["osg-general+3@lists.example.org"])
    run(house, "people", "erase", "ann@x.example", "--yes")
    assert any("Annual report of Ann." in post["text"] for one in house.tickets() for post in one["posts"])


def test_what_is_kept_about_somebody_is_theirs_to_read(house: Community) -> None:
    printed = run(house, "people", "export", UNA)
    rows = [json.loads(line) for line in printed.output.splitlines()]
    kinds = {row["table"] for row in rows}
    assert {
        "person",
        "addresses",
        "subscription",
        "membership",
        "post",
        "event",
        "inbound",
        "delivery",
    } <= kinds
    raws = [base64.b64decode(row["raw"]) for row in rows if row["table"] == "post"]
    assert any(MARKER.encode() in raw for raw in raws)
    assert all(row.get("author_address") in (None, UNA, OTHER) for row in rows)
