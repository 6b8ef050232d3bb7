"""Job titles by seniority and department: staff titles are Faker's occupations, sorted into the provider's departments
by their words; the ranks above are composed from the department's name."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from faker.providers.job.en_US import Provider as Jobs

from cursive_app.integrations.audiencelab.vocabulary import DEPARTMENTS, SENIORITIES

# occupations that are named differently in the United States, or are no titles
_SKIPPED = re.compile(
    r"[/()']|centre|colour|programme|organis|civil service|scotland|chartered|advis[eo]r?, civil|runner|gaffer|best boy"
    r"|mudlogger|^(sub|copy|make|land|press sub|publishing copy|dealer|contractor)$|english as|tefl|local government",
    re.IGNORECASE,
)

# the first department whose words occur in an occupation takes it; order matters ("sales engineer" is sales)
_WORDS = {
    "sales": r"\bsales|account executive|estate agent",
    "accounting": r"accountant|accounting|comptroller|tax",
    "purchasing": r"buyer|purchasing",
    "quality assurance": r"quality",
    "product management": r"product manager",
    "program and project management": r"planner|coordinator|project",
    "human resources": r"human resources|personnel|recruitment|training and development",
    "information technology": r"software|developer|programmer|systems|network|database|data |\bIT\b|web",
    "legal": r"lawyer|legal|attorney|solicitor|conveyancer",
    "marketing": r"marketing|advertising|market research|media (buyer|planner)|merchandiser|public relations",
    "media and communication": r"journalist|editor|writer|producer|camera|presenter|translator|interpreter|photograph",
    "engineering": r"engineer|technologist|architect",
    "finance": r"financ|banker|trader|investment|treasurer|actuary|risk|economist|insurance|underwriter|pension",
    "healthcare services": (
        r"nurse|doctor|surgeon|pharma|therap|midwife|medic|radiograph|psych|dentist|optom|health|clinic"
    ),
    "real estate": r"surveyor|housing|estate",
    "research": r"scientist|research|chemist|biolog|geolog|statistician|physicist|ecolog",
    "education": r"teacher|lecturer|professor|tutor|trainer|education|librarian|mentor",
    "community and social services": r"social worker|community|charity|youth|counsel|aid worker|volunteer|careers",
    "customer success and support": r"customer|support|information officer",
    "arts and design": r"designer|artist|illustrator|animator|musician|actor|dancer|curator|stage|theatre",
    "military and protective services": r"armed forces|police|firefighter|prison|probation|naval|ranger",
    "consulting": r"consultant|adviser",
    "operations": r"operation|production|warehouse|logistics|facilities|maintenance|transport|manager|freight",
    "administrative": r"administrator|secretary|assistant|\boffice\b|records|clerk",
    "business development": r"fundraiser|lobbyist|development",
}
_SMALL_WORDS = frozenset({"and", "of", "in", "for", "the"})


@dataclass(frozen=True, slots=True)
class TitleTable:
    """All titles; `start` and `count` (seniority × department) say which of them belong to a rank and department."""

    titles: tuple[str, ...]
    start: npt.NDArray[np.int64]
    count: npt.NDArray[np.int64]


def title_table() -> TitleTable:
    """Titles grouped by SENIORITIES and DEPARTMENTS."""
    occupations = _occupations_by_department()
    titles: list[str] = []
    start = np.zeros((len(SENIORITIES), len(DEPARTMENTS)), dtype=np.int64)
    count = np.zeros_like(start)
    for row, rank in enumerate(SENIORITIES):
        for column, department in enumerate(DEPARTMENTS):
            group = _group(rank, department, occupations[department])
            start[row, column], count[row, column] = len(titles), len(group)
            titles += group
    return TitleTable(tuple(titles), start, count)


def _occupations_by_department() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {department: [] for department in DEPARTMENTS}
    for job in Jobs.jobs:
        if _SKIPPED.search(job):
            continue
        department = next((name for name, words in _WORDS.items() if re.search(words, job, re.IGNORECASE)), None)
        title = _natural(job)
        if department and title not in found[department]:
            found[department].append(title)
    return found


def _group(rank: str, department: str, occupations: list[str]) -> list[str]:
    name = _capitalized(department)
    managers = [title for title in occupations if title.endswith(" Manager")]
    chiefs = [title for title in map(_natural, Jobs.jobs) if title.startswith("Chief ")]
    match rank:
        case "cxo":
            return [title for title in chiefs if _leads(title, department)] or [
                "Chief Executive Officer",
                f"Chief {name} Officer",
            ]
        case "vp":
            return [f"VP {name}", f"Vice President of {name}", f"Senior Vice President of {name}"]
        case "director":
            return [f"Director of {name}", f"{name} Director", f"Senior Director of {name}"]
        case "manager":
            return [f"{name} Manager", f"Senior {name} Manager", *managers]
        case _:
            others = [title for title in occupations if title not in managers]
            return [*others, f"{name} Specialist", f"{name} Coordinator", f"{name} Associate"]


def _leads(chief: str, department: str) -> bool:
    words = {
        "finance": "Financial", "accounting": "Financial", "marketing": "Marketing", "operations": "Operating",
        "information technology": "Technology", "engineering": "Technology", "business development": "Strategy",
        "administrative": "of Staff",
    }  # fmt: skip
    return words.get(department, "no such word") in chief


def _natural(job: str) -> str:
    """ "Engineer, electronics" is "Electronics Engineer"."""
    head, comma, kind = job.partition(", ")
    return _capitalized(f"{kind} {head}" if comma else job)


def _capitalized(text: str) -> str:
    words = text.split()
    return " ".join(
        word if word.isupper() or (place and word in _SMALL_WORDS) else word[0].upper() + word[1:]
        for place, word in enumerate(words)
    )
