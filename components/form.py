"""Form controls. Inputs stay uncontrolled (`default_value`, no `value`): what is typed survives an error.

    field("name", "Segment name", text_input("name", default_value=S.name), hint="…", error=S.errors["name"])
    text_input(id, …)  textarea(id, …)  number_input(id, …)  number_range("age", …)
    select(id, options=[("a", "A"), …] | Var[list[dict(value,label)]], …)
    checkbox(id, "Only with e-mail", checked=…, on_change=…)  switch(…)  radio_group("mode", [Choice(…)], …)
    search_input(id, placeholder, on_change=S.search.debounce(300))
    segmented([("all", "All"), …], value=S.scope, on_change=S.set_scope, label="Scope")
    native_form(…, action="/auth/login")     a real POST: the browser leaves the page, cookies get set
    error_summary(S.form_error)

An id is also the form name unless `name=` is given. A field's error is `role=alert` and tied to its input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import reflex as rx
from reflex_components_core.el.elements.base import BaseHTML

from components.binding import Items, Props, Text, text
from components.icons import icon


class NativeForm(BaseHTML):
    """`<form>` without Reflex's preventDefault, so that it really posts."""

    tag = "form"
    action: rx.Var[str]
    method: rx.Var[str]
    auto_complete: rx.Var[str]


def native_form(
    *children: rx.Component, action: Text, method: str = "post", class_name: str = "", **props: Any
) -> rx.Component:
    """A form the browser posts itself. Its submit button is disabled from the press until the next page."""
    return NativeForm.create(
        *children, action=action, method=method, data_native="", class_name=f"flex flex-col gap-4 {class_name}", **props
    )


def field(
    control_id: str,
    label: Text,
    control: rx.Component,
    *,
    hint: Text | None = None,
    error: Text | None = None,
    optional: bool = False,
    class_name: str = "",
) -> rx.Component:
    """Label above, control, hint, and the error under it. Pass the same `control_id` to the control."""
    return rx.el.div(
        rx.el.label(
            label,
            rx.el.span("optional", class_name="ml-1.5 font-normal text-ink-3") if optional else rx.fragment(),
            html_for=control_id,
            class_name="text-13 font-medium text-ink",
        ),
        control,
        rx.el.p(hint, id=f"{control_id}-hint", class_name="text-12 text-ink-3") if hint is not None else rx.fragment(),
        error_text(control_id, error) if error is not None else rx.fragment(),
        class_name=f"flex flex-col gap-1.5 {class_name}",
    )


def error_text(control_id: str, error: Text) -> rx.Component:
    """The error line of one control; empty text shows nothing."""
    return rx.el.p(
        rx.cond(
            error,
            rx.el.span(icon("circle-alert", size=13, class_name="mt-px flex-none"), error, class_name="flex gap-1.5"),
            "",
        ),
        id=f"{control_id}-error",
        role="alert",
        class_name="text-12 text-bad empty:hidden",
    )


def error_summary(message: Text) -> rx.Component:
    """The banner above a form that was refused as a whole; empty text shows nothing."""
    return rx.el.div(
        rx.cond(
            message, rx.el.div(icon("circle-alert"), rx.el.span(message), class_name="banner", data_tone="bad"), ""
        ),
        role="alert",
        class_name="empty:hidden",
    )


def _described(control_id: str, props: dict[str, Any]) -> dict[str, Any]:
    props.setdefault("name", control_id)
    error = props.pop("error", None)
    if error is not None:
        props["aria_invalid"] = rx.cond(error, "true", "false")
        props["aria_describedby"] = f"{control_id}-error {control_id}-hint"
    elif props.pop("hinted", False):
        props["aria_describedby"] = f"{control_id}-hint"
    return props


def text_input(control_id: str, *, class_name: str = "", **props: Any) -> rx.Component:
    """One line. `error=` (a text var) marks it invalid; every attribute of `<input>` may be passed."""
    return rx.el.input(
        id=control_id, class_name=f"input {class_name}", **_described(control_id, {"type": "text", **props})
    )


def number_input(control_id: str, *, class_name: str = "", **props: Any) -> rx.Component:
    """A number with tabular figures; `input_mode="decimal"` brings the right keyboard on a phone."""
    props.setdefault("input_mode", "numeric")
    return text_input(control_id, class_name=f"num {class_name}", **props)


def textarea(control_id: str, *, rows: int = 4, class_name: str = "", **props: Any) -> rx.Component:
    return rx.el.textarea(
        id=control_id, rows=str(rows), class_name=f"input {class_name}", **_described(control_id, props)
    )


def search_input(
    control_id: str, placeholder: str, *, class_name: str = "", hotkey: str = "/", **props: Any
) -> rx.Component:
    """A search box, reached with `/`. Debounce its `on_change` (`S.search.debounce(300)`)."""
    props.setdefault("aria_label", placeholder)
    return rx.el.div(
        icon("search"),
        rx.el.input(
            id=control_id,
            type="search",
            placeholder=placeholder,
            class_name="input",
            data_hotkey=hotkey,
            **_described(control_id, {"auto_complete": "off", "spell_check": False, **props}),
        ),
        class_name=f"search-wrap {class_name}",
    )


def select(
    control_id: str,
    options: Items,
    *,
    small: bool = False,
    class_name: str = "",
    **props: Any,
) -> rx.Component:
    """A native select (best on phones and for screen readers). Var options are dicts with `value` and `label`."""
    if isinstance(options, rx.Var):
        items: list[Any] = [
            rx.foreach(
                options,
                lambda select_option: rx.el.option(
                    select_option["label"], value=select_option["value"], key=select_option["value"]
                ),
            )
        ]
    else:
        items = [rx.el.option(label, value=value) for value, label in options]
    return rx.el.div(
        rx.el.select(
            *items, id=control_id, class_name=f"input {'input-sm' if small else ''}", **_described(control_id, props)
        ),
        icon("chevron-down"),
        class_name=f"select-wrap {class_name}",
    )


def number_range(
    control_id: str,
    label: Text,
    *,
    low: Text = "",
    high: Text = "",
    on_low: Any = None,
    on_high: Any = None,
    error: Text | None = None,
    unit: str = "",
) -> rx.Component:
    """Two numbers, "from" and "to". Form names are `<id>_min` and `<id>_max`; handlers get text on blur."""

    def end(suffix: str, word: str, value: Text, handler: Any) -> rx.Component:
        return number_input(
            f"{control_id}_{suffix}",
            placeholder=word,
            aria_label=f"{label} {word.lower()}" if isinstance(label, str) else word,
            default_value=value,
            key=text(value) + f"-{control_id}-{suffix}",
            **({"on_blur": handler} if handler is not None else {}),
        )

    return rx.el.fieldset(
        rx.el.legend(label, class_name="text-13 font-medium text-ink mb-1.5"),
        rx.el.div(
            end("min", "From", low, on_low),
            rx.el.span("–", class_name="text-ink-3", custom_attrs={"aria-hidden": "true"}),
            end("max", "To", high, on_high),
            rx.el.span(unit, class_name="text-13 text-ink-3") if unit else rx.fragment(),
            class_name="flex items-center gap-2",
        ),
        error_text(control_id, error) if error is not None else rx.fragment(),
        class_name="flex flex-col",
    )


def checkbox(
    control_id: str, label: Text, *, hint: Text | None = None, class_name: str = "", **props: Any
) -> rx.Component:
    """A checkbox with its label to the right. `checked`/`on_change(bool)` or `default_checked`."""
    return _labelled(
        rx.el.input(type="checkbox", id=control_id, class_name="check mt-0.5", **_described(control_id, props)),
        control_id,
        label,
        hint,
        class_name,
    )


def switch(
    control_id: str, label: Text, *, hint: Text | None = None, class_name: str = "", **props: Any
) -> rx.Component:
    """A setting that takes effect at once; inside a form use a checkbox."""
    control = rx.el.input(
        type="checkbox", role="switch", id=control_id, class_name="switch mt-px", **_described(control_id, props)
    )
    return _labelled(control, control_id, label, hint, class_name)


def _labelled(control: rx.Component, control_id: str, label: Text, hint: Text | None, class_name: str) -> rx.Component:
    return rx.el.div(
        control,
        rx.el.div(
            rx.el.label(label, html_for=control_id, class_name="text-13 text-ink cursor-pointer"),
            rx.el.p(hint, id=f"{control_id}-hint", class_name="text-12 text-ink-3")
            if hint is not None
            else rx.fragment(),
            class_name="flex flex-col gap-0.5 min-w-0",
        ),
        class_name=f"flex items-start gap-2.5 {class_name}",
    )


@dataclass(frozen=True, slots=True)
class Choice:
    """One radio choice."""

    value: str
    label: Text
    hint: str = ""


def radio_group(
    name: str, label: Text, choices: Sequence[Choice], *, value: Text = "", on_change: Any = None
) -> rx.Component:
    """Cards of radio buttons. With `on_change(value)` it is controlled, otherwise `value` is only the first choice."""

    def option(choice: Choice) -> rx.Component:
        chosen = text(value) == choice.value
        state: Props = (
            {"checked": chosen, "on_change": on_change(choice.value)}
            if on_change is not None
            else {"default_checked": chosen}
        )
        return rx.el.label(
            rx.el.input(type="radio", name=name, value=choice.value, class_name="check", **state),
            rx.el.span(
                rx.el.span(choice.label, class_name="block text-13 font-medium text-ink"),
                rx.el.span(choice.hint, class_name="block text-12 text-ink-3") if choice.hint else rx.fragment(),
            ),
            class_name="choice",
        )

    return rx.el.fieldset(
        rx.el.legend(label, class_name="text-13 font-medium text-ink mb-1.5"),
        rx.el.div(*[option(choice) for choice in choices], class_name="flex flex-col gap-2"),
    )


def segmented(options: Sequence[tuple[str, Text]], *, value: Text, on_change: Any, label: str) -> rx.Component:
    """Two to five exclusive views side by side; `on_change(value)`."""
    return rx.el.div(
        *[
            rx.el.button(
                text, type="button", aria_pressed=rx.cond(value == option, "true", "false"), on_click=on_change(option)
            )
            for option, text in options
        ],
        role="group",
        aria_label=label,
        class_name="toggle-group",
    )
