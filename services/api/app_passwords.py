"""App passwords of an account, over HTTP."""

from __future__ import annotations

from services.api import bodies
from services.api.http import Call, Route
from services.api.views import at
from yubin.accounts import port
from yubin.accounts.port import Administration

_PATH = "/v1/accounts/{address}/app-passwords"


class AppPasswords:
    def __init__(self, directory: Administration) -> None:
        self._directory = directory

    def routes(self) -> list[Route]:
        b = bodies
        return [
            Route(method="GET", path=_PATH, handler=self.app_passwords, answer=b.AppPasswords),
            Route(method="POST", path=_PATH, handler=self.add_app_password, body=b.NewAppPassword, answer=b.MadeAppPassword, status=201),
            Route(method="DELETE", path=_PATH + "/{id}", handler=self.remove_app_password, status=204),
        ]  # fmt: skip

    async def app_passwords(self, call: Call) -> bodies.AppPasswords:
        """App passwords of an account, the oldest first; not what they are."""
        found = await self._directory.list_app_passwords(call.path["address"])
        return bodies.AppPasswords(app_passwords=[_shown(one) for one in found])

    async def add_app_password(self, call: Call) -> bodies.MadeAppPassword:
        """Make a random password for one mail program. Nobody can be told it again."""
        new: bodies.NewAppPassword = call.body
        made, password = await self._directory.add_app_password(
            call.path["address"], new.name, tuple(new.services)
        )
        return bodies.MadeAppPassword(app_password=_shown(made), password=password)

    async def remove_app_password(self, call: Call) -> bodies.Nothing:
        """Remove an app password; it stops working within a minute."""
        await self._directory.remove_app_password(call.path["address"], call.path["id"])
        return bodies.Nothing()


def _shown(one: port.AppPassword) -> bodies.AppPassword:
    return bodies.AppPassword(
        id=one.id,
        name=one.name,
        services=sorted(one.services),
        created=at(one.created),
        used=None if one.used is None else at(one.used),
    )
