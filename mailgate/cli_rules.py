"""`mailgate rules`: see and change the rules that route mail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from mailgate import cli_rules_edit, cli_rules_revisions, cli_rules_try
from mailgate import cli_rules_output as output
from mailgate.cli_base import SPAN
from mailgate.cli_rules_base import (
    Refusal,
    RulesApp,
    RulesGroup,
    after_option,
    before_option,
    change_draft,
    in_force_option,
    json_lines,
    place_of,
    refuse_unknown_centers,
    viewed,
)
from routing import editing, store
from routing.editing import Place
from routing.rules import Phase, RuleSet, emit_rule, make_rule


@click.group(name="rules", cls=RulesGroup)
def rules() -> None:
    """Who gets which mail: see, change, try and apply the routing rules.

    A rule is a saved search (`when`) with typed actions (`then`). It stands in one of four phases, asked in
    this order: guard (hold, reject, private), route (centers, cc), enrich (tags, priority), and fallback,
    when nothing routed the mail. In a phase all rules that match apply, in order. Replies pass guard and
    enrich only. A mail that no rule routes goes to the whole community.

    \b
    Changes build a draft; nothing happens to mail until it is applied:
      mailgate rules add vdt --phase route --when 'subject:VDT (bug or crash)' --then center+=VDT
      mailgate rules test mail.eml --explain
      mailgate rules diff
      mailgate rules apply -m "VDT wants its own bugs"
      mailgate rules rollback 3 -m "too many false hits"

    \b
    Conditions (blanks mean "and"; or, not, - and parentheses as usual; * or nothing: always):
      word "a phrase"            in the subject or the new text
      subject: body: log: quoted:  text, on word boundaries, over wrapped lines
      from: to:                  ann@site.example, *@site.example, or a part of the address
      name: domain:              the sender's name; his domain and all below it
      header:X-Spam-Flag:yes     a field of the header
      list: topic: tag: attachment:    whole names, * and ? as usual
      attachment.size:>5M        of any attachment
      is:new|reply|forward|auto|bounce|private     sender:first|known|member|staff
      sender.center:USCMS        whose staff the sender is
      sender.contact:yes         the sender is a contact of a resource that the mail names
      time:22:00-06:00  weekday:sat|sun     UTC
      age:>30d  silence:>7d      of the ticket that a reply continues
      status: priority: assigned: owner: requester:   of the ticket that a reply continues
      resource: group: site: facility: vo: center: component: service:   what the mail names of the registry,
                                 in any spelling; a resource stands for its group, that for its site
      fqdn:nu.example            a host in that domain     resource.where:log   subject|prose|log|quoted|…
      resource.active:no         resource.downtime:now|planned
      subject:(crash | "exit status" | ~/segv(ault)?/)    any of these
      header:List-Id:*           there is any; for all fields alike

    \b
    Actions:
      center+=NAME  center=NAME (instead of all before)  center+=registry (those it names)
      cc+=ADDRESS  cc+=contact(resource)  cc+=admin(resource)  cc+=security(resource)
      nosy+=ADDRESS (takes part from the first)  queue=LIST  topic=NAME
      tag+=NAME  priority=critical|high|normal|low  private  hold "why"  reject "why"
      registry (who supports what the mail names)  remind after 7d to center,list,owner
      reply "text" (to the author of an opening, once a day)  note "text"  stop (the phase ends here)
    """


@rules.command(name="list")
@click.option("--phase", type=click.Choice([phase.value for phase in Phase]), help="Only this phase.")
@click.option("--all", "everything", is_flag=True, help="Disabled rules as well.")
@click.option(
    "--hits", "span", type=SPAN, metavar="30d", help="How often each matched in that time, and when last."
)
@in_force_option
@json_lines
@click.pass_obj
def list_(app: RulesApp, /, in_force: bool, as_json: bool, **which: object) -> None:
    """List rules in the order they are asked.

    \b
    mailgate rules list
    mailgate rules list --phase route --hits 30d    how often each matched
    mailgate rules list --all --active              disabled ones too; those in force, not the draft
    """
    view = viewed(app, in_force)
    now = datetime.now(UTC)
    phase, everything, span = which["phase"], which["everything"], which["span"]
    counted = app.rule_hits(span) if isinstance(span, timedelta) else None
    shown = [
        (position, rule)
        for position, rule in enumerate(view.rules.rules, 1)
        if phase in (None, rule.phase.value) and (everything or not rule.sleeps(now))
    ]
    if as_json:
        for position, rule in shown:
            output.echo_rule(rule, position, counted)
    elif shown:
        output.show_rules(shown, counted)
    asleep = sum(rule.sleeps(now) for rule in view.rules.rules)
    click.echo(view.title + (f", {asleep} disabled" if asleep else ""), err=True)


@rules.command()
@click.argument("name")
@in_force_option
@json_lines
@click.pass_obj
def show(app: RulesApp, name: str, in_force: bool, as_json: bool) -> None:
    """Show one rule as TOML.

    \b
    mailgate rules show registry
    """
    found = viewed(app, in_force).rules
    rule = found.rule(name)
    if as_json:
        output.echo_rule(rule, found.rules.index(rule) + 1)
    else:
        click.echo(emit_rule(rule), nl=False)


@rules.command()
@click.argument("name")
@click.option("--phase", required=True, type=click.Choice([phase.value for phase in Phase]))
@click.option("--when", required=True, metavar="QUERY", help="The condition; * is always.")
@click.option("--then", required=True, multiple=True, metavar="ACTION", help="What to do; may be repeated.")
@before_option
@after_option
@click.pass_obj
def add(
    app: RulesApp, /, name: str, phase: str, when: str, then: tuple[str, ...], **beside: str | None
) -> None:
    """Add a rule to the draft, at the end of its phase if nothing else is said.

    \b
    mailgate rules add vdt --phase route --when 'subject:VDT (bug or crash)' --then center+=VDT
    mailgate rules add ads --phase guard --when 'sender:first "% off"' --then 'hold "advertising?"'
    mailgate rules add own --phase route --when domain:cms.example --then center=USCMS --before vdt
    """
    rule = make_rule(name, phase, when, then)
    refuse_unknown_centers(app, RuleSet((rule,)))
    place = place_of(**beside)
    change_draft(app, lambda old: editing.add(old, rule, place), f"added {name}")


@rules.command()
@click.argument("name")
@before_option
@after_option
@click.pass_obj
def move(app: RulesApp, name: str, before: str | None, after: str | None) -> None:
    """Move a rule of the draft within its phase.

    \b
    mailgate rules move vdt --before registry
    """
    place = place_of(before, after)
    if place == Place():
        raise click.UsageError("say where: --before NAME or --after NAME")
    change_draft(app, lambda old: editing.move(old, name, place), f"moved {name}")


@rules.command()
@click.argument("name")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), metavar="DAY", help="It wakes on this day (UTC).")
@click.pass_obj
def disable(app: RulesApp, name: str, until: datetime | None) -> None:
    """Have a rule passed over, for good or until a day.

    \b
    mailgate rules disable vdt --until 2030-09-01
    """
    day = until.date() if until else None
    change_draft(app, lambda old: editing.disable(old, name, day), f"disabled {name}")


@rules.command()
@click.argument("name")
@click.pass_obj
def enable(app: RulesApp, name: str) -> None:
    """Have a disabled rule asked again.

    \b
    mailgate rules enable vdt
    """
    change_draft(app, lambda old: editing.enable(old, name), f"enabled {name}")


@rules.command()
@click.argument("name")
@click.pass_obj
def rm(app: RulesApp, name: str) -> None:
    """Remove a rule from the draft.

    \b
    mailgate rules rm vdt
    """
    change_draft(app, lambda old: editing.remove(old, name), f"removed {name}")


@rules.command()
@click.pass_obj
def discard(app: RulesApp) -> None:
    """Throw the draft away.

    \b
    mailgate rules discard
    """
    if not app.write(store.discard_draft):
        raise Refusal("there is no draft")
    click.echo("the draft is gone")


for _command in (
    cli_rules_edit.edit,
    cli_rules_try.test,
    cli_rules_try.try_,
    cli_rules_try.pin,
    cli_rules_try.pins,
    cli_rules_try.unpin,
    cli_rules_try.lint,
    cli_rules_revisions.diff,
    cli_rules_revisions.apply,
    cli_rules_revisions.history,
    cli_rules_revisions.blame,
    cli_rules_revisions.rollback,
    cli_rules_revisions.export,
    cli_rules_revisions.import_,
):
    rules.add_command(_command)
