"""Finds what a mail names of the registry: one pass over its text, whatever the size of the registry.

Names are compared without case, blanks, `-` and `_`, by their atoms (runs of letters and digits): from each
atom on, following atoms are added as long as some name begins so. Hosts are whole tokens.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from routing.entities import Entity, EntityKind, How, MailTexts, Where
from routing.everyday import HOMONYMS
from routing.hosts import Hosts
from routing.lines import LineKind, classify
from routing.names import ATOM, Clarity, Name, all_names
from routing.registry import Registry

# What is looked through of each part of a mail, in characters, and how many entities a mail may name.
_MOST_TEXT: Final = 64 * 1024
_MOST_ENTITIES: Final = 200
_LONGEST_HOST: Final = 253

# What may hold more than words: most of a text is passed over by the first of these.
_CHUNK: Final = re.compile(r"(?<!\S)[^\s./@]{0,300}[./@]\S*")
_DN: Final = re.compile(r"/(?:DC|O|C|OU|CN)=[^\n\"'<>|]{1,300}")
# In this order: a web address, a path, an address, a host. What is none of these is words.
_TOKEN: Final = re.compile(
    r"(?P<url>[A-Za-z][A-Za-z0-9+]{1,15}://(?P<authority>[^\s/<>\"'?#]{1,300})[^\s<>\"']{0,1000})"
    r"|(?P<path>(?<![\w.-])[~.]{0,2}/[\w.~+-]+/[^\s<>\"']{0,500})"
    r"|(?P<mail>(?<![\w.+-])[\w.+=-]{1,64}@(?P<at>[A-Za-z0-9.-]{1,253}))"
    r"|(?P<host>(?<![A-Za-z0-9_-])[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62}\.){1,20}[A-Za-z0-9-]{1,63}(?![\w-]))"
)
# How far from an acronym words tell of which it is, in characters.
_BESIDE: Final = 80
_LONGEST_CHUNK: Final = 2000
_MOST_LABEL_ATOMS: Final = 6
_WEB: Final = frozenset({"http", "https", "ftp"})
# Word processors have hyphens and dashes of their own.
_GAP: Final = re.compile(r"[-_ \t,&'()\u2010-\u2015\u2212]{0,4}\n?[-_ \t]{0,4}")
# What makes user@host a login and no address: a command before it, or a path behind it.
_LOGIN: Final = re.compile(
    r"\b(?:ssh|slogin|gsissh|scp|gsiscp|sftp|rsync|mosh|telnet|log(?:ged|ging)? ?(?:in|on)|root@)"
)
_VO_BEFORE: Final = re.compile(r"\bVO[ :=\"'(]{1,3}$")
_VO_AFTER: Final = re.compile(
    r"[\"')]{0,2}[ -](?:VO|VOs|virtual organi[sz]ations?|collaboration|experiment|VOMS)\b"
)
_PLACE_BEFORE: Final = re.compile(
    r"\b(?:at|At|cluster|site|resource|resource group|group|host|gatekeeper|machine)[ :=\"'(]{1,3}$"
)
_PLACE_AFTER: Final = re.compile(
    r"[\"')]{0,2}[ -](?:cluster|site|resource|resource group|CE|SE|gatekeeper|gateway|queue|farm|"
    r"supercomputer|login node|head node|headnode|worker nodes?|submit (?:node|host)|squid|cache|origin|"
    r"endpoint|compute element|storage element|admins?|administrators?|sysadmins?)\b"
)
# Beside a name that is a VO's and a place's, these say which; alone they make no name of a word.
_PEOPLE_BEFORE: Final = re.compile(r"\b(?:people|members?|users?|friends|colleagues) (?:of|from) (?:the )?$")
_PEOPLE_AFTER: Final = re.compile(
    r"[\"')]{0,2}[ -](?:users?|people|members?|folks|jobs?|pilots?|prox(?:y|ies)|simulations?|workflows?"
    r"|project)\b"
)
_CENTER_AFTER: Final = re.compile(
    r"[\"')]{0,2}[ -](?:support|Support|support center|operations|helpdesk|team)\b"
)


@dataclass(frozen=True, slots=True)
class _Hit:
    """A place in a text where something is named; `at` and `end` are its span."""

    at: int
    end: int
    name: Name
    text: str


_PLACES: Final = frozenset(
    {EntityKind.RESOURCE, EntityKind.GROUP, EntityKind.SITE, EntityKind.FACILITY, EntityKind.SERVICE}
)


class Matcher:
    """Finds entities of one registry in texts; made once for each version of it."""

    def __init__(self, registry: Registry) -> None:
        self._hosts = Hosts(registry)
        self._names: dict[str, list[Name]] = defaultdict(list)
        self._beginnings: set[str] = set()
        for key, name in all_names(registry):
            self._names[key].append(name)
            self._beginnings.update(key[:length] for length in range(1, len(key) + 1))
        self._groups = {resource.name: resource.group for resource in registry.resources}
        self._sites = {group.name: group.site for group in registry.groups}
        self._facilities = {site.name: site.facility for site in registry.sites}

    def find(self, texts: MailTexts) -> tuple[Entity, ...]:
        """All that is named, each entity once for each part of the mail that names it. Total, and linear."""
        found: dict[tuple[EntityKind, str, Where], Entity] = {}
        unsure: list[tuple[Where, Name, str]] = []
        for where, part in _parts(texts):
            text = _DN.sub(lambda dn: "\0" * len(dn[0]), part) if "/" in part else part
            for entity in self._in_part(where, text, unsure):
                found.setdefault((entity.kind, entity.name, entity.where), entity)
                if len(found) >= _MOST_ENTITIES:
                    return tuple(found.values())
        self._confirm(unsure, found)
        return tuple(found.values())

    def _in_part(self, where: Where, text: str, unsure: list[tuple[Where, Name, str]]) -> Iterator[Entity]:
        tokens = list(_tokens(text))
        for token in tokens:
            yield from self._in_token(where, token)
        rest = _without(text, tokens)
        for hit in _apart(self._named(rest), rest):
            if _is_meant(hit, rest, where):
                yield Entity(hit.name.kind, hit.name.entity, where, hit.name.how, hit.text)
            elif hit.name.clarity is Clarity.PLAIN and hit.text == hit.name.spelled:
                unsure.append((where, hit.name, hit.text))

    def _in_token(self, where: Where, token: re.Match[str]) -> Iterator[Entity]:
        if token["host"]:
            yield from self._host(where, token["host"], may_be_new=where in (Where.SUBJECT, Where.PROSE))
        elif token["url"]:
            host = token["authority"].rpartition("@")[2].partition(":")[0]
            scheme = token["url"].partition(":")[0].lower()
            yield from self._host(where, host, may_be_new=scheme not in _WEB and where is not Where.LOG)
        elif token["at"] and (where is Where.LOG or _is_login(token)):
            # The domain of an address is not what the mail is about.
            yield from self._host(where, token["at"], may_be_new=False)

    def _host(self, where: Where, text: str, *, may_be_new: bool) -> Iterator[Entity]:
        host = text.lower().strip(".-")
        if len(host) > _LONGEST_HOST:
            return
        known = self._hosts.whole(host)
        for name in known:
            yield Entity(EntityKind.RESOURCE, name, where, How.FQDN, text)
        if known or not may_be_new or host.count(".") < 2:
            return
        place = self._hosts.of_domain(host)
        if place is not None:
            yield Entity(place.kind, place.name, where, How.DOMAIN, text)

    def _named(self, text: str) -> Iterator[_Hit]:
        """The longest names, from left to right; what lies within one is not found again."""
        atoms = list(ATOM.finditer(text))
        number = 0
        for first, atom in enumerate(atoms):
            key = atom[0].casefold()
            if first < number or (key not in self._beginnings and not self._hosts.may_begin(key)):
                continue
            hits, taken = self._longest(text, atoms, first)
            yield from hits
            number = first + taken

    def _longest(self, text: str, atoms: list[re.Match[str]], first: int) -> tuple[list[_Hit], int]:
        """What is named from one atom on, and how many atoms that takes."""
        start, key, last = atoms[first].start(), atoms[first][0].casefold(), first
        best: list[_Hit] = []
        taken = 0
        while key in self._beginnings:
            if key in self._names:
                end = atoms[last].end()
                best = [_Hit(start, end, name, text[start:end]) for name in self._names[key]]
                taken = last - first + 1
            last += 1
            if last == len(atoms) or _GAP.fullmatch(text, atoms[last - 1].end(), atoms[last].start()) is None:
                break
            key += atoms[last][0].casefold()
        return (best, taken) if best else self._short_host(text, atoms, first)

    def _short_host(self, text: str, atoms: list[re.Match[str]], first: int) -> tuple[list[_Hit], int]:
        """A host by its first label, where that is the only one of the registry."""
        label, taken = _label(text, atoms, first)
        name = self._hosts.short(label.lower())
        if name is None:
            return [], 0
        start = atoms[first].start()
        short = Name(EntityKind.RESOURCE, name, How.SHORT_HOST, label, Clarity.CLEAR)
        return [_Hit(start, start + len(label), short, label)], taken

    def _confirm(
        self,
        unsure: list[tuple[Where, Name, str]],
        found: dict[tuple[EntityKind, str, Where], Entity],
    ) -> None:
        """A plain word counts when a host of it is named in the same mail."""
        named = [one for one in found.values() if one.kind is EntityKind.RESOURCE]
        around = set()
        for one in named:
            group = self._groups.get(one.name, "")
            site = self._sites.get(group, "")
            around |= {(EntityKind.GROUP, group), (EntityKind.SITE, site)}
            around |= {(EntityKind.RESOURCE, one.name), (EntityKind.FACILITY, self._facilities.get(site, ""))}
        for where, name, text in unsure:
            if (name.kind, name.entity) in around and len(found) < _MOST_ENTITIES:
                entity = Entity(name.kind, name.entity, where, name.how, text)
                found.setdefault((entity.kind, entity.name, where), entity)


def _is_login(token: re.Match[str]) -> bool:
    """Whether user@host is an account on a machine."""
    text, at, end = token.string, token.start(), token.end()
    before = text[max(0, at - 60) : at].rpartition("\n")[2]
    line = before + text[at : end + 60].partition("\n")[0]
    return bool(_LOGIN.search(line)) or text[end : end + 2] in (":/", ":~")


def _apart(hits: Iterable[_Hit], text: str) -> Iterator[_Hit]:
    """Of the entities that share a name, those that the words around it mean: "the STAR VO" is no site.

    A component stands before the center of its name, unless it says that the center is meant.
    """
    for _, same in groupby(hits, key=lambda hit: (hit.at, hit.end)):
        group = list(same)
        kinds = {hit.name.kind for hit in group}
        if len(kinds) > 1:
            meant = _kinds_meant(group[0], text, kinds)
            group = [hit for hit in group if hit.name.kind in meant]
        yield from group


def _kinds_meant(hit: _Hit, text: str, kinds: set[EntityKind]) -> set[EntityKind]:
    before, after = text[max(0, hit.at - 20) : hit.at], text[hit.end : hit.end + 30]
    of_people = (_VO_BEFORE, _PEOPLE_BEFORE), (_VO_AFTER, _PEOPLE_AFTER)
    if EntityKind.VO in kinds and (
        any(one.search(before) for one in of_people[0]) or any(one.match(after) for one in of_people[1])
    ):
        return {EntityKind.VO}
    if EntityKind.CENTER in kinds and _CENTER_AFTER.match(after):
        return {EntityKind.CENTER}
    if kinds & _PLACES and (_PLACE_BEFORE.search(before) or _PLACE_AFTER.match(after)):
        return kinds - {EntityKind.VO}
    return kinds - {EntityKind.CENTER} if EntityKind.COMPONENT in kinds else kinds


def _tokens(text: str) -> Iterator[re.Match[str]]:
    """What in a text is no words: web addresses, paths, addresses, hosts, distinguished names."""
    for chunk in _CHUNK.finditer(text):
        if text.find(".", chunk.start(), chunk.end() - 1) >= 0 or "/" in chunk[0] or "@" in chunk[0]:
            yield from _TOKEN.finditer(text, chunk.start(), min(chunk.end(), chunk.start() + _LONGEST_CHUNK))


def _without(text: str, tokens: list[re.Match[str]]) -> str:
    """A text with NULs for its tokens: names are looked for in what is left."""
    pieces, end = [], 0
    for token in tokens:
        pieces += [text[end : token.start()], "\0" * (token.end() - token.start())]
        end = token.end()
    return "".join([*pieces, text[end:]])


def _label(text: str, atoms: list[re.Match[str]], first: int) -> tuple[str, int]:
    """The run of letters, digits and hyphens that begins with an atom and is a word of its own; its atoms."""
    start, last = atoms[first].start(), first
    if start and text[start - 1] in "-_.@/":
        return "", 1
    while (
        last + 1 < len(atoms)
        and last - first < _MOST_LABEL_ATOMS
        and text[atoms[last].end() : atoms[last + 1].start()] == "-"
    ):
        last += 1
    return text[start : atoms[last].end()], last - first + 1


def _parts(texts: MailTexts) -> Iterator[tuple[Where, str]]:
    """The parts of a mail; of the new text, runs of lines of one kind."""
    yield Where.SUBJECT, texts.subject[:_MOST_TEXT]
    kinds = {LineKind.PROSE: Where.PROSE, LineKind.LOG: Where.LOG, LineKind.TRACE: Where.RECEIVED}
    yield from _runs(texts.new_text[:_MOST_TEXT], kinds)
    yield from _runs(texts.quoted_text[:_MOST_TEXT], dict.fromkeys(kinds, Where.QUOTED))
    yield from _runs(texts.signature[:_MOST_TEXT], dict.fromkeys(kinds, Where.SIGNATURE))


def _runs(text: str, kinds: dict[LineKind, Where]) -> Iterator[tuple[Where, str]]:
    run: list[str] = []
    before: Where | None = None
    for kind, line in classify(text) if text else ():
        where = kinds[kind]
        if where is not before and run:
            yield before or where, "\n".join(run)
            run = []
        run.append(line)
        before = where
    if run and before is not None:
        yield before, "\n".join(run)


def _is_meant(hit: _Hit, text: str, where: Where) -> bool:
    """Whether a name stands there as itself, not as a part of something longer or as a word."""
    if _touches(text, hit):
        return False
    name = hit.name
    if _is_homonym(hit, text):
        return False
    written = "".join(ATOM.findall(hit.text))
    if name.clarity is Clarity.CLEAR:
        return True
    if name.clarity is Clarity.ACRONYM:
        return written == name.spelled or (where is not Where.LOG and _may_be_lower(name))
    if written != name.spelled:
        return False
    return name.clarity is Clarity.EXACT or _is_qualified(hit, text)


def _is_homonym(hit: _Hit, text: str) -> bool:
    """Whether words beside an acronym say that it stands for something else."""
    others = HOMONYMS.get(hit.text.casefold(), ())
    if not others:
        return False
    around = " ".join(text[max(0, hit.at - _BESIDE) : hit.end + _BESIDE].casefold().split())
    return any(word in around for word in others)


def _may_be_lower(name: Name) -> bool:
    return name.kind in (EntityKind.VO, EntityKind.CENTER) or len(name.spelled) > 4


_PART_BEFORE: Final = frozenset("-_.@/=~$\\\0")
_PART_AFTER: Final = re.compile(r"[_@/\\]\w|[=\0]|\.\w|-\w")
_COMPOUND: Final = re.compile(r"-[a-z]{3}")


def _touches(text: str, hit: _Hit) -> bool:
    """Whether it is a part of something longer: `cms-devel`, `~cms`, `cms=1`; "CMS-related" is none."""
    if text[hit.at - 1 : hit.at] in _PART_BEFORE and hit.at:
        return True
    if _PART_AFTER.match(text, hit.end) is None:
        return False
    return hit.text.islower() or _COMPOUND.match(text, hit.end) is None


def _is_qualified(hit: _Hit, text: str) -> bool:
    before, after = text[max(0, hit.at - 20) : hit.at], text[hit.end : hit.end + 30]
    if hit.name.kind is EntityKind.VO:
        return bool(_VO_BEFORE.search(before) or _VO_AFTER.match(after))
    if hit.name.kind is EntityKind.CENTER:
        return bool(_CENTER_AFTER.match(after))
    return bool(_PLACE_BEFORE.search(before) or _PLACE_AFTER.match(after))
