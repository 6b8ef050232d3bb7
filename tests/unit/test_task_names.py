"""Tasks are deferred by name; every name that the code defers or schedules must be a registered task."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from cursive_app.jobs.queue import register_tasks
from cursive_app.jobs.schedule import SCHEDULE
from cursive_app.settings import ROOT

FOLDERS = ("cursive_app", "state", "db")


def deferred_names() -> Iterator[tuple[str, str]]:
    """(where, name) of each literal task name passed to `.defer(...)` or as `task=` of `open_job`."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            constants = {
                target.id: node.value.value
                for node in tree.body
                if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
                for target in node.targets
                if isinstance(target, ast.Name)
            }
            for node in ast.walk(tree):
                if isinstance(node, ast.Call):
                    for name in _names(node, constants):
                        yield f"{path.relative_to(ROOT)}:{node.lineno}", name


def _names(call: ast.Call, constants: dict[str, object]) -> Iterator[str]:
    called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    candidates: list[ast.expr] = []
    if called == "defer":
        candidates += call.args[:1]
    if called == "open_job":
        candidates += [keyword.value for keyword in call.keywords if keyword.arg == "task"]
    for candidate in candidates:
        value = candidate.value if isinstance(candidate, ast.Constant) else None
        if isinstance(candidate, ast.Name):
            value = constants.get(candidate.id)
        if isinstance(value, str):
            yield value


def test_every_deferred_name_is_a_task() -> None:
    known = register_tasks().tasks
    unknown = [(where, name) for where, name in deferred_names() if name not in known]
    assert unknown == []


def test_the_walk_finds_names(tmp_path: Path) -> None:
    tree = ast.parse('scope.defer("a.b", queue="x")\njobs.open_job(scope, task="c.d")\nscope.defer(NAME)')
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert sorted(name for call in calls for name in _names(call, {"NAME": "e.f"})) == ["a.b", "c.d", "e.f"]


def test_every_scheduled_name_is_a_task() -> None:
    known = register_tasks().tasks
    assert [scheduled.task for scheduled in SCHEDULE if scheduled.task not in known] == []


def test_tasks_are_sync_so_that_they_run_in_threads() -> None:
    import inspect

    own = {name: task for name, task in register_tasks().tasks.items() if "procrastinate" not in name}
    assert own
    assert [name for name, task in own.items() if inspect.iscoroutinefunction(task.func)] == []
