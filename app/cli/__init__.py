"""`reachinbox`: the command that people and process managers start.

Each command is a function of the settings and its options. A failure that can be understood (an AppError, wrong
settings, a database that does not answer) ends in a sentence on standard error; anything else is a bug and shows its
traceback.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import secrets
import signal
import sys
from collections.abc import Callable
from importlib.metadata import version
from types import FrameType

import psycopg

from app import demo, doctor
from app import log as logs
from app.cli.database import migrated_pool, say_waiting, url_of
from app.cli.serving import api, up, worker
from app.db import NOT_THE_OWNER, POOLED, migrate
from app.domain.accounts import administration, password_changes, users
from app.domain.accounts.actor import LOCAL
from app.domain.ledger import after_restore
from app.domain.operations import installation, reseal
from app.domain.workspaces import keys
from app.errors import AppError, InvalidInput, Unavailable
from app.process_one import run_below_init
from app.secrets import add_secret_key, open_secret_box
from app.settings import Settings, SettingsError, check_secret_key, from_env

Command = Callable[[Settings, argparse.Namespace], None]


NOTHING_TO_TAKE_OVER = (
    "Nothing tells that this database is another installation's or an older state: there is nothing to take over. If it"
    " was put back to an earlier moment all the same, run `reachinbox hold-all` before a worker starts: it would send"
    " once more what was sent since."
)


def main() -> int:
    """Returns the exit status: 1 for what went wrong, 2 for a wrong command or setting."""
    options = _parser().parse_args()
    if options.run in {up, api, worker}:
        run_below_init()
    signal.signal(signal.SIGTERM, _exit)
    try:
        settings = from_env()
        logs.configure(settings)
        options.run(settings, options)
    except SettingsError as error:
        print("\n".join(error.problems), file=sys.stderr)
        return 1 if options.run is diagnose else 2
    except AppError as error:
        print(f"reachinbox: {error.detail}", file=sys.stderr)
        return 1
    except psycopg.errors.InsufficientPrivilege as error:
        print(f"reachinbox: {error.diag.message_primary}: {NOT_THE_OWNER}", file=sys.stderr)
        return 1
    except psycopg.OperationalError as error:
        words = POOLED if "unsupported startup parameter" in str(error) else "the database does not answer"
        print(f"reachinbox: {words}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def _exit(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)  # by way of every `finally`: the embedded Postgres is not left behind


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="reachinbox",
        description="Self-hosted email campaigns. Settings come from the environment; .env.example lists them.",
    )
    parser.add_argument("--version", action="version", version=version("reachinbox"))
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, run: Command, does: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=does, description=f"{does[0].upper()}{does[1:]}.")
        added.set_defaults(run=run)
        return added

    starting = command("up", up, "run everything: API, worker and, without DATABASE_URL, Postgres")
    starting.add_argument(
        "--demo",
        action="store_true",
        help="begin with the demo, which is otherwise for a trial: BASE_URL on this machine, no DATABASE_URL",
    )
    command("api", api, "run the API alone")
    command("worker", worker, "run a worker alone; any number of them may share a database")
    migrating = command("migrate", apply_migrations, "bring the database's schema up to date")
    migrating.add_argument("--wait", action="store_true", help="until workers of a version that cannot stay have ended")
    command("demo", show_demo, "send the demo campaign of 25 and watch it; needs a running worker")
    creating = command("create-user", create_user, "make an account")
    creating.epilog = "The password is the first line of standard input; if there is none, one is made and printed."
    creating.add_argument("email", metavar="EMAIL")
    setting = command("set-password", set_password, "give an account another password")
    setting.epilog = (
        "The password is the first line of standard input; if there is none, one is made and printed. The account is "
        "logged out everywhere, and the API keys that it has made are revoked."
    )
    setting.add_argument("email", metavar="EMAIL")
    disabling = command("disable-user", disable_user, "let nobody in by an account any more")
    disabling.epilog = "It is logged out everywhere and its API keys are refused, until enable-user."
    disabling.add_argument("email", metavar="EMAIL")
    disabling.add_argument(
        "--pause-campaigns", action="store_true", help="also pause what is sent from workspaces that it alone owns"
    )
    enabling = command("enable-user", enable_user, "let a disabled account in again")
    enabling.add_argument("email", metavar="EMAIL")
    keying = command("create-api-key", create_api_key, "make an API key and print it")
    keying.epilog = "It acts as this person in the workspace, the first of theirs unless another is named."
    keying.add_argument("email", metavar="EMAIL")
    keying.add_argument("--workspace", metavar="ID", type=int)
    rotating = command("rotate-key", rotate_key, "encrypt every stored secret with the current SECRET_KEY")
    rotating.epilog = "Without SECRET_KEY a new key is made first. The service may run meanwhile."
    holding = command("hold-all", hold_all, "pause all campaigns and put in doubt what was due")
    holding.epilog = (
        "For a database that has forgotten what was sent, while no worker lives; take-over does it after a restore."
    )
    taking = command("take-over", take_over, "send from a database that was restored, copied or promoted")
    taking.epilog = (
        "Emails may have been sent that this database does not know of: unless you say that nothing was lost, it does "
        "what hold-all does. BASE_URL has to be that of the workers."
    )
    taking.add_argument(
        "--nothing-lost", action="store_true", help="a switch that lost no commit: go on as if nothing was"
    )
    command("doctor", diagnose, "check the configuration, the database and the SMTP server")
    return parser


def apply_migrations(settings: Settings, options: argparse.Namespace) -> None:
    with url_of(settings) as url:
        count = migrate(url, waiting=say_waiting if options.wait else None)
    print(f"{count} migrations applied" if count else "nothing to migrate")


def show_demo(settings: Settings, _options: argparse.Namespace) -> None:
    async def run(url: str) -> None:
        async with migrated_pool(url) as pool:
            await demo.run(pool, open_secret_box(settings), settings)

    with url_of(settings) as url:
        asyncio.run(run(url))


def create_user(settings: Settings, options: argparse.Namespace) -> None:
    given = _read_password()
    password = given or secrets.token_urlsafe(12)

    async def run(url: str) -> users.User:
        async with migrated_pool(url) as pool:
            limit = settings.default_emails_per_hour
            return await users.create_user(
                pool, open_secret_box(settings), options.email, password, default_hourly_limit=limit
            )

    with url_of(settings) as url:
        user = asyncio.run(run(url))
    print(f"{user.email} has an account now{'' if given else ', with this password:'}", file=sys.stderr)
    if not given:
        print(password)


def set_password(settings: Settings, options: argparse.Namespace) -> None:
    given = _read_password()
    password = given or secrets.token_urlsafe(12)

    async def run(url: str) -> int:
        async with migrated_pool(url) as pool:
            user_id = await users.find_id(pool, options.email)
            return await password_changes.set_password(pool, LOCAL, user_id, password)

    with url_of(settings) as url:
        revoked = asyncio.run(run(url))
    said = f"{options.email} has another password now; API keys revoked: {revoked}{'' if given else '; the password:'}"
    print(said, file=sys.stderr)
    if not given:
        print(password)


def _read_password() -> str:
    """The first line of standard input, asked for twice on a terminal; empty when there is none."""
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison] -- so it is when it was closed
        return ""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password (empty: one is made): ")
    if password and getpass.getpass("The same again: ") != password:
        raise InvalidInput({"password": "was not the same both times"})
    return password


def disable_user(settings: Settings, options: argparse.Namespace) -> None:
    async def run(url: str) -> administration.Disabled:
        async with migrated_pool(url) as pool:
            user_id = await users.find_id(pool, options.email)
            return await administration.disable(pool, LOCAL, user_id, pause_campaigns=options.pause_campaigns)

    with url_of(settings) as url:
        disabled = asyncio.run(run(url))
    print(f"{disabled.account.email} is disabled; campaigns paused: {disabled.campaigns_paused}")


def enable_user(settings: Settings, options: argparse.Namespace) -> None:
    async def run(url: str) -> administration.Account:
        async with migrated_pool(url) as pool:
            return await administration.enable(pool, LOCAL, await users.find_id(pool, options.email))

    with url_of(settings) as url:
        print(f"{asyncio.run(run(url)).email} may log in again")


def create_api_key(settings: Settings, options: argparse.Namespace) -> None:
    async def run(url: str) -> str:
        async with migrated_pool(url) as pool:
            user = await users.find_user(pool, options.email, options.workspace)
            return await keys.create_key(pool, LOCAL.of(user.id), user.workspace_id, "command line")

    with url_of(settings) as url:
        print(asyncio.run(run(url)))


def rotate_key(settings: Settings, _options: argparse.Namespace) -> None:
    """Exits with 1 when a secret is left that no key opens."""
    check_secret_key(settings)

    async def run(url: str) -> reseal.Resealed:
        async with migrated_pool(url) as pool:
            file = add_secret_key(settings) if settings.secret_key is None else None
            resealed = await reseal.reseal(pool, open_secret_box(settings))
        if file is not None:
            print(f"A new key is the first line of {file}; keep the others for as long as backups need them")
        return resealed

    with url_of(settings) as url:
        resealed = asyncio.run(run(url))
    print(f"{resealed.total} stored secrets were encrypted anew with the current key")
    for whose, ids in (
        ("passwords of senders", resealed.unreadable),
        ("secrets of webhooks", resealed.unreadable_webhooks),
        ("tokens of logins", resealed.unreadable_logins),
    ):
        if ids:
            listed = ", ".join(map(str, ids))
            raise Unavailable(f"no key opens the {whose} {listed}; put theirs in SECRET_KEY_PREVIOUS")
    if settings.secret_key_previous is not None:
        print("SECRET_KEY_PREVIOUS is needed no more: remove it, and start the service again")


def hold_all(settings: Settings, _options: argparse.Namespace) -> None:
    async def run(url: str) -> list[after_restore.Held]:
        async with migrated_pool(url) as pool:
            return await after_restore.hold_all(pool)

    with url_of(settings) as url:
        _show_held(asyncio.run(run(url)))


def _show_held(held: list[after_restore.Held]) -> None:
    for campaign in held:
        print(
            f"campaign {campaign.campaign_id} ({campaign.name}): "
            f"{campaign.in_doubt} emails in doubt, {campaign.waiting} wait for later"
        )
    print("Nothing is sent until a person resumes a campaign or decides on its emails.")
    if any(campaign.waiting for campaign in held):
        print("Of those that wait for later, some may have been sent, too, where room became free after that moment.")


def take_over(settings: Settings, options: argparse.Namespace) -> None:
    ours = installation.ours(settings)

    async def look(url: str) -> str | None:
        async with migrated_pool(url) as pool:
            return await installation.trouble(pool, ours)

    async def take(url: str, *, hold: bool) -> list[after_restore.Held]:
        async with migrated_pool(url) as pool:
            held = await after_restore.hold_all(pool) if hold else []
            await installation.take_over(pool, ours)  # last: whatever dies before that leaves workers waiting
            return held

    with url_of(settings) as url:
        found = asyncio.run(look(url))
        if found is None:
            print(NOTHING_TO_TAKE_OVER)
            return
        print(found, file=sys.stderr)
        hold = not options.nothing_lost and _may_have_been_sent()
        held = asyncio.run(take(url, hold=hold))
    if hold:
        _show_held(held)
    print(f"From now on the database belongs to {settings.named_host or 'this machine'}; workers go on by themselves.")


def _may_have_been_sent() -> bool:
    """Without a terminal nobody is there to say no."""
    if sys.stdin is None or not sys.stdin.isatty():  # pyright: ignore[reportUnnecessaryComparison] -- when it was closed
        return True
    print("May emails have been sent, or be sent elsewhere, that this database takes for waiting?", file=sys.stderr)
    print("Then all campaigns are paused, and what is due is put in doubt, as by hold-all.", file=sys.stderr)
    try:
        return input("Yes or no [yes]: ").strip().lower() not in {"n", "no"}
    except EOFError:  # Ctrl-D is no answer
        raise KeyboardInterrupt from None


def diagnose(settings: Settings, _options: argparse.Namespace) -> None:
    if not doctor.examine(settings, url_of(settings)):
        sys.exit(1)
